"""Two nodes on one PostgreSQL: either does what is due, and neither does it twice."""

import asyncio
import shutil
import threading
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, until

from tocsin.store.schema import to_micros

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("home", ["postgresql"], indirect=True),
]


@pytest.fixture
async def other(tocsin: Tocsin, home: Path, tmp_path: Path) -> AsyncIterator[Tocsin]:
    """A second node, on another machine: with a home of its own, and the same master key."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere, ignore=shutil.ignore_patterns("*.lock", "server.json"))
    node = Tocsin(elsewhere, tocsin.clock, tocsin.receiver)
    try:
        yield await node.start()
    finally:
        await node.stop()


async def both_settle(one: Tocsin, two: Tocsin) -> None:
    for _ in range(3):
        await one.settle()
        await two.settle()


async def advance(one: Tocsin, two: Tocsin, seconds: int) -> None:
    """Move the clock that both go by, slowly enough for each to say that it lives."""
    for _ in range(seconds // 2):
        await one.advance(seconds=2)
        await both_settle(one, two)


async def test_a_step_fires_once_whoever_looks(tocsin: Tocsin, other: Tocsin) -> None:
    """An alert that came to one node pages once, and each of its steps once."""
    await tocsin.configure({"main": [("0s", ["a"]), ("10s", ["b"]), ("10s", ["c"])]})
    await asyncio.gather(*(node.alert(entity_id="disk") for node in (tocsin, other)))
    await advance(tocsin, other, 22)
    assert sorted(tocsin.receiver.paths()) == ["/a", "/b", "/c"]
    told = Counter(await tocsin.timeline())
    assert (told["opened"], told["rolled_up"], told["paged"], told["nobody_left_to_page"]) == (
        1,
        1,
        3,
        1,
    )


async def test_an_acknowledgement_at_one_node_stops_what_the_other_would_send(
    tocsin: Tocsin, other: Tocsin
) -> None:
    """The step does not fire, on neither."""
    await tocsin.configure({"main": [("10s", ["a"])]})
    await tocsin.alert(entity_id="disk")
    await other.act(1, "acknowledge")
    await advance(tocsin, other, 14)
    assert not tocsin.receiver.requests


async def test_an_acknowledgement_at_one_node_reaches_the_other_before_the_first_byte(
    tocsin: Tocsin, other: Tocsin, name_server: threading.Event
) -> None:
    """What one node has leased and not yet begun to send is stopped by what the other commits."""
    url = f"http://localhost:{tocsin.receiver.port}/a"
    await tocsin.configure({"main": [("0s", ["a"])]}, webhooks={"a": {"url": url}})
    other.server.engine.runner.stop()
    await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    await until(lambda: tocsin.server.engine.courier.in_flight)
    assert (await other.ask("POST", "incidents/1/acknowledge")).is_success
    await until(lambda: tocsin.server.engine.courier._cancelled)
    name_server.set()
    await tocsin.settle()
    assert not tocsin.receiver.requests
    (delivery,) = await tocsin.deliveries()
    assert (delivery["state"], delivery["end_reason"]) == ("cancelled", "acknowledged")


async def test_what_one_node_made_due_the_other_hears_of(tocsin: Tocsin, other: Tocsin) -> None:
    """It does not sleep until it would have looked by itself."""
    await tocsin.configure({"main": [("3s", ["a"])]})
    tocsin.server.engine.runner.stop()
    await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    await until(lambda: other.server.engine.runner._sleeps_until == due_in(other, 3))
    await other.advance(seconds=3)
    assert tocsin.receiver.paths() == ["/a"]


async def test_a_key_that_one_node_made_opens_the_other(tocsin: Tocsin, other: Tocsin) -> None:
    """At once, and once it is revoked, no longer."""
    await tocsin.configure({"main": [("0s", ["a"])]})
    made = await tocsin.post("keys", name="sender")
    body = {"message_type": "INFO", "entity_id": "disk"}

    async def status() -> int:
        return (await other.post_alert(body, alert_key=made["key"])).status_code

    async with asyncio.timeout(20):
        while await status() != 200:  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.01)
        await tocsin.call("DELETE", "keys/sender")
        while await status() != 404:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def due_in(node: Tocsin, seconds: int) -> int:
    return to_micros(node.now + timedelta(seconds=seconds))
