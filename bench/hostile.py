"""1,000 deliveries a second, while one receiver in ten fails, one in twenty hangs and one in a hundred babbles.

How late the webhooks of the others are sent, from planned instant to first byte, and whether anything is
lost: after a minute the bad receivers behave, and then every delivery must be answered and be on record as
delivered. The reference is the same load into receivers that all behave, in the same run.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
import uvloop

from bench.checking import check_none_lost
from bench.filling import WEBHOOKS, prepare, settings_in
from bench.machine import OURS, Spent, Stopwatch, facts, say, use_core
from bench.processes import Sink, sink
from bench.server import calm, serving
from bench.stepping import Lateness, last_step_fired, percentiles, read_lateness, steps_planned
from tocsin.domain.delivery import DeliveryState
from tocsin.settings import Settings
from tocsin.store.database import Database
from tocsin.store.schema import attempts, deliveries

_FAIL, _HANG, _BABBLE = 10, 20, 100
"""One receiver in so many."""
_MOST_P99_MS = 100.0
_ALL_DELIVERED_WITHIN = 180.0  # seconds: the longest wait, a hanging attempt and a probe, twice
_ATTEMPTS = sa.select(sa.func.count()).select_from(attempts)
_UNFINISHED = sa.select(sa.func.count()).where(
    deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING))
)


class _Load(NamedTuple):
    pending: int
    steps: int
    per_second: int
    total_timeout: str
    """How long a receiver that hangs holds a slot."""


class _Result(NamedTuple):
    late: Lateness
    """Of the receivers that behave."""
    spent: Spent
    waited: int
    """How many deliveries were not yet delivered when the last step had fired."""
    attempts: int
    verified: int


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures. Raises: SystemExit, if anything was lost or the healthy ones are late."""
    load = _Load(4_000, 400, 200, "5s") if quick else _Load(200_000, 60_000, 1_000, "15s")
    ways = misbehaving()
    use_core(OURS)
    calm_days, hostile = _round({}, load), _round(ways, load)
    if not quick:
        check(hostile.late)
    return {
        **percentiles("", hostile.late.sent),
        **percentiles("all_healthy_", calm_days.late.sent),
        "lost": 0,
        "deliveries": load.steps,
        "deliveries_per_second": load.per_second,
        "attempts": hostile.attempts,
        "waiting_at_the_end": hostile.waited,
        "busy": round(hostile.spent.busy, 2),
        "all_healthy_busy": round(calm_days.spent.busy, 2),
        "receivers": WEBHOOKS,
        "misbehaving": {way: list(ways.values()).count(way) for way in sorted({*ways.values()})},
        "signatures_verified": hostile.verified,
        "synchronous": "FULL",
        "ran_on": facts(),
    }


def misbehaving() -> dict[str, str]:
    """Return how each bad receiver misbehaves, by its number."""
    ways: dict[str, str] = {}
    for way, one_in in (("babble", _BABBLE), ("hang", _HANG), ("fail", _FAIL)):
        free = [str(n) for n in range(1, WEBHOOKS + 1) if str(n) not in ways]
        ways |= dict.fromkeys(free[: WEBHOOKS // one_in], way)
    return ways


def check(late: Lateness) -> None:
    """Make sure that the healthy receivers' webhooks are in time. Raises: SystemExit."""
    found = percentiles("", late.sent)["p99_ms"]
    if found >= _MOST_P99_MS:
        raise SystemExit(f"p99 of the healthy receivers is {found} ms, not below {_MOST_P99_MS:g}")


def _round(ways: Mapping[str, str], load: _Load) -> _Result:
    paths = {f"/hooks/{n}": way for n, way in ways.items()}
    with sink(paths) as receiver, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        settings = settings_in(Path(folder))
        prepare(
            settings,
            port=receiver.port,
            pending=load.pending,
            total_timeout=load.total_timeout,
        )
        say(
            f"{load.steps:,} deliveries, {load.per_second:,} a second, {len(ways)} of {WEBHOOKS} bad ..."
        )
        return uvloop.run(_measure(settings, receiver, load, ways))


async def _measure(
    settings: Settings, receiver: Sink, load: _Load, ways: Mapping[str, str]
) -> _Result:
    count, per_second = load.steps, load.per_second
    async with serving(settings) as server:
        database = server.store.database
        await steps_planned(server, pending=load.pending, count=count, per_second=per_second)
        watch = Stopwatch()
        await last_step_fired(count=count, per_second=per_second)
        spent, waited = watch.stop(count), _count(database, _UNFINISHED)
        receiver.heal()
        await _all_delivered(database)
        await calm(server)
        late = read_lateness(database, without=[f"w{n}" for n in ways])
        tried = _count(database, _ATTEMPTS)
        verified = check_none_lost(database, receiver.report(), fired=count)
    return _Result(late, spent, waited, tried, verified)


async def _all_delivered(database: Database) -> None:
    say("waiting until the bad receivers, which behave now, have got everything ...")
    async with asyncio.timeout(_ALL_DELIVERED_WITHIN):
        while _count(database, _UNFINISHED):
            await asyncio.sleep(0.5)


def _count(database: Database, count: "sa.Select[Any]") -> int:
    with database.read() as tx:
        return tx.core.scalar(count) or 0
