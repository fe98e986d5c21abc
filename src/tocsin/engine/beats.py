"""Calls of jobs that wait to be noted, a group at a time; and since when some could not be."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from tocsin.actions.heartbeats import Call, Judged, take_calls
from tocsin.actions.incident_set import ContextSource
from tocsin.clock import Clock
from tocsin.domain.heartbeat import Verdict
from tocsin.engine.awaited import MOST_WAITING, Awaited
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer

MOST_IN_A_BATCH = 256
_LOUD = (Verdict.JOB_FAILED, Verdict.FELL_SILENT)
logger = logging.getLogger(__name__)


class BeatsFull(TocsinError):
    """More jobs call than the database takes; the caller should come back."""

    code: ClassVar[str] = "beats_full"
    status_hint: ClassVar[int] = 503


class CallNotNoted(TocsinError):
    """This one call could not be noted, while others were."""

    code: ClassVar[str] = "call_not_noted"
    status_hint: ClassVar[int] = 500


class Beats:
    """Takes calls in, as the inbox takes alerts. For use on the loop only."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        context_source: ContextSource,
        *,
        on_deaf: Callable[[], None],
    ) -> None:
        """`on_deaf` is told when calls begin to be refused."""
        self._clock = clock
        self._context_source = context_source
        self._on_deaf = on_deaf
        self.deaf_since: datetime | None = None
        """Since when calls were refused for which nobody was excused yet; None: none was."""
        self._calls: Awaited[Call, Verdict | None] = Awaited(
            writer,
            self._take,
            done=self._done,
            refused=self._refused,
            poisoned=self._poisoned,
            most=MOST_IN_A_BATCH,
        )

    def __len__(self) -> int:
        return len(self._calls)

    def take_in(self, call: Call) -> "asyncio.Future[Verdict | None]":
        """Return what becomes of a call, once it is on disk; None: there is no such heartbeat.

        Raises: BeatsFull; the future raises StoreUnavailable or CallNotNoted.
        """
        if self._calls.is_full:
            self._is_deaf()
            raise BeatsFull(
                f"{MOST_WAITING} calls wait to be noted: call again in a moment",
                waiting=MOST_WAITING,
            )
        return self._calls.add(call)

    def judged(
        self, judged: Sequence[Judged], excused: Sequence[str], deaf_since: datetime | None
    ) -> None:
        """Say what a tick on disk made of those that were due, and since when it excused the unheard."""
        for each in judged:
            _log(each.slug, each.verdict, each.error)
        if excused:
            facts = {"heartbeats": len(excused), "since": str(deaf_since)}
            logger.warning("heartbeats.excused", extra=facts)
        if deaf_since is not None and self.deaf_since == deaf_since:
            self.deaf_since = None

    def _take(self, tx: Tx, calls: Sequence[Call]) -> Sequence[Verdict | None]:
        return take_calls(tx, calls, self._context_source(tx))

    def _done(self, calls: Sequence[Call], verdicts: Sequence[Verdict | None]) -> None:
        for call, verdict in zip(calls, verdicts, strict=True):
            if verdict is not None:
                _log(call.slug, verdict)

    def _refused(self, count: int, error: StoreUnavailable) -> None:
        logger.error("heartbeats.refused", extra={"calls": count, "cause": error.message})
        self._is_deaf()

    def _poisoned(self, call: Call, error: Exception) -> CallNotNoted:
        logger.error("heartbeat.not_noted", extra={"heartbeat": call.slug}, exc_info=error)
        return CallNotNoted("this call could not be noted; the server's log says why")

    def _is_deaf(self) -> None:
        if self.deaf_since is None:
            self.deaf_since = self._clock.now()
            self._on_deaf()


def _log(slug: str, verdict: Verdict, error: Exception | None = None) -> None:
    if error is not None:
        logger.error("heartbeat.not_judged", extra={"heartbeat": slug}, exc_info=error)
        return
    level = logging.DEBUG if verdict is Verdict.KEPT else logging.INFO
    if verdict in _LOUD:
        level = logging.WARNING
    logger.log(level, "heartbeat.judged", extra={"heartbeat": slug, "verdict": verdict.value})
