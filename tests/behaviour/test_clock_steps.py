"""Somebody sets this machine's clock: nothing fires twice, and nobody waits an hour longer for a page.

PostgreSQL's nodes go by its clock, whatever theirs says: tests/engine/test_clock.py.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import ON_SQLITE, Tocsin, a_receiver
from tests.manual_clock import ManualClock

from tocsin.clock import MeasuredClock, Reading
from tocsin.domain.watch import parse_peers
from tocsin.wiring import nodes

pytestmark = [pytest.mark.anyio, ON_SQLITE]


class Machine:
    """A machine whose wall clock can be set, and whose time goes by as the test says."""

    def __init__(self) -> None:
        self.goes_by = ManualClock()
        self.set_by = timedelta(0)
        self.clock = _Measured(self)

    def read(self) -> Reading:
        at = self.goes_by.monotonic()
        return Reading(self.goes_by.now() + self.set_by, at, at)

    async def measure(self, tocsin: Tocsin, times: int = 2) -> None:
        for _ in range(times):
            await tocsin.server.engine.clock_watch.judge(self.clock, self.read())
        await tocsin.settle()


class _Measured(MeasuredClock):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.read(), monotonic=machine.goes_by.monotonic)
        self._goes_by = machine.goes_by

    async def sleep_until(self, instant: datetime | None) -> None:
        while instant is None or instant > self.now():
            await self._goes_by.sleep_until(
                instant and self._goes_by.now() + (instant - self.now())
            )

    async def sleep(self, length: timedelta) -> None:
        await self._goes_by.sleep(length)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(nodes, "read_machine_clock", machine.read)
    return machine


@pytest.fixture
async def tocsin(home: Path, machine: Machine) -> AsyncIterator[Tocsin]:
    async with a_receiver() as receiver:
        made = Tocsin(home, machine.goes_by, receiver)
        try:
            yield await made.start(clock=machine.clock)
        finally:
            receiver.let_all_go()
            await made.stop()


async def test_a_clock_that_is_set_back_delays_no_page_and_repeats_none(
    tocsin: Tocsin, machine: Machine
) -> None:
    """Steps, retries and the end of a hold come after the time that they were to come after."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["phone"]), ("5m", ["pager"])]})
    tocsin.receiver.answer("/pager", 500, 200)
    await tocsin.alert()
    held = await tocsin.open("held")
    await tocsin.act(held, "hold", **{"for": "10m"})
    assert tocsin.receiver.paths() == ["/pager", "/pager"]

    machine.set_by = -timedelta(hours=1)
    await machine.measure(tocsin)
    await tocsin.advance(seconds=3)
    assert tocsin.called_about("disk") == ["/pager", "/pager"]
    await tocsin.advance(minutes=5)
    assert tocsin.called_about("disk") == ["/pager", "/pager", "/phone"]
    await tocsin.advance(minutes=5)
    assert tocsin.called_about("disk") == ["/pager", "/pager", "/phone", "/pager"]
    assert tocsin.called_about("held")[-1] == "/pager"
    assert len(tocsin.called_about("held")) == 2
    paged = await tocsin.entries(1, "paged")
    assert sorted(each["lateness_seconds"] for each in paged) == [0, 3, 3]


async def test_a_clock_that_is_set_ahead_moves_what_is_due_by_as_much_and_says_so(
    tocsin: Tocsin, machine: Machine
) -> None:
    """It cannot be told from a machine that slept: only the next step fires, marked late."""
    await tocsin.configure({"main": [("5m", ["pager"]), ("5m", ["phone"])]})
    await tocsin.alert()
    machine.set_by = timedelta(hours=1)
    await machine.measure(tocsin, times=1)
    ready = await tocsin.http.get("/readyz")
    assert [each["code"] for each in ready.json()["reasons"]] == ["clock_jumped"]
    assert not tocsin.receiver.requests
    await machine.measure(tocsin, times=1)
    assert tocsin.receiver.paths() == ["/pager"]
    (paged,) = await tocsin.entries(1, "paged")
    assert paged["lateness_seconds"] == 55 * 60
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]


async def test_a_clock_that_is_wrong_for_a_moment_moves_nothing(
    tocsin: Tocsin, machine: Machine
) -> None:
    """While it is, nothing fires; what was due then fires as soon as it is right again."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    machine.set_by = -timedelta(hours=1)
    await tocsin.advance(minutes=5, seconds=-1)
    await machine.measure(tocsin, times=1)
    await tocsin.advance(seconds=1)
    assert not tocsin.receiver.requests
    machine.set_by = timedelta(0)
    await machine.measure(tocsin, times=1)
    assert tocsin.receiver.paths() == ["/pager"]
    (paged,) = await tocsin.entries(1, "paged")
    assert paged["lateness_seconds"] == 0


async def test_a_clock_that_is_set_back_silences_no_peer(home: Path, machine: Machine) -> None:
    """A peer that is not called for the hour would page."""
    async with a_receiver() as receiver:
        tocsin = Tocsin(home, machine.goes_by, receiver)
        await tocsin.start(clock=machine.clock, watch=parse_peers(receiver.url("/peer")))
        try:
            await tocsin.settle()
            assert receiver.refused == 1  # no call is signed: it goes on every 10 s
            machine.set_by = -timedelta(hours=1)
            await machine.measure(tocsin)
            await tocsin.advance(seconds=10)
            assert receiver.refused == 2
        finally:
            await tocsin.stop()


async def test_a_clock_that_is_set_back_between_a_stop_and_a_start_delays_no_page(
    tocsin: Tocsin,
) -> None:
    """Who sets the clock right starts the server anew: the step comes 5 minutes later all the same."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    await tocsin.advance(minutes=1)
    await tocsin.stop()
    tocsin.clock = ManualClock(tocsin.now - timedelta(hours=1))
    await tocsin.start()
    await tocsin.advance(minutes=4, seconds=-1)
    assert not tocsin.receiver.requests
    await tocsin.advance(seconds=1)
    assert tocsin.receiver.paths() == ["/pager"]
    await tocsin.stop()
    tocsin.clock = ManualClock(tocsin.now)
    await tocsin.start()
    assert tocsin.receiver.paths() == ["/pager"]
