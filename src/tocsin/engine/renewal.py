"""This run, kept alive; and the runs of nodes that fell silent, ended and taken over.

Only where nodes share a store: SQLite's file has one server, and its lock proves earlier ones dead.

A run is renewed every 2 s, and over once it was not renewed for 6. Who could not renew for 5 s, going by a
clock that never jumps, starts no attempt: another node may be about to, or already has.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tocsin.actions.deliver import TakenOver, take_over
from tocsin.clock import Clock
from tocsin.domain.clock_jump import NOTED
from tocsin.domain.node import SILENT_FOR, Load
from tocsin.domain.role import ALL_ROLES, Role, roles_text
from tocsin.engine.outage import excuse_after_silence, excuse_after_start
from tocsin.store.database import Tx
from tocsin.store.plans import bring_forward
from tocsin.store.runs import (
    Ended,
    begin_run,
    end_other_runs,
    end_run,
    end_silent_runs,
    newest_run_ended_at,
    renew_run,
)
from tocsin.store.writer import StoreUnavailable, Writer

RENEW_EVERY = timedelta(seconds=2)
SURE_SECONDS = 5.0
TAKE_OVER_SLICE = 8
"""Transactions whose leases are looked at together."""
logger = logging.getLogger(__name__)


class _Renewed(NamedTuple):
    was_alive: bool
    ended: Sequence[Ended]


class Renewal:
    """Whether this run may start attempts, and the care for those of others. For use on the loop."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        run_id: int,
        node: str,
        version: str,
        is_shared: bool,
        on_sure: Callable[[], None],
        load: Callable[[], Load] = Load,
        roles: frozenset[Role] = ALL_ROLES,
    ) -> None:
        """`is_shared`: other nodes may use the store. `on_sure` is told when attempts may start again."""
        self._writer = writer
        self._clock = clock
        self._run_id = run_id
        self._node = node
        self._version = version
        self._is_shared = is_shared
        self._on_sure = on_sure
        self._load = load
        self._roles = roles
        self._renewed = clock.monotonic()
        self._is_renewing = False
        self._renewing: asyncio.Task[None] | None = None

    @property
    def is_renewing(self) -> bool:
        """Whether it is about to be known who is alive."""
        return self._is_renewing

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken this run for dead."""
        return not self._is_shared or self._clock.monotonic() - self._renewed < SURE_SECONDS

    async def begin(self) -> None:
        """Begin this run, and take over what dead ones left open."""
        began = self._clock.monotonic()

        def work(tx: Tx) -> int:
            now = self._clock.now()
            if not self._is_shared:
                _follow_a_clock_set_back(tx, now)
            excuse_after_start(tx, now, is_shared=self._is_shared, silent_for=SILENT_FOR)
            begin_run(
                tx,
                id_=self._run_id,
                node=self._node,
                version=self._version,
                now=now,
                roles=self._roles,
            )
            if self._is_shared:
                return 0
            return end_other_runs(tx, id_=self._run_id, now=now)

        dead = await asyncio.wrap_future(self._writer.submit(work))
        self._renewed = began
        if self._is_shared:
            facts = {"node": self._node, "run": self._run_id, "roles": roles_text(self._roles)}
            logger.info("node.joined", extra=facts)
            await self._renew()
            self._renewing = asyncio.create_task(self._go_on(), name="tocsin-renewal")
            return
        attempts = await self._take_over()
        if dead:
            logger.warning("run.took_over", extra={"runs": dead, "open_attempts": attempts})

    def prove(self, tx: Tx) -> None:
        """Prove that the store takes writes. Where runs are renewed all the time, they are the proof."""
        if not self._is_shared:
            renew_run(tx, id_=self._run_id, now=self._clock.now())

    async def end(self) -> None:
        """Say that this run is over: nothing of it is in flight any more."""
        if self._renewing is not None:
            self._renewing.cancel()
        end = self._writer.submit(lambda tx: end_run(tx, id_=self._run_id, now=self._clock.now()))
        await asyncio.wrap_future(end)

    async def _go_on(self) -> None:
        while True:
            await self._clock.sleep(RENEW_EVERY)
            self._is_renewing = True
            try:
                await self._renew()
            except StoreUnavailable as error:
                logger.error(  # noqa: TRY400 - a store that fails is no bug to trace
                    "run.not_renewed", extra={"cause": error.message, "is_sure": self.is_sure}
                )
            except Exception:
                logger.exception("renewal.broken")
            self._is_renewing = False

    async def _renew(self) -> None:
        began, was_sure = self._clock.monotonic(), self.is_sure
        load = self._load()
        renewed = await asyncio.wrap_future(
            self._writer.submit(lambda tx: self._in_one(tx, load), urgent=True)
        )
        self._renewed = began
        if not was_sure and self.is_sure:
            self._on_sure()
        if not renewed.was_alive:
            logger.warning("run.resumed", extra={"run": self._run_id})
        attempts = await self._take_over()
        for ended in renewed.ended:
            facts = {"node": ended.node, "run": ended.id, "silent_since": str(ended.renewed_at)}
            logger.warning("run.took_over", extra={**facts, "open_attempts": attempts})

    def _in_one(self, tx: Tx, load: Load) -> _Renewed:
        """Renew this run and end silent ones."""
        now = self._clock.now()
        excuse_after_silence(tx, now, silent_for=SILENT_FOR)
        was_alive = renew_run(tx, id_=self._run_id, now=now, load=load)
        ended = end_silent_runs(tx, id_=self._run_id, silent_since=now - SILENT_FOR, now=now)
        return _Renewed(was_alive, ended)

    async def _take_over(self) -> int:
        """Close what dead runs left open; return how many attempts."""

        def work(tx: Tx) -> TakenOver:
            return take_over(tx, self._clock.now(), run_id=self._run_id, limit=TAKE_OVER_SLICE)

        attempts, more = 0, True
        while more:
            taken_over = await asyncio.wrap_future(self._writer.submit(work))
            attempts += taken_over.attempts
            more = taken_over.leases == TAKE_OVER_SLICE
        return attempts


def _follow_a_clock_set_back(tx: Tx, now: datetime) -> None:
    """Take what was planned along if the clock was set back since the last run ended, as one that runs does."""
    ended_at = newest_run_ended_at(tx)
    if ended_at is not None and ended_at - now > NOTED:
        bring_forward(tx, by=ended_at - now)
        seconds = round((now - ended_at).total_seconds(), 3)
        logger.warning("clock.jumped", extra={"seconds": seconds, "claims": True})
