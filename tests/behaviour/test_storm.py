"""A storm of overdue steps is worked in slices, and an acknowledgement never waits for its end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server, until

from tocsin.engine import runner

pytestmark = pytest.mark.anyio


SLICE = 8


@pytest.fixture
async def tocsin(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tocsin]:
    """A server whose slices are small, so that two dozen steps are a storm."""
    monkeypatch.setattr(runner, "SLICE", SLICE)
    async with a_server(home) as made:
        yield made


async def test_an_acknowledgement_overtakes_a_storm(tocsin: Tocsin) -> None:
    """More steps are due than fit in a slice: one that is acknowledged meanwhile does not fire."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    storm = 3 * SLICE
    bodies = [{"message_type": "CRITICAL", "entity_id": f"disk-{each}"} for each in range(storm)]
    await asyncio.gather(*(tocsin.post_alert(body) for body in bodies))
    tocsin.clock.advance(timedelta(milliseconds=1))
    last = await tocsin.open("last")

    # The first slice and the acknowledgement queue behind a lock, in the order that they came.
    with tocsin.held_up():
        tocsin.clock.advance(timedelta(minutes=2))
        await until(lambda: not tocsin.server.engine.runner.is_idle)
        acknowledging = asyncio.create_task(tocsin.ask("POST", f"incidents/{last}/acknowledge"))
        await until(lambda: tocsin.server.engine.writer.waiting)
    assert (await acknowledging).is_success
    await tocsin.settle()

    assert not await tocsin.deliveries(incident=last)
    assert tocsin.receiver.count("/pager") == storm
    assert len({request.fields["incident"] for request in tocsin.receiver.requests}) == storm
