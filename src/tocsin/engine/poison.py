"""What failed alone and waits: logged, counted, told, and one day tried again."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.incident_set import Context, ContextSource
from tocsin.actions.poison import Failure, Waiting
from tocsin.clock import Clock
from tocsin.domain.poison import Poison
from tocsin.store.database import Tx
from tocsin.store.writer import Writer

MOST_PAGES_AN_HOUR: Final = 20
"""If more than that fails alone, it is no longer about single things, and somebody knows."""
_HOUR: Final = timedelta(hours=1)
_PIPELINES: Final = {
    Poison.STEP: "escalate",
    Poison.HOLD: "escalate",
    Poison.DELIVERY: "deliver",
    Poison.OUTCOME: "deliver",
}
_EVENTS: Final = {
    Poison.STEP: "escalation.poisoned",
    Poison.HOLD: "hold.poisoned",
    Poison.DELIVERY: "delivery.poisoned",
    Poison.OUTCOME: "attempt.not_recorded",
}
Postponing = Callable[[Tx, Context, Failure], Waiting]
"""Makes something wait and tells of it."""
logger = logging.getLogger(__name__)


class Ward:
    """Keeps account of what waits because it failed alone. For use on the loop."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        context_source: ContextSource,
        *,
        on_poison: Callable[[str], None],
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._context_source = context_source
        self._on_poison = on_poison
        self._waiting: list[datetime] = []
        self._paged_at: deque[datetime] = deque(maxlen=MOST_PAGES_AN_HOUR)

    def count(self) -> int:
        """Return how many steps, holds and deliveries wait. For use on any thread."""
        now = self._clock.now()
        return sum(until > now for until in self._waiting)

    async def take_in(self, what: Poison, error: Exception, work: Postponing) -> None:
        """Have `work` make it wait and tell of it.

        Raises: StoreUnavailable, and what `work` raises.
        """
        failure = Failure.of(error, may_page=self.may_page())
        waiting = None
        try:
            waiting = await asyncio.wrap_future(
                self._writer.submit(lambda tx: work(tx, self._context_source(tx), failure))
            )
        finally:
            self.took_in(what, error, waiting)

    def took_in(self, what: Poison, error: Exception, waiting: Waiting | None) -> None:
        """Count and log what failed alone, and until when it was made to wait; None: nothing was."""
        self._on_poison(_PIPELINES[what])
        facts = {"subject": waiting.subject, "until": str(waiting.until)} if waiting else {}
        logger.error(_EVENTS[what], extra=facts, exc_info=error)
        if waiting is not None:
            self._note(what, waiting)

    def may_page(self) -> bool:
        """Return whether what fails now may become an incident of its own."""
        oldest = self._paged_at[0] if len(self._paged_at) == MOST_PAGES_AN_HOUR else None
        return oldest is None or self._clock.now() - oldest >= _HOUR

    def _note(self, what: Poison, waiting: Waiting) -> None:
        if what is not Poison.OUTCOME:  # the courier knows of those
            now = self._clock.now()
            self._waiting = [*(until for until in self._waiting if until > now), waiting.until]
        if waiting.has_paged:
            self._paged_at.append(self._clock.now())
        if waiting.untold is not None:
            logger.error("poison.not_told", extra={"what": what.value}, exc_info=waiting.untold)
