"""Alerts taken in over HTTP and on disk before they are answered, against a server that keeps nothing.

100 connections, each with one request under way, from a process of its own on the other core. Every
alert is of a new entity, so each opens an incident and starts an escalation, whose first step is due
in an hour. The reference is Tocsin's own ingestion on the same core with nothing behind it; a second one
is an application on the same HTTP server that parses the JSON and answers.
"""

import asyncio
from typing import Any, NamedTuple
from uuid import uuid4

import uvloop

from bench.bare import answer_only, asgi_server
from bench.checking import check_alerts
from bench.filling import prepare
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
from bench.processes import load
from bench.sending import CONNECTIONS, alerts
from bench.server import WRITER, calm, port_of, serving
from bench.stores import about, home
from tocsin.actions.ingest import Receipt
from tocsin.api.ingestion import Ingestion
from tocsin.api.outer import Outer
from tocsin.clock import SystemClock
from tocsin.domain.alert import Alert
from tocsin.domain.incident import Effect
from tocsin.metrics import Metrics
from tocsin.settings import Settings
from tocsin.store.alert_keys import AlertKey
from tocsin.store.schema import UNIX_EPOCH

_WARM_UP = 1_000


class _Round(NamedTuple):
    spent: Spent
    writer_us: float
    """CPU of the thread that owns the database. Units: microseconds an alert."""
    seen_by_sender: dict[str, float]


def run(*, quick: bool, store: str = "sqlite") -> dict[str, Any]:
    """Return the figures; `ratio` is alerts a second over the reference's requests a second."""
    pending, count, rounds = (5_000, 4_000, 1) if quick else (1_000_000, 60_000, 3)
    use_core(OURS)
    bare, storeless, ours = [], [], []
    for _ in range(rounds):
        bare.append(uvloop.run(_answer_only(count)))
        storeless.append(uvloop.run(_without_store(count)))
        ours.append(_ingest(store, pending=pending, count=count))
    chosen = middle(each.spent for each in ours)
    ours_chosen = next(each for each in ours if each.spent is chosen)
    bare_chosen = middle(bare)
    return {
        **compared(chosen, middle(storeless), item="alert"),
        "ratio_to_bare_answer": round(chosen.per_second / bare_chosen.per_second, 3),
        "cpu_ratio_to_bare_answer": round(bare_chosen.cpu_us / chosen.cpu_us, 3),
        "bare_answers_per_second": round(bare_chosen.per_second),
        "bare_answer_cpu_us": round(bare_chosen.cpu_us, 1),
        "store_us": round(ours_chosen.writer_us, 1),
        **ours_chosen.seen_by_sender,
        "connections": CONNECTIONS,
        "pending": pending,
        "accepted_and_read_back": sum(each.spent.items for each in ours),
        **about(store),
        "ran_on": facts(),
    }


async def _answer_only(count: int) -> Spent:
    async with asgi_server(answer_only) as port:
        return (await _send(port, count)).spent


async def _without_store(count: int) -> Spent:
    """Let the real ingestion read alerts and answer, as if each were on disk already."""
    clock = SystemClock()

    async def take_in(_alert: Alert) -> Receipt:
        return _RECEIPT

    ingestion = Ingestion(
        heartbeats=answer_only,
        take_in=take_in,
        find_key=lambda _: _KEY,
        find_revoked_key=lambda _: None,
        refuse=lambda _: None,
        mask=str,
        clock=clock,
        new_uuid=lambda: str(uuid4()),
        organisation="bench",
        metrics=Metrics(version="bench"),
    )
    async with asgi_server(
        Outer(
            ingestion=ingestion, api=answer_only, links=answer_only, pages=answer_only, clock=clock
        )
    ) as port:
        return (await _send(port, count)).spent


_RECEIPT = Receipt(1, Effect.OPENED, 1)
_KEY = AlertKey(1, "bench", b"", "", UNIX_EPOCH)


class _Sent(NamedTuple):
    spent: Spent
    seen_by_sender: dict[str, float]


async def _send(port: int, count: int, *, first: int = 0) -> _Sent:
    async with load(alerts(port, count=count, first=first)) as generator:
        watch = Stopwatch()
        found = await generator.run()
        spent = watch.stop(found["accepted"])
    return _Sent(spent, {name: found[name] for name in ("p50_ms", "p99_ms", "sender_busy")})


def _ingest(store: str, *, pending: int, count: int) -> _Round:
    with home(store) as settings:
        prepare(settings, port=9, pending=pending, first_step="1h")  # nobody is called
        say(f"taking in {count:,} alerts ...")
        return uvloop.run(_measure(settings, pending=pending, count=count))


async def _measure(settings: Settings, *, pending: int, count: int) -> _Round:
    async with serving(settings) as server:
        port = port_of(server)
        await _send(port, _WARM_UP)
        await calm(server)
        writer = thread_cpu_seconds(WRITER)
        sent = await _send(port, count, first=_WARM_UP)
        writer = thread_cpu_seconds(WRITER) - writer
        await calm(server)
        check = asyncio.to_thread(
            check_alerts, server.store.database, accepted=_WARM_UP + count, backlog=pending
        )
        await check
    return _Round(sent.spent, writer / count * 1e6, sent.seen_by_sender)
