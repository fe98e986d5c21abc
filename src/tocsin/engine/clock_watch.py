"""The clock that counts, measured every 10 s; whether what it says may be acted on.

It is the database's, or with SQLite this machine's own: either may be set, or be wrong.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from tocsin.clock import MeasuredClock, Reading
from tocsin.domain.clock_jump import NOTED, TOO_FAR, ClockJump
from tocsin.store.database import Tx
from tocsin.store.plans import bring_forward, bring_forward_once
from tocsin.store.writer import Writer, is_unavailable

MEASURE_EVERY = timedelta(seconds=10)
LOOK_AGAIN = timedelta(seconds=1)
"""After a jump of this machine's own clock. Where nodes share one, all must have seen it before any goes by it."""
logger = logging.getLogger(__name__)


class ClockWatch:
    """Without a clock that is measured there is nothing to watch. For use on the loop."""

    def __init__(
        self,
        clock: MeasuredClock | None,
        read: Callable[[], Reading],
        writer: Writer,
        *,
        is_shared: bool,
        on_trusted: Callable[[], None],
    ) -> None:
        """`read` asks the other clock, which takes a while; `on_trusted` is told to look again what is due."""
        self._clock = clock
        self._read = read
        self._writer = writer
        self._is_shared = is_shared
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
        """Whether it is where it should be, or two measurements agree that it is not."""
        return self.jumped is None

    async def _go_on(self, clock: MeasuredClock) -> None:
        while True:
            wait = MEASURE_EVERY if self.is_trusted or self._is_shared else LOOK_AGAIN
            await asyncio.sleep(wait.total_seconds())  # by a clock that does not jump
            try:
                reading = (
                    self._read() if not self._is_shared else await asyncio.to_thread(self._read)
                )
                await self.judge(clock, reading)
            except Exception as error:
                if not is_unavailable(error):
                    logger.exception("clock.not_measured")

    async def judge(self, clock: MeasuredClock, reading: Reading) -> None:
        """Go by what a measurement found; or, if that is too far, claim nothing until another one agrees.

        Raises: StoreUnavailable, having changed nothing; the next measurement will do.
        """
        jump = clock.jump_to(reading)
        found, was_trusted = ClockJump.of(jump), self.is_trusted
        if found is ClockJump.TOO_FAR and not self._agrees(jump):
            self.jumped = jump
            _say(logging.ERROR, jump, claims=False)
            return
        await self._go_by(clock, reading, jump)
        self.jumped = None
        if found is ClockJump.NOTED:
            _say(logging.WARNING, jump, claims=True)
        if not was_trusted:
            logger.warning("clock.agrees", extra={"seconds": _seconds(jump)})
        if not was_trusted or found is not ClockJump.NONE:
            self._on_trusted()

    def _agrees(self, jump: timedelta) -> bool:
        return self.jumped is not None and abs(jump - self.jumped) <= NOTED

    async def _go_by(self, clock: MeasuredClock, reading: Reading, jump: timedelta) -> None:
        """Set the clock; one that goes back takes what was planned by it along.

        Both happen between two pieces of the writer's work, none of which sees one without the other. Where
        nodes share a clock, one of them does it, and only for a jump so far that each of them claims nothing
        by now: one that had not seen it yet would take for due what was brought forward.
        """
        if jump >= (-TOO_FAR if self._is_shared else -NOTED):
            clock.offset = reading.offset
            return
        before = clock.offset

        def work(tx: Tx) -> None:
            clock.offset = reading.offset
            if self._is_shared:
                bring_forward_once(tx, by=-jump, now=clock.now())
            else:
                bring_forward(tx, by=-jump)

        try:
            await asyncio.wrap_future(self._writer.submit(work, urgent=True))
        except Exception:
            clock.offset = before
            raise


def _say(level: int, jump: timedelta, *, claims: bool) -> None:
    logger.log(level, "clock.jumped", extra={"seconds": _seconds(jump), "claims": claims})


def _seconds(jump: timedelta) -> float:
    return round(jump.total_seconds(), 3)
