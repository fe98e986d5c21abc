"""A clock that the test moves."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until `advance`; whoever sleeps on it wakes when its instant has come."""

    def __init__(self, at: datetime = START) -> None:
        self._now = at
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - START).total_seconds()

    async def sleep_until(self, instant: datetime | None) -> None:
        if instant is not None and instant <= self._now:
            return
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((instant or datetime.max.replace(tzinfo=UTC), awake))
        await awake

    def sleep(self, length: timedelta) -> Coroutine[Any, Any, None]:
        return self.sleep_until(self._now + length)  # from now on, not from when it is awaited

    def advance(self, by: timedelta) -> datetime:
        """Move on; return the new instant. For use on the loop, where anybody sleeps."""
        assert by >= timedelta(0), "time does not go back"
        self._now += by
        sleepers, self._sleepers = self._sleepers, []
        for instant, awake in sleepers:
            if awake.done():
                continue
            if instant <= self._now:
                awake.set_result(None)
            else:
                self._sleepers.append((instant, awake))
        return self._now
