"""How late 198 webhooks are sent while one receiver is dead, another takes ten seconds, and 200,000 deliveries wait.

Three rounds of the same load, 500 steps a second to 200 webhooks: all behave; then one answers 503 to everything and
one answers after ten seconds; then, besides, 200,000 retries of the dead one are due when it begins, so that its breaker
opens in the middle. The lateness of the others, from planned instant to first byte, should be that of the first round:
`ratio` is the first p99 over the last one.
"""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
import uvloop

from bench.checking import verify_sample
from bench.filling import WEBHOOKS, prepare, settings_in
from bench.machine import OURS, Spent, Stopwatch, facts, say, use_core
from bench.processes import Sink, sink
from bench.server import serving
from bench.stepping import Lateness, last_step_fired, percentiles, read_lateness, steps_planned
from tocsin.settings import Settings
from tocsin.store.database import Database
from tocsin.store.lanes import lock_lanes, wake_lanes
from tocsin.store.schema import attempts, deliveries, to_micros
from tocsin.store.schema_configuration import webhooks
from tocsin.store.statement import insert
from tocsin.wiring.opening import open_store

_PER_SECOND: Final = 500
_DEAD, _SLOW = "w1", "w2"
_WAYS: Final = {"/hooks/1": "fail", "/hooks/2": "slow"}
_MOST_P99_MS: Final = 50.0
_BACKLOG = insert(
    deliveries,
    *("id", "incident", "escalation", "step", "webhook_id", "body_id", "state", "planned_at"),
    *("created_at", "due_at", "attempts", "first_attempt_at"),
)


class _Load(NamedTuple):
    pending: int
    seconds: int
    backlog: int


class _Result(NamedTuple):
    late: Lateness
    spent: Spent
    calls: int
    """How many attempts the dead one had."""
    waiting: int
    """How many deliveries wait for it at the end."""
    verified: int


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures. Raises: SystemExit, if anything of the others was lost or they are late."""
    load = _Load(4_000, 1, 5_000) if quick else _Load(200_000, 60, 200_000)
    use_core(OURS)
    calm, bad, full = (
        _round(load, ways, backlog)
        for ways, backlog in (({}, 0), (_WAYS, 0), (_WAYS, load.backlog))
    )
    before, after = (percentiles("", each.late.sent) for each in (calm, full))
    if not quick and after["p99_ms"] >= _MOST_P99_MS:
        raise SystemExit(f"p99 of the others is {after['p99_ms']} ms, not below {_MOST_P99_MS:g}")
    return {
        "ratio": round(before["p99_ms"] / after["p99_ms"], 2),
        **after,
        **percentiles("two_bad_", bad.late.sent),
        **percentiles("all_well_", calm.late.sent),
        "waiting_for_the_dead_one": full.waiting,
        "calls_of_the_dead_one": full.calls,
        "steps_per_second": _PER_SECOND,
        "seconds": load.seconds,
        "busy": round(full.spent.busy, 2),
        "all_well_busy": round(calm.spent.busy, 2),
        "webhooks": WEBHOOKS,
        "signatures_verified": full.verified,
        "synchronous": "FULL",
        "ran_on": facts(),
    }


def _round(load: _Load, ways: Mapping[str, str], backlog: int) -> _Result:
    with sink(ways) as receiver, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        settings = settings_in(Path(folder))
        prepare(settings, port=receiver.port, pending=load.pending)
        if backlog:
            say(f"{backlog:,} deliveries wait for the dead one ...")
            _let_wait(settings, backlog)
        say(f"{_PER_SECOND} steps a second for {load.seconds} seconds, {len(ways)} bad ...")
        return uvloop.run(_measure(settings, receiver, load))


def _let_wait(settings: Settings, count: int) -> None:
    """Let retries be due, each of an incident of its own, whose first attempt has failed just now."""
    now = to_micros(datetime.now(UTC))
    with (
        open_store(settings, random_bytes=lambda size: b"x" * size) as store,
        store.database.write() as tx,
    ):
        (webhook,) = (
            each.id for each in store.cache.current(tx).webhooks.values() if each.slug == _DEAD
        )
        tx.core.exec_driver_sql("INSERT INTO bodies (id, form) VALUES (1, X'613D62')")
        tx.run_many(
            _BACKLOG,
            [
                (n, -n, 1, 0, webhook, 1, "pending", now, now, now, 1, now)
                for n in range(1, count + 1)
            ],
        )
        lock_lanes(tx, [webhook])
        wake_lanes(tx, {webhook: now})


async def _measure(settings: Settings, receiver: Sink, load: _Load) -> _Result:
    count = load.seconds * _PER_SECOND
    async with serving(settings) as server:
        await steps_planned(server, pending=load.pending, count=count, per_second=_PER_SECOND)
        watch = Stopwatch()
        await last_step_fired(count=count, per_second=_PER_SECOND)
        spent = watch.stop(count)
    database = Database(settings.database_url.reveal())  # once all that was under way is on record
    try:
        late = read_lateness(database, without=(_DEAD, _SLOW))
        _check_others(database, len(late.sent))
        calls, waiting = _of_the_dead_one(database)
        return _Result(late, spent, calls, waiting, verify_sample(receiver.report()["sample"]))
    finally:
        database.close()


def _check_others(database: Database, measured: int) -> None:
    """Make sure that each delivery to another webhook was delivered by one attempt. Raises: SystemExit."""
    joined = deliveries.join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    select = (
        sa.select(deliveries.c.state, deliveries.c.attempts, sa.func.count())
        .select_from(joined)
        .where(webhooks.c.slug.not_in((_DEAD, _SLOW)))
        .group_by(deliveries.c.state, deliveries.c.attempts)
    )
    with database.read() as tx:
        found = [tuple(row) for row in tx.core.execute(select)]
    if found != [("delivered", 1, measured)]:
        raise SystemExit(f"all others should be delivered by one attempt, but: {found}")


def _of_the_dead_one(database: Database) -> tuple[int, int]:
    """Return how often it was called, and how many deliveries wait for it."""
    of_it = deliveries.join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    count = sa.select(sa.func.count()).where(webhooks.c.slug == _DEAD)
    with database.read() as tx:
        calls = count.select_from(of_it.join(attempts, attempts.c.delivery_id == deliveries.c.id))
        waiting = count.select_from(of_it).where(deliveries.c.state == "pending")
        return tx.core.scalar(calls) or 0, tx.core.scalar(waiting) or 0
