"""Removes what is over for too long, beside everything else and behind it.

An hour after the last time it looks again. What it finds goes in small transactions for which the writer has nothing
better to do, and each is followed by ten times as long without one: a slow disk is not made slower.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from tocsin.actions.retention import find_old, horizon_of, remove_old
from tocsin.clock import Clock
from tocsin.metrics import RetentionMetrics
from tocsin.store.database import Database, Tx
from tocsin.store.retention.part import Found, Horizon, Part
from tocsin.store.retention.progress import judge_time, oldest_incident_at
from tocsin.store.retention.schedule import PARTS
from tocsin.store.writer import Writer, is_unavailable

T = TypeVar("T")
FIRST_AFTER: Final = timedelta(minutes=5)
"""A server that just started has something better to do."""
LOOK_EVERY: Final = timedelta(hours=1)
SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
_PAUSE_FACTOR: Final = 10
LARGEST_JUMP: Final = timedelta(hours=1)
logger = logging.getLogger(__name__)


class _Over(Exception):
    """Nothing more is to be removed now."""


class Retention:
    """One for each process. To be made, started and stopped on the loop."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        clock: Clock,
        *,
        keep: timedelta,
        count: RetentionMetrics,
    ) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._keep = keep
        self._count = count
        self._jump = Jump(clock)
        self._seen_until: dict[str, int] = {}
        """Of parts that never change: up to where all has been looked at."""
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name="tocsin-retention")

    async def stop(self) -> None:
        """Remove no more. What the writer is at, it ends."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        wait = FIRST_AFTER
        while await self._slept(wait):
            began = self._clock.monotonic()
            await self._look_through()
            wait = LOOK_EVERY - timedelta(seconds=self._clock.monotonic() - began)

    async def _look_through(self) -> None:
        horizon = horizon_of(self._clock.now(), keep=self._keep)
        removed: Counter[str] = Counter()
        try:
            if not await self._believes_the_clock():
                return
            for part in PARTS:
                await self._remove_safely(part, horizon, removed)
            oldest = await self._read(oldest_incident_at)
            self._count.looked_through(self._clock.now(), oldest)
        except _Over:
            pass
        except Exception as error:  # noqa: BLE001 - the store's: another hour will do
            logger.warning("retention.failed", extra={"cause": type(error).__name__})
        if removed:
            facts = {**removed, "before": horizon.before.isoformat(timespec="seconds")}
            logger.info("retention.removed", extra=facts)

    async def _believes_the_clock(self) -> bool:
        now, has_jumped = self._clock.now(), self._jump.has_happened()
        if await self._write(lambda tx: judge_time(tx, now, has_jumped=has_jumped)):
            return True
        logger.warning("retention.waits", extra={"reason": "the clock may have jumped ahead"})
        return False

    async def _remove_safely(self, part: Part, horizon: Horizon, removed: Counter[str]) -> None:
        """Remove a part; one that is broken keeps no other from it."""
        try:
            await self._remove_part(part, horizon, removed)
        except Exception as error:
            if isinstance(error, _Over) or is_unavailable(error):
                raise
            logger.exception("retention.broken", extra={"part": part.name})

    async def _remove_part(self, part: Part, horizon: Horizon, removed: Counter[str]) -> None:
        on_from = self._seen_until.get(part.name)
        while True:
            found = await self._find(part, horizon, on_from)
            for lot in found.lots:
                await self._remove_lot(part, horizon, lot, removed)
            if found.on_from is None:
                return
            on_from = found.on_from
            if part.never_changes:
                self._seen_until[part.name] = on_from
            await self._pause(0.0)

    async def _find(self, part: Part, horizon: Horizon, on_from: int | None) -> Found:
        return await self._read(lambda tx: find_old(tx, part, horizon, on_from=on_from))

    async def _remove_lot(
        self, part: Part, horizon: Horizon, lot: Sequence[int], removed: Counter[str]
    ) -> None:
        is_done = False
        while not is_done:
            began = self._clock.monotonic()
            done = await self._write(lambda tx: remove_old(tx, part, horizon, lot))
            if done is None:
                raise _Over
            is_done = done.is_done
            if done.rows:
                removed.update({part.name: done.things, "rows": done.rows})
                self._count.removed(part.name, done.things, done.rows)
            await self._pause(self._clock.monotonic() - began)

    async def _read(self, work: Callable[[Tx], T]) -> T:
        def read() -> T:
            with self._database.read() as tx:
                return work(tx)

        return await self._unless_stopped(asyncio.to_thread(read))

    async def _write(self, work: Callable[[Tx], T]) -> T:
        future = self._writer.submit(work, idle=True)
        return await self._unless_stopped(asyncio.wrap_future(future))

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        """Return what the store answers; a store that does not keeps nobody from stopping. Raises: _Over."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not working.done():
            working.cancel()
            raise _Over
        return working.result()

    async def _pause(self, took: float) -> None:
        """Leave the disk to others. Units: seconds. Raises: _Over."""
        seconds = min(max(SHORTEST_PAUSE, took * _PAUSE_FACTOR), LONGEST_PAUSE)
        if not await self._slept(timedelta(seconds=seconds)):
            raise _Over

    async def _slept(self, length: timedelta) -> bool:
        """Return True when so much time has gone by, or False as soon as this is to stop."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(length))
        try:
            await asyncio.wait((stopping, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sleeping.cancel()
        return not self._stopping.is_set()


class Jump:
    """Whether the clock jumped ahead, which a monotonic one shows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None

    def has_happened(self) -> bool | None:
        """Return whether it did since this was asked before; None: it was not."""
        before, self._offset = (
            self._offset,
            self._clock.now().timestamp() - self._clock.monotonic(),
        )
        return None if before is None else self._offset - before > LARGEST_JUMP.total_seconds()
