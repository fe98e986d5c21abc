"""The runner: the only place that waits. It ticks when something is due or something happened."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from tocsin.actions.deliver import take_back
from tocsin.actions.escalate import Sending
from tocsin.actions.incident_set import ContextSource
from tocsin.clock import Clock
from tocsin.domain.poison import Poison
from tocsin.domain.role import Role
from tocsin.engine.beats import Beats
from tocsin.engine.certificates import Endings
from tocsin.engine.clock_watch import ClockWatch
from tocsin.engine.courier import Courier
from tocsin.engine.poison import Ward
from tocsin.engine.renewal import Renewal
from tocsin.engine.tick import Part, Tick, tick
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.writer import StoreUnavailable, Writer

SLICE = 256
"""How much of each kind of work one tick does at the most: acknowledgements come in between."""
LOOK_EVERY = timedelta(seconds=5)
"""Where nodes share a store, the longest sleep: what another one made may be due, and its notice lost."""
_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between tries while the store fails
_TICKING = {Role.ESCALATE, Role.DELIVER}
_POISON = {
    Part.HOLDS: Poison.HOLD,
    Part.STEPS: Poison.STEP,
    Part.DELIVERIES: Poison.DELIVERY,
}
_NOT_DONE = {
    Part.PROMOTIONS: "auth_code.not_promoted",
    Part.HEARTBEATS: "heartbeats.not_judged",
}
"""The parts of which none is to blame alone."""
logger = logging.getLogger(__name__)


class Runner:
    """Drives the engine on the loop. `wake` and `wake_at` tell it of new work."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        context_source: ContextSource,
        courier: Courier,
        *,
        endings: Endings,
        renewal: Renewal,
        clock_watch: ClockWatch,
        is_shared: bool,
        run_id: int,
        slots: int,
        roles: frozenset[Role],
        on_tick: Callable[[Tick], None],
        ward: Ward,
        beats: Beats,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._clock = clock
        self._context_source = context_source
        self._courier = courier
        self._endings = endings
        self._renewal = renewal
        self._clock_watch = clock_watch
        self._is_shared = is_shared
        self._run_id = run_id
        self._slots = slots
        self._roles = roles
        self._on_tick = on_tick
        self._ward = ward
        self._beats = beats
        self._wake = asyncio.Event()
        self._sleeps_until: int | None = None
        self._is_ticking = True
        self._noted: int | None = None
        self._is_full = False
        self._is_stopping = False
        self._failures = 0
        self._may_have_leased = False
        self._limits = dict.fromkeys(Part, SLICE)
        self._sleeping: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Tick until `stop`, sleeping until something is due."""
        while not self._is_stopping:
            self._wake.clear()
            self._noted, self._is_ticking = None, True
            next_due_at = await self._tick_safely()
            next_due_at = _earlier(next_due_at, to_micros(await self._endings.look()))
            if self._is_shared:
                next_due_at = _earlier(next_due_at, to_micros(self._clock.now() + LOOK_EVERY))
            self._is_ticking = False
            await self._sleep(_earlier(next_due_at, self._noted))

    def stop(self) -> None:
        """Lease nothing more; `run` returns. For use on the loop."""
        self._is_stopping = True
        self.wake()

    @property
    def is_idle(self) -> bool:
        """Whether it sleeps, and nothing that it knows of wakes it before its instant."""
        return self._sleeping is not None and not self._wake.is_set()

    def wake(self) -> None:
        """Look again now. For use on the loop."""
        self._wake.set()

    def wake_at(self, due_at: int) -> None:
        """Say that something new is due. Safe from any thread. Units: microseconds since 1970."""
        self._loop.call_soon_threadsafe(self._note, due_at)

    def has_room_again(self) -> None:
        """Say that attempts have ended. For use on the loop."""
        if self._is_full:
            self.wake()

    def _note(self, due_at: int) -> None:
        if self._is_ticking:  # the tick may not see it: remember it for when it is done
            self._noted = due_at if self._noted is None else min(self._noted, due_at)
        elif self._sleeps_until is None or due_at < self._sleeps_until:
            self._wake.set()

    async def _tick_safely(self) -> int | None:
        """Tick; whatever goes wrong on our side of the store, the engine goes on."""
        try:
            return await self._tick()
        except Exception:
            logger.exception("tick.broken")
            return to_micros(self._clock.now() + timedelta(seconds=_BACK_OFF[-1]))

    async def _tick(self) -> int | None:
        """Do what is due; return when to come again. Units: microseconds since 1970."""
        if not self._clock_watch.is_trusted:
            return None  # it wakes us
        if not self._roles & _TICKING:
            return None  # nothing that comes due is for this node
        is_sure = self._renewal.is_sure
        room = self._courier.room if is_sure and Role.DELIVER in self._roles else 0
        sending = Sending(self._run_id, self._slots, room)
        may_judge = is_sure and Role.ESCALATE in self._roles
        limits, may_page = dict(self._limits), self._ward.may_page()
        deaf_since = self._beats.deaf_since

        def work(tx: Tx) -> Tick:
            if self._may_have_leased:
                take_back(tx, self._clock.now(), run_id=self._run_id, held=held)
            context = self._context_source(tx)
            return tick(
                *(tx, context),
                limits=limits,
                sending=sending,
                may_page=may_page,
                roles=self._roles,
                may_judge=may_judge,
                deaf_since=deaf_since,
            )

        held = self._courier.held
        try:
            done = await asyncio.wrap_future(self._writer.submit(work))
        except StoreUnavailable as error:
            return self._come_back(error)
        self._failures, self._may_have_leased = 0, False
        self._is_full = not done.has_room
        if may_judge:
            self._beats.judged(done.judged, done.excused, deaf_since)
        for webhook in done.promoted:
            logger.info("auth_code.promoted", extra={"webhook": webhook})
        self._courier.send(done.leases, done.configuration)
        self._on_tick(done)
        return self._after(done)

    def _after(self, done: Tick) -> int | None:
        """Return when to come again, having looked at what failed. Units: microseconds since 1970."""
        for part in Part:
            if part not in done.failures:
                self._limits[part] = SLICE
        has_found = [self._look_closer(part, error, done) for part, error in done.failures.items()]
        return to_micros(self._clock.now()) if any(has_found) else done.next_due_at

    def _come_back(self, error: StoreUnavailable) -> int:
        # A connection that was lost while it committed does not say whether it did.
        self._may_have_leased = True
        wait = _BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)]
        self._failures += 1
        logger.error("tick.failed", extra={"cause": error.message, "again_in_seconds": wait})
        return to_micros(self._clock.now() + timedelta(seconds=wait))

    def _look_closer(self, part: Part, error: Exception, done: Tick) -> bool:
        """Halve the part until what fails is alone, and was made to wait; return whether to go on.

        False: there is none to blame, so the whole part waits a while.
        """
        if part in _NOT_DONE:
            logger.error(_NOT_DONE[part], exc_info=error)
            return False
        if part not in done.poisoned:
            self._limits[part] = max(1, self._limits[part] // 2)
            return True
        self._ward.took_in(_POISON[part], error, done.poisoned[part])
        return done.poisoned[part] is not None

    async def _sleep(self, until: int | None) -> None:
        self._sleeps_until = until
        if self._wake.is_set() or self._is_stopping:
            return
        waking = asyncio.ensure_future(self._wake.wait())
        self._sleeping = asyncio.ensure_future(self._clock.sleep_until(_instant(until)))
        try:
            await asyncio.wait((waking, self._sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
            self._sleeping.cancel()
            self._sleeping = None


def _earlier(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one is not None and other is not None else one or other


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
