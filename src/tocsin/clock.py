"""The one place that reads the time."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

_LONGEST_SLEEP = 10.0  # seconds
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time to whoever passes it on as an argument."""

    def now(self) -> datetime:
        """Return the instant. Units: aware UTC."""

    def monotonic(self) -> float:
        """Return a reading that never goes back. Units: seconds."""

    async def sleep_until(self, instant: datetime | None) -> None:
        """Return at the instant, or a little later; for None only when cancelled.

        A clock that is set back makes it wait longer: whoever waits for a length of time calls `sleep`.
        """

    async def sleep(self, length: timedelta) -> None:
        """Return when so much time has gone by, whatever the clock is set to meanwhile."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep_until(self, instant: datetime | None) -> None:
        await _sleep_until(self, instant)

    async def sleep(self, length: timedelta) -> None:
        await asyncio.sleep(length.total_seconds())


def read_machine_clock(monotonic: Callable[[], float] = time.monotonic) -> "Reading":
    """Ask this machine for the time, which anybody may set to anything."""
    asked = monotonic()
    return Reading(datetime.now(UTC), asked, monotonic())


class Reading(NamedTuple):
    """What another clock said, and when it was asked and had answered, by a clock that never jumps."""

    at: datetime
    asked: float
    answered: float

    @property
    def offset(self) -> timedelta:
        """From a reading of 0. Half of the way to and fro had gone by when the other clock was read."""
        return self.at - _1970 - timedelta(seconds=(self.asked + self.answered) / 2)


class MeasuredClock:
    """Another clock (the database's, or this machine's own), by its offset, measured now and then.

    Between two measurements it goes on as this machine's monotonic clock does: whatever happens to
    the other one changes nothing until it is measured again, and somebody decides to go by that.
    """

    def __init__(
        self,
        first: Reading,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`wall` is this machine's own clock, which is only compared."""
        self._monotonic = monotonic
        self._wall = wall
        self.offset = first.offset
        """What it goes by. Units: from a monotonic reading to the time since 1970."""

    def now(self) -> datetime:
        return _1970 + self.offset + timedelta(seconds=self._monotonic())

    def monotonic(self) -> float:
        return self._monotonic()

    def skew(self) -> timedelta:
        """Return how far this machine's own clock is ahead; below zero: behind."""
        return self._wall() - self.now()

    def jump_to(self, reading: Reading) -> timedelta:
        """Return how far the other clock jumped, below zero when it was set back."""
        return reading.offset - self.offset

    async def sleep_until(self, instant: datetime | None) -> None:
        await _sleep_until(self, instant)

    async def sleep(self, length: timedelta) -> None:
        await asyncio.sleep(length.total_seconds())


class ProcessorShare:
    """How much of a core this process uses."""

    def __init__(
        self,
        *,
        used: Callable[[], float] = time.process_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used = used
        self._monotonic = monotonic
        self._before = (used(), monotonic())
        self._percent: int | None = None

    def percent(self) -> int | None:
        """Return the share since it was asked before, if that is a second ago or more; else what it was."""
        used, at = self._used(), self._monotonic()
        passed = at - self._before[1]
        if passed >= 1:
            self._percent = round(100 * (used - self._before[0]) / passed)
            self._before = (used, at)
        return self._percent


async def _sleep_until(clock: Clock, instant: datetime | None) -> None:
    while True:
        left = _LONGEST_SLEEP if instant is None else (instant - clock.now()).total_seconds()
        if left <= 0:
            return
        # In parts, because a clock that is set forward makes an instant come sooner.
        await asyncio.sleep(min(left, _LONGEST_SLEEP))
