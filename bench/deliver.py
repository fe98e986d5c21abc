"""Deliveries: claimed, fired, signed, sent and recorded durably, against a bare client that only posts.

One process on one core, SQLite with synchronous=FULL, many escalations pending, 200 webhooks. The
reference is an aiohttp client on the same core that posts bodies of the same size and keeps nothing.
"""

import asyncio
import gc
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from bench.machine import cpu_seconds, facts, say, sink, use_core
from tocsin.actions.incident_set import Context
from tocsin.clock import SystemClock
from tocsin.domain.configuration import Configuration, Route
from tocsin.domain.message_type import MessageType
from tocsin.domain.network import Networks
from tocsin.domain.policy import PolicyVersion, Step, WebhookTarget
from tocsin.domain.webhook import Webhook
from tocsin.engine.courier import Courier
from tocsin.engine.runner import Runner
from tocsin.engine.tick import Tick
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.store import schema, schema_configuration
from tocsin.store.database import Database, News, Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import insert
from tocsin.store.writer import Writer
from tocsin.transport.sender import Sender
from tocsin_receiver import read

WEBHOOKS = 200
AUTH_CODE = "Zq8w~Xy1-Kk2Mm3Nn4Pp5Rr6Ss7Tt8Uu9Vv0"
_FIELDS = {
    "message_type": "CRITICAL",
    "entity_id": "disk space on db-17.example",
    "entity_display_name": "Disk space low on db-17",
    "state_message": "Only 3% left on /var/lib/postgresql",
    "monitoring_tool": "prometheus",
    "severity": "high",
    "routing_key": "database",
    "entity_state": "CRITICAL",
    "alert_type": "CRITICAL",
    "timestamp": "1795392000",
    "VO_UUID": "3b0e2c1a-54cc-4f9c-9d0b-7d5a0f1f8e11",
    "VO_ALERT_RCV_TIME": "1795392000123",
    "VO_ORGANIZATION_ID": "example",
    "VO_MONITOR_TYPE": "4",
}


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures; `ratio` is deliveries a second over the bare client's requests a second."""
    pending, due = (50_000, 8_000) if quick else (1_000_000, 40_000)
    rounds = 1 if quick else 3
    use_core(0)
    ours, bare = [], []
    for _ in range(rounds):
        bare.append(uvloop.run(_bare_client(due)))
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            ours.append(_deliver(Path(folder), pending=pending, due=due))
    rate = statistics.median(each["per_second"] for each in ours)
    reference = statistics.median(each["per_second"] for each in bare)
    return {
        "ratio": round(rate / reference, 3),
        "deliveries_per_second": round(rate),
        "reference_per_second": round(reference),
        "cpu_us_per_delivery": round(statistics.median(each["cpu_us"] for each in ours), 1),
        "reference_cpu_us": round(statistics.median(each["cpu_us"] for each in bare), 1),
        "split_us": ours[-1]["split"],
        "pending": pending,
        "delivered": sum(each["delivered"] for each in ours),
        "signatures_verified": sum(each["verified"] for each in ours),
        "synchronous": "FULL",
        "ran_on": facts(),
    }


async def _bare_client(count: int) -> dict[str, float]:
    body = b"x" * 520
    with sink() as (port, _):
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector) as session:
            left = iter(range(count))

            async def post() -> None:
                for number in left:
                    url = f"http://127.0.0.1:{port}/{number % WEBHOOKS}"
                    async with session.post(url, data=body) as response:
                        await response.read()

            began, cpu = time.perf_counter(), cpu_seconds()
            await asyncio.gather(*(post() for _ in range(64)))
            took, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    return {"per_second": count / took, "cpu_us": cpu / count * 1e6}


def _deliver(folder: Path, *, pending: int, due: int) -> dict[str, Any]:
    with sink() as (port, process):
        database = Database(f"sqlite:///{folder / 'bench.db'}")
        began = datetime.now(UTC)
        configuration = _configuration(port)
        say(f"filling a database with {pending} pending escalations ...")
        _fill(database, pending=pending, due=due, began=began)
        say(f"delivering {due} ...")
        result = uvloop.run(_measure(database, configuration, due))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        received = json.loads(process.stdout.readline())
        _check(database, received, due, port)
        database.close()
        result["verified"] = len(received["sample"])
        return result


def _configuration(port: int) -> Configuration:
    webhooks = {
        number: Webhook(
            id=number,
            slug=f"w{number}",
            name=f"w{number}",
            url=f"http://127.0.0.1:{port}/hooks/{number}",
            auth_code=Secret(AUTH_CODE),
        )
        for number in range(1, WEBHOOKS + 1)
    }
    route = Route("", (), frozenset({MessageType.CRITICAL}), is_default=True)
    return Configuration(1, webhooks, {}, {}, route)


def _versions() -> dict[int, PolicyVersion]:
    """One policy for each webhook: at once, and again after an hour."""
    hour = timedelta(hours=1)
    return {
        number: PolicyVersion(
            number,
            number,
            1,
            (
                Step(timedelta(0), (WebhookTarget(number),)),
                Step(hour, (WebhookTarget(number),)),
            ),
            None,
        )
        for number in range(1, WEBHOOKS + 1)
    }


def _fill(database: Database, *, pending: int, due: int, began: datetime) -> None:
    fields = json.dumps(_FIELDS)
    at = to_micros(began)
    hour = 3_600_000_000
    numbers = range(1, pending + 1)
    with database.write() as tx:
        schema.metadata.create_all(tx.core)
        tx.run_many(
            insert(schema.incidents),
            [
                (n, f"entity {n}", "triggered", "", at, at, 1, n, n, n, True, 1, None, None, None)
                for n in numbers
            ],
        )
        tx.run_many(
            insert(schema.alerts),
            [(n, at, n, f"entity {n}", "CRITICAL", "", fields, "[]", "opened") for n in numbers],
        )
        tx.run_many(
            insert(schema.escalations),
            [
                (
                    *(n, 1, 1, n % WEBHOOKS + 1, at, 0),
                    at - due + n if n <= due else at + hour + n,
                    *(0, None, None),
                )
                for n in numbers
            ],
        )
    with database.write() as tx:
        tx.core.exec_driver_sql("ANALYZE")


async def _measure(database: Database, configuration: Configuration, due: int) -> dict[str, Any]:
    clock = SystemClock()
    ids = IdSource(node=1)
    versions = _versions()
    finished = asyncio.Event()
    recorded = 0
    groups: Counter[int] = Counter()

    def context(_: Tx) -> Context:
        return Context(
            configuration, lambda _, wanted: {n: versions[n] for n in wanted}, clock.now(), ids
        )

    def on_commit(news: News) -> None:
        courier.cancel(news.cancelled)
        if news.work_due_at is not None:
            runner.wake_at(news.work_due_at)

    def on_batch(results: Any, done: Any) -> None:
        nonlocal recorded
        recorded += done.delivered
        groups[len(results)] += 1
        runner.has_room_again()
        if recorded >= due:
            finished.set()

    def on_tick(_: Tick) -> None:
        return None

    writer = Writer(database, clock, on_commit=on_commit)
    sender = Sender(networks=Networks.parse("public,private,loopback"))
    courier = Courier(
        writer, sender, clock, run_id=1, randomness=random.Random(1), on_batch=on_batch
    )
    runner = Runner(
        writer,
        clock,
        context,
        courier,
        run_id=1,
        node="bench",
        version="bench",
        slots=4,
        on_tick=on_tick,
        on_poison=lambda: None,
    )
    writer.start()
    await runner.begin()
    gc.collect()
    began, cpu = time.perf_counter(), cpu_seconds()
    running = asyncio.create_task(runner.run())
    await finished.wait()
    took, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    runner.stop()
    await running
    await sender.close()
    await courier.drain()
    await runner.end()
    writer.stop()
    return {
        "per_second": due / took,
        "cpu_us": cpu / due * 1e6,
        "delivered": recorded,
        "split": {"batch": round(due / max(1, sum(groups.values())), 1)},
    }


def _check(database: Database, received: dict[str, Any], due: int, port: int) -> None:
    """Read every row back, and verify the sample of requests as a receiver would."""
    with database.read() as tx:
        delivered = tx.core.exec_driver_sql(
            "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
        ).scalar()
        attempts = tx.core.exec_driver_sql(
            "SELECT count(*) FROM attempts WHERE outcome = 'delivered'"
        ).scalar()
    if not delivered == attempts == received["requests"] == received["ids"] == due:
        raise SystemExit(
            f"{due} due, {delivered} delivered, {attempts} attempts, {received['requests']} received"
        )
    for request in received["sample"]:
        head, body = request.split("\r\n\r\n", 1)
        line, *headers = head.split("\r\n")
        url = f"http://127.0.0.1:{port}{line.split()[1]}"
        fields = dict(header.split(": ", 1) for header in headers)
        read(url, fields, body.encode("latin-1"), AUTH_CODE)


if os.environ.get("TOCSIN_BENCH_PROFILE"):
    say("profiling is on: figures are not comparable")
assert schema_configuration.webhooks is not None
