"""Alerts that were refused: kept, redacted, for whoever looks for them. Nobody waits for it.

Anybody can have requests refused, without a key and as fast as the network goes. So those that are
alike are one row with a count; what came without a key is written once a second at the most, and makes
few new rows a minute. Beyond that it is counted in one row together.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Final

from tocsin.clock import Clock
from tocsin.domain.refusal import Refusal
from tocsin.ids import IdSource
from tocsin.store.alerts import RefusedAlert, replace_refused_alerts
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer, WriterStopped

MOST_WAITING: Final = 1000
MOST_TOLD_APART: Final = 60
"""How many rows a minute those without a key may add."""
_MINUTE: Final = 60.0  # seconds
_PAUSE: Final = timedelta(seconds=1)
_REMEMBERED: Final = 2000
_Likeness = tuple[str | None, ...]
_Batch = Sequence[tuple[RefusedAlert | None, Refusal]]
logger = logging.getLogger(__name__)


class RefusedAlerts:
    """Gathers refusals and has them written, one batch at a time. For use on the loop."""

    def __init__(self, writer: Writer, ids: IdSource, clock: Clock) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._ids = ids
        self._clock = clock
        self._waiting: dict[_Likeness, Refusal] = {}
        self._kept: OrderedDict[_Likeness, RefusedAlert] = OrderedDict()
        """The rows that a refusal like them would add to, the latest last."""
        self._is_saving = False
        self._saved_at = float("-inf")
        self._timer: asyncio.Task[None] | None = None
        self._minute_began = float("-inf")
        self._added = 0

    def add(self, refusal: Refusal) -> None:
        """Keep a refusal. While the store takes none, only the latest 1,000 are remembered."""
        if refusal.is_anonymous and not self._is_told_apart(refusal):
            refusal = refusal.as_one_of_many()
        self._wait(refusal)
        self._save_soon(is_urgent=not refusal.is_anonymous)

    def close(self) -> None:
        """Have written what waits; the writer must not have stopped yet."""
        if self._waiting:
            self._save()

    def _is_told_apart(self, refusal: Refusal) -> bool:
        """Return whether it gets a row of its own: it has one, or this minute's are not used up."""
        if refusal.likeness in self._kept or refusal.likeness in self._waiting:
            return True
        now = self._clock.monotonic()
        if now - self._minute_began >= _MINUTE:
            self._minute_began, self._added = now, 0
        self._added += 1
        return self._added <= MOST_TOLD_APART

    def _wait(self, refusal: Refusal) -> None:
        known = self._waiting.pop(refusal.likeness, None)
        self._waiting[refusal.likeness] = known.followed_by(refusal) if known else refusal
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _save_soon(self, *, is_urgent: bool) -> None:
        """Save now if that is urgent or nothing was saved just before; else in a moment."""
        if self._is_saving:
            return  # what came meanwhile is looked at when that is done
        rested = self._clock.monotonic() - self._saved_at
        if is_urgent or rested >= _PAUSE.total_seconds():
            self._save()
        elif self._timer is None:
            self._timer = self._loop.create_task(self._save_later())

    async def _save_later(self) -> None:
        await self._clock.sleep(_PAUSE)
        self._timer = None
        if not self._is_saving:
            self._save()

    def _save(self) -> None:
        self._stop_timer()
        self._is_saving, self._saved_at = True, self._clock.monotonic()
        waiting, self._waiting = self._waiting, {}
        batch = [(self._kept.get(likeness), refusal) for likeness, refusal in waiting.items()]
        self._writer.submit(lambda tx: self._write(tx, batch)).add_done_callback(
            lambda saved: self._loop.call_soon_threadsafe(self._saved, batch, saved)
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self, tx: Tx, batch: _Batch) -> list[RefusedAlert]:
        """On the writer's thread: a refusal like one that is kept takes its place, as the latest."""
        ids = self._ids.take(len(batch), batch[-1][1].last_at)
        rows = [
            RefusedAlert(id_, known.refusal.followed_by(refusal) if known else refusal)
            for id_, (known, refusal) in zip(ids, batch, strict=True)
        ]
        replace_refused_alerts(tx, [known.id for known, _ in batch if known], rows)
        return rows

    def _saved(self, batch: _Batch, saved: "Future[list[RefusedAlert]]") -> None:
        self._is_saving = False
        if error := saved.exception():
            self._not_saved(batch, error)
            return
        for row in saved.result():
            self._kept[row.refusal.likeness] = row
            self._kept.move_to_end(row.refusal.likeness)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        if self._waiting:
            urgent = any(not refusal.is_anonymous for refusal in self._waiting.values())
            self._save_soon(is_urgent=urgent)

    def _not_saved(self, batch: _Batch, error: BaseException) -> None:
        logger.error("refused_alerts.not_kept", extra={"cause": str(error)})
        if isinstance(error, StoreUnavailable) and not isinstance(error, WriterStopped):
            later, self._waiting = self._waiting, {}
            for refusal in (*(each for _, each in batch), *later.values()):
                self._wait(refusal)
            self._save_soon(is_urgent=False)
