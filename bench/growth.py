"""What a step costs with 1,000,000 escalations pending, over what it costs with 1,000.

A step here is all that it asks of the database: claimed, fired, its delivery made and leased, the
attempt recorded, each batch committed waiting for the disk. Nothing is sent, so that nothing hides the
difference. Once with steps due in the order in which the incidents arrived, and once in random order.
The databases take turns, 1,000 steps at a time, in one process on one core. Time is passed in as an
argument: the small database fires its 1,000 escalations again and again, some seconds later each time.
"""

import random
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.filling import plan, prepare
from bench.machine import OURS, Spent, Stopwatch, facts, say, use_core
from bench.server import context_of
from bench.stores import about, home
from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import record_attempts
from tocsin.actions.escalate import Sending
from tocsin.clock import SystemClock
from tocsin.domain.outcome import Outcome
from tocsin.engine.runner import SLICE
from tocsin.engine.tick import Part, Tick, tick
from tocsin.settings import Settings
from tocsin.store.database import News, Tx
from tocsin.store.deliveries import Lease
from tocsin.store.schema import attempts, escalations, to_micros
from tocsin.store.writer import Writer
from tocsin.wiring.opening import Store, open_store

_FEW = 1_000
_RUN_ID = 1
_SENDING = Sending(run_id=_RUN_ID, slots=SLICE, room=SLICE)
_TURN = timedelta(seconds=10)
"""From one turn to the next. All of them are over before a step that fired is followed by another."""


def run(*, quick: bool, store: str = "sqlite") -> dict[str, Any]:
    """Return the figures; `ratio` is of steps due in order of arrival, `ratio_random` in random."""
    many, steps = (10_000, 2 * _FEW) if quick else (1_000_000, 40 * _FEW)
    use_core(OURS)
    turns = steps // _FEW
    spent: dict[str, list[Spent]] = {}
    with ExitStack() as stack:
        few = _Database(stack, store, pending=_FEW, turns=turns)
        large = _Database(stack, store, pending=many, turns=turns)
        say(f"{steps:,} steps on each in order of arrival, then as many in random order ...")
        for turn in range(2 * turns):
            order = "in_order" if turn < turns else "random"
            spent.setdefault(f"few_{order}", []).append(few.fire(turn))
            spent.setdefault(f"many_{order}", []).append(large.fire(turn))
        few.check(fired=2 * steps)
        large.check(fired=2 * steps)
    totals = {name: _total(each) for name, each in spent.items()}
    in_order, in_random = (
        (totals[f"many_{order}"], totals[f"few_{order}"]) for order in ("in_order", "random")
    )
    return {
        "ratio": _ratio(in_order[0].wall_us, in_order[1].wall_us),
        "ratio_random": _ratio(in_random[0].wall_us, in_random[1].wall_us),
        "cpu_ratio": _ratio(in_order[0].cpu_us, in_order[1].cpu_us),
        "cpu_ratio_random": _ratio(in_random[0].cpu_us, in_random[1].cpu_us),
        **{f"{name}_us": round(each.wall_us, 1) for name, each in totals.items()},
        **{f"{name}_cpu_us": round(each.cpu_us, 1) for name, each in totals.items()},
        "few": _FEW,
        "many": many,
        "steps": steps,
        **about(store),
        "ran_on": facts(),
    }


def _ratio(many: float, few: float) -> float:
    return round(many / few, 3)


def _total(turns: Sequence[Spent]) -> Spent:
    return Spent(
        sum(each.items for each in turns),
        sum(each.wall for each in turns),
        sum(each.cpu for each in turns),
    )


class _Database:
    """A database whose steps are fired _FEW at a time, a turn each, at instants that are made up."""

    def __init__(self, stack: ExitStack, store: str, *, pending: int, turns: int) -> None:
        """Half of 2 * `turns` are in order of arrival, the others in random order."""
        settings = stack.enter_context(home(store))
        prepare(settings, port=9, pending=pending, repeat=True)  # nobody is called
        self._begins = datetime.now(UTC)
        self._is_small = pending == _FEW
        self._turns = list(_turns(pending, turns))
        if not self._is_small:
            # Beforehand, and then opened anew: planning must not warm the cache for firing.
            with _opened(settings) as opened, opened.database.write() as tx:
                for turn in range(2 * turns):
                    self._plan(tx, turn)
        self._store = stack.enter_context(_opened(settings))
        self._writer = Writer(self._store.database, SystemClock(), on_commit=_ignore)
        self._writer.start()
        stack.callback(self._writer.stop)

    def _plan(self, tx: Tx, turn: int) -> None:
        due_at = to_micros(self._now(turn)) - _FEW
        plan(tx, {number: due_at + n for n, number in enumerate(self._turns[turn])})

    def _now(self, turn: int) -> datetime:
        return self._begins + turn * _TURN

    def fire(self, turn: int) -> Spent:
        """Fire the steps of a turn; return what they took."""
        if self._is_small:
            self._writer.submit(lambda tx: self._plan(tx, turn)).result()
        watch = Stopwatch()
        fired = 0
        while count := self._fire_batch(self._now(turn)):
            fired += count
        return watch.stop(fired)

    def _fire_batch(self, now: datetime) -> int:
        """Do one batch, as the engine would with a receiver that answers at once."""
        done = self._writer.submit(lambda tx: self._tick(tx, now)).result()
        results = [self._delivered(lease) for lease in done.leases]
        self._writer.submit(
            lambda tx: record_attempts(tx, results, lambda tx: context_of(self._store, tx, now))
        ).result()
        return len(results)

    def _tick(self, tx: Tx, now: datetime) -> Tick:
        context = context_of(self._store, tx, now)
        return tick(tx, context, limits=dict.fromkeys(Part, SLICE), sending=_SENDING)

    def _delivered(self, lease: Lease) -> AttemptResult:
        return AttemptResult(
            lease=lease,
            run_id=_RUN_ID,
            outcome=Outcome.DELIVERED,
            first_byte_at=lease.started_at,
            ended_at=lease.started_at,
            status_code=200,
            detail=None,
        )

    def check(self, *, fired: int) -> None:
        """Make sure that every step that was due has fired, once. Raises: SystemExit."""
        with self._store.database.read() as tx:
            moved = tx.core.scalar(sa.select(sa.func.sum(escalations.c.next_step)))
            recorded = tx.core.scalar(sa.select(sa.func.count()).select_from(attempts))
        if not moved == recorded == fired:
            raise SystemExit(f"{fired} steps were due, {moved} fired, {recorded} are on record")


def _opened(settings: Settings) -> AbstractContextManager[Store]:
    return open_store(settings, random_bytes=secrets.token_bytes)


def _turns(pending: int, turns: int) -> Iterator[Sequence[int]]:
    """Yield the incidents of each turn: no one twice, unless there are no more than _FEW."""
    spread = random.Random(3)
    if pending == _FEW:
        numbers = list(range(1, _FEW + 1))
        yield from (numbers for _ in range(turns))
        yield from (spread.sample(numbers, _FEW) for _ in range(turns))
        return
    for turn in range(turns):
        yield range(1 + turn * _FEW, 1 + (turn + 1) * _FEW)
    chosen = spread.sample(range(1 + turns * _FEW, pending + 1), turns * _FEW)
    for turn in range(turns):
        yield chosen[turn * _FEW : (turn + 1) * _FEW]


def _ignore(_: News) -> None:
    """Nobody waits for news here."""
