"""Deliveries: claimed, fired, signed, sent and recorded durably, against a client that only posts.

One process on one core, SQLite with synchronous=FULL, many escalations pending, 200 webhooks. The
reference is an aiohttp client on the same core that posts bodies of the same size and keeps nothing.
"""

import random
from datetime import UTC, datetime
from typing import Any, NamedTuple

import uvloop

from bench.bare import post_only
from bench.checking import check_deliveries
from bench.filling import plan, prepare
from bench.machine import (
    OURS,
    Spent,
    Stopwatch,
    compared,
    facts,
    middle,
    say,
    thread_cpu_seconds,
    use_core,
)
from bench.processes import Sink, sink
from bench.server import WRITER, calm, go_on, serving, write
from bench.split import Parts, measure_parts
from bench.stores import about, home
from tocsin.settings import Settings
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros


class _Round(NamedTuple):
    spent: Spent
    writer_us: float
    """CPU of the thread that owns the database. Units: microseconds a delivery."""
    verified: int


def run(*, quick: bool, store: str = "sqlite") -> dict[str, Any]:
    """Return the figures; `ratio` is deliveries a second over the bare client's requests a second."""
    pending, due = (20_000, 4_000) if quick else (1_000_000, 40_000)
    use_core(OURS)
    parts = measure_parts(1_000 if quick else 20_000)
    ours, bare = [], []
    for _ in range(1 if quick else 3):
        with sink() as receiver:
            reference = post_only(receiver.port, count=due, length=parts.body_length)
            bare.append(uvloop.run(reference))
        ours.append(_deliver(store, pending=pending, due=due))
    chosen = middle(each.spent for each in ours)
    writer_us = next(each.writer_us for each in ours if each.spent is chosen)
    return {
        **compared(chosen, middle(bare), item="delivery"),
        "split_us": _split(chosen, writer_us, parts),
        "pending": pending,
        "delivered": sum(each.spent.items for each in ours),
        "signatures_verified": sum(each.verified for each in ours),
        **about(store),
        "ran_on": facts(),
    }


def _split(spent: Spent, writer_us: float, parts: Parts) -> dict[str, float]:
    """Share out the CPU time of a delivery. The writer's thread is measured in the run itself."""
    split = {
        "store": writer_us - parts.body_us,
        "body": parts.body_us,
        "signing": parts.signing_us,
        "transport": parts.transport_us,
    }
    split["loop"] = spent.cpu_us - sum(split.values())
    return {name: round(us, 1) for name, us in split.items()}


def _deliver(store: str, *, pending: int, due: int) -> _Round:
    with home(store) as settings, sink() as receiver:
        prepare(settings, port=receiver.port, pending=pending)
        say(f"delivering {due:,} ...")
        return uvloop.run(_measure(settings, receiver, pending=pending, due=due))


async def _measure(settings: Settings, receiver: Sink, *, pending: int, due: int) -> _Round:
    async with serving(settings, paused=True) as server:
        await write(server, lambda tx: _let_be_due(tx, pending=pending, due=due))
        writer, watch = thread_cpu_seconds(WRITER), Stopwatch()
        await go_on(server)
        await calm(server)
        spent = watch.stop(due)
        writer = thread_cpu_seconds(WRITER) - writer
        verified = check_deliveries(server.store.database, receiver.report(), fired=due)
    return _Round(spent, writer / due * 1e6, verified)


def _let_be_due(tx: Tx, *, pending: int, due: int) -> None:
    """Let `due` steps be due, in order of arrival, from among all that is pending."""
    first = random.Random(1).randrange(1, pending - due + 2)
    now = to_micros(datetime.now(UTC))
    plan(tx, {first + n: now - due + n for n in range(due)})
