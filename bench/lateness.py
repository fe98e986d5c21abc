"""How late a step is, with many escalations pending: 500 steps a second, evenly, of random incidents.

From the planned instant of each step to when it fired, and to when the first byte of its webhook left,
as the server itself has on record. The reference is how late the event loop alone wakes up, on the same
core and at the same rate: no server on it can do better.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
import uvloop

from bench.checking import check_deliveries
from bench.filling import plan, prepare, settings_in
from bench.machine import OURS, Spent, Stopwatch, facts, percentile, say, use_core
from bench.processes import Sink, sink
from bench.server import calm, serving, write
from tocsin.settings import Settings
from tocsin.store.database import Database
from tocsin.store.schema import attempts, deliveries, to_micros

_PER_SECOND = 500
_EVERY_US = 1_000_000 // _PER_SECOND
_BEGINS_AFTER = 5.0  # seconds: planning 30,000 steps among a million takes one or two
_LAST_STEP_FIRES_WITHIN = 0.1  # seconds; `calm` waits for what had begun by then
_US_PER_MS = 1000
_MS_PER_SECOND = 1000


class _Result(NamedTuple):
    fired: Sequence[float]
    """Units: milliseconds after each step's planned instant; so for `sent`."""
    sent: Sequence[float]
    spent: Spent
    verified: int


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures; `p50_ms` and `p99_ms` are from planned instant to first byte."""
    pending, seconds = (20_000, 1) if quick else (1_000_000, 60)
    use_core(OURS)
    timers = uvloop.run(_bare_timers(min(seconds, 10)))
    with sink() as receiver, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        settings = settings_in(Path(folder))
        prepare(settings, port=receiver.port, pending=pending)
        say(f"{_PER_SECOND} steps a second for {seconds} seconds ...")
        result = uvloop.run(_measure(settings, receiver, pending=pending, seconds=seconds))
    return {
        **_percentiles("", result.sent),
        **_percentiles("fired_", result.fired),
        **_percentiles("bare_timer_", timers),
        "steps_per_second": _PER_SECOND,
        "steps": result.spent.items,
        "cpu_us_per_step": round(result.spent.cpu_us, 1),
        "pending": pending,
        "signatures_verified": result.verified,
        "synchronous": "FULL",
        "ran_on": facts(),
    }


def _percentiles(prefix: str, values: Sequence[float]) -> dict[str, float]:
    return {
        f"{prefix}p50_ms": round(percentile(values, 50), 2),
        f"{prefix}p99_ms": round(percentile(values, 99), 2),
    }


async def _bare_timers(seconds: int) -> list[float]:
    loop = asyncio.get_running_loop()
    begins = time.monotonic() + 0.1
    late: list[float] = []
    count = seconds * _PER_SECOND

    def woke(planned: float) -> None:
        late.append((time.monotonic() - planned) * _MS_PER_SECOND)

    for number in range(count):
        planned = begins + number / _PER_SECOND
        loop.call_at(planned, woke, planned)
    while len(late) < count:
        await asyncio.sleep(0.1)
    return late


async def _measure(settings: Settings, receiver: Sink, *, pending: int, seconds: int) -> _Result:
    count = seconds * _PER_SECOND
    numbers = random.Random(2).sample(range(1, pending + 1), count)
    async with serving(settings) as server:
        begins = to_micros(datetime.now(UTC)) + round(_BEGINS_AFTER * 1e6)
        due_at = {number: begins + n * _EVERY_US for n, number in enumerate(numbers)}
        await write(server, lambda tx: plan(tx, due_at))
        if time.time() * 1e6 > begins:
            raise SystemExit(
                f"this machine is too busy to plan the steps within {_BEGINS_AFTER:g} seconds"
            )
        await asyncio.sleep(begins / 1e6 - time.time())
        watch = Stopwatch()
        await asyncio.sleep(seconds + _LAST_STEP_FIRES_WITHIN)
        await calm(server)
        spent = watch.stop(count)
        fired, sent = _read_lateness(server.store.database)
        verified = check_deliveries(server.store.database, receiver.report(), fired=count)
    return _Result(fired, sent, spent, verified)


def _read_lateness(database: Database) -> tuple[list[float], list[float]]:
    planned = deliveries.c.planned_at
    columns = (deliveries.c.created_at, attempts.c.first_byte_at)
    select = sa.select(
        *(
            (sa.type_coerce(each, sa.BigInteger) - sa.type_coerce(planned, sa.BigInteger))
            for each in columns
        )
    ).select_from(deliveries.join(attempts, attempts.c.delivery_id == deliveries.c.id))
    with database.read() as tx:
        rows = tx.core.execute(select.where(attempts.c.number == 1)).all()
    return [row[0] / _US_PER_MS for row in rows], [row[1] / _US_PER_MS for row in rows]
