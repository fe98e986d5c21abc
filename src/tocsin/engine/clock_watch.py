"""The clock that all nodes go by, measured every 10 s; whether what it says may be acted on."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from tocsin.clock import Reading, SharedClock
from tocsin.domain.clock_jump import ClockJump
from tocsin.store.database import is_store_failure

MEASURE_EVERY = timedelta(seconds=10)
logger = logging.getLogger(__name__)


class ClockWatch:
    """Without a shared clock there is nothing to watch. For use on the loop."""

    def __init__(
        self,
        clock: SharedClock | None,
        read: Callable[[], Reading],
        *,
        on_trusted: Callable[[], None],
    ) -> None:
        """`read` asks the other clock, which takes a while; `on_trusted` is told when it agrees again."""
        self._clock = clock
        self._read = read
        self._on_trusted = on_trusted
        self._measuring: asyncio.Task[None] | None = None
        self.jumped: timedelta | None = None
        """How far it jumped when it was measured last, if that is too far to claim anything by it."""

    def begin(self) -> None:
        """Measure from now on."""
        if self._clock is not None:
            self._measuring = asyncio.create_task(self._go_on(self._clock), name="tocsin-clock")

    def end(self) -> None:
        """Measure no more."""
        if self._measuring is not None:
            self._measuring.cancel()

    @property
    def is_trusted(self) -> bool:
        """Whether two measurements in a row agree."""
        return self.jumped is None

    async def _go_on(self, clock: SharedClock) -> None:
        while True:
            await asyncio.sleep(MEASURE_EVERY.total_seconds())  # by a clock that does not jump
            try:
                self.judge(clock.set_by(await asyncio.to_thread(self._read)))
            except Exception as error:
                if not is_store_failure(error):
                    logger.exception("clock.not_measured")

    def judge(self, jump: timedelta) -> None:
        """Say what a measurement found, and stop claiming, or go on."""
        was_trusted = self.is_trusted
        found = ClockJump.of(jump)
        self.jumped = jump if found is ClockJump.TOO_FAR else None
        if found is not ClockJump.NONE:
            facts = {"seconds": round(jump.total_seconds(), 3), "claims": self.is_trusted}
            logger.log(
                logging.WARNING if self.is_trusted else logging.ERROR, "clock.jumped", extra=facts
            )
        if self.is_trusted and not was_trusted:
            logger.warning("clock.agrees")
            self._on_trusted()
