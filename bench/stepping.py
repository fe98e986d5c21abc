"""Steps that fall due evenly, of incidents picked at random, and how late they were."""

import asyncio
import random
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from bench.filling import plan
from bench.machine import percentile
from bench.server import write
from tocsin.store.database import Database
from tocsin.store.schema import attempts, deliveries, to_micros
from tocsin.store.schema_configuration import webhooks
from tocsin.wiring.serving import Running

_BEGINS_AFTER = 5.0  # seconds: planning 60,000 steps among a million takes one or two
_LAST_STEP_FIRES_WITHIN = 0.1  # seconds; `calm` waits for what had begun by then
_US_PER_MS = 1000


class Lateness(NamedTuple):
    """Milliseconds after each step's planned instant."""

    fired: Sequence[float]
    sent: Sequence[float]
    """Until the first byte of the first attempt left."""


async def steps_planned(server: Running, *, pending: int, count: int, per_second: int) -> None:
    """Let `count` of `pending` steps be due one after the other, and wait until the first is.

    Raises: SystemExit, if planning them took too long.
    """
    numbers = random.Random(2).sample(range(1, pending + 1), count)
    begins, every = to_micros(datetime.now(UTC)) + round(_BEGINS_AFTER * 1e6), 1e6 / per_second
    due_at = {number: begins + round(n * every) for n, number in enumerate(numbers)}
    await write(server, lambda tx: plan(tx, due_at))
    if time.time() * 1e6 > begins:
        raise SystemExit(
            f"this machine is too busy to plan the steps within {_BEGINS_AFTER:g} seconds"
        )
    await asyncio.sleep(begins / 1e6 - time.time())


async def last_step_fired(*, count: int, per_second: int) -> None:
    """Wait, from the first step on, until the last has begun to fire."""
    await asyncio.sleep(count / per_second + _LAST_STEP_FIRES_WITHIN)


def read_lateness(database: Database, *, without: Collection[str] = ()) -> Lateness:
    """Return how late the steps were whose webhooks are not called as in `without`."""
    planned = deliveries.c.planned_at
    columns = (deliveries.c.created_at, attempts.c.first_byte_at)
    late = (
        (sa.type_coerce(each, sa.BigInteger) - sa.type_coerce(planned, sa.BigInteger))
        for each in columns
    )
    both = deliveries.join(attempts, attempts.c.delivery_id == deliveries.c.id)
    select = (
        sa.select(*late)
        .select_from(both.join(webhooks, webhooks.c.id == deliveries.c.webhook_id))
        .where(attempts.c.number == 1, webhooks.c.slug.not_in(without))
    )
    with database.read() as tx:
        rows = tx.core.execute(select).all()
    return Lateness([row[0] / _US_PER_MS for row in rows], [row[1] / _US_PER_MS for row in rows])


def percentiles(prefix: str, milliseconds: Sequence[float]) -> dict[str, float]:
    """Return `p50_ms` and `p99_ms`, with `prefix` before each name."""
    return {
        f"{prefix}p50_ms": round(percentile(milliseconds, 50), 2),
        f"{prefix}p99_ms": round(percentile(milliseconds, 99), 2),
    }
