"""The one place that reads the time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

_LONGEST_SLEEP = 60.0  # seconds


class Clock(Protocol):
    """Tells the time to whoever passes it on as an argument."""

    def now(self) -> datetime:
        """Return the instant. Units: aware UTC."""

    def monotonic(self) -> float:
        """Return a reading that never goes back. Units: seconds."""

    async def sleep_until(self, instant: datetime | None) -> None:
        """Return at the instant, or a little later; for None only when cancelled."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep_until(self, instant: datetime | None) -> None:
        while True:
            left = _LONGEST_SLEEP if instant is None else (instant - self.now()).total_seconds()
            if left <= 0:
                return
            # In parts, because a clock that is set forward makes an instant come sooner.
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
