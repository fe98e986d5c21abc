"""A step fires at its instant: not before, and hardly after."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server

from tocsin.clock import SystemClock

pytestmark = pytest.mark.anyio


async def test_a_step_fires_at_its_instant_and_not_a_microsecond_before(tocsin: Tocsin) -> None:
    """The engine sleeps until exactly then."""
    await tocsin.configure({"main": [("90s", ["pager"])]})
    await tocsin.alert()
    await tocsin.advance(seconds=90, microseconds=-1)
    assert not tocsin.receiver.requests
    await tocsin.advance(microseconds=1)
    assert tocsin.receiver.paths() == ["/pager"]


async def test_what_comes_later_and_is_due_earlier_wakes_the_engine(tocsin: Tocsin) -> None:
    """A sleep until tomorrow is no obstacle to a page in a minute."""
    await tocsin.configure(
        {"slow": [("1d", ["pager"])], "quick": [("1m", ["phone"])]},
        keys={"slow": ["slow"], "quick": ["quick"]},
    )
    await tocsin.alert(entity_id="one", key="slow")
    await tocsin.alert(entity_id="two", key="quick")
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/phone"]


@pytest.fixture
async def on_real_time(home: Path) -> AsyncIterator[Tocsin]:
    async with a_server(home, clock=SystemClock()) as made:
        yield made


async def test_by_the_machine_s_own_clock_a_step_is_on_time(on_real_time: Tocsin) -> None:
    """One second after the alert its page arrives, and the lateness on record is small."""
    tocsin = on_real_time
    await tocsin.configure({"main": [("1s", ["pager"])]})
    await tocsin.alert()
    assert not tocsin.receiver.requests
    await tocsin.receiver.wait_for(1)
    (paged,) = await tocsin.entries(1, "paged")
    assert 0 <= paged["lateness_seconds"] < 0.5
