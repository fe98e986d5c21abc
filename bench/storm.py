"""Storms: 100,000 steps due within one second, then 100,000 alerts as fast as 100 connections bring them.

1,000,000 escalations are pending. Meanwhile incidents are acknowledged, ten a second, and each answer
is awaited: what counts is how long the person who acknowledges waits while everything else is at its worst.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import uvloop

from bench.checking import check_alerts, check_deliveries
from bench.filling import plan, prepare
from bench.machine import OURS, facts, say, use_core
from bench.processes import Sink, load, sink
from bench.sending import alerts
from bench.server import calm, port_of, serving, write
from bench.stepping import percentiles, read_lateness
from bench.stores import about, home
from tocsin.chaos.load import Connection
from tocsin.settings import Settings
from tocsin.store.schema import to_micros
from tocsin.wiring.serving import Running

_ACKNOWLEDGE_EVERY = 0.1  # seconds
_WITHIN = 1_000_000
"""In how long all the steps are due. Units: microseconds."""
_FIRST_ALERT = 10_000_000
"""What the entities of the alerts are counted from."""


class _Storm(NamedTuple):
    seconds: float
    waited: list[float]
    """How long each acknowledgement took. Units: milliseconds."""


def run(*, quick: bool, store: str = "sqlite") -> dict[str, Any]:
    """Return the figures; `p99_ms` is how long an acknowledgement takes while the steps storm."""
    pending, count = (10_000, 3_000) if quick else (1_000_000, 100_000)
    use_core(OURS)
    with home(store) as settings, sink() as receiver:
        prepare(settings, port=receiver.port, pending=pending)
        found = uvloop.run(_measure(settings, receiver, pending=pending, count=count))
        return found | {"pending": pending, **about(store), "ran_on": facts()}


async def _measure(
    settings: Settings, receiver: Sink, *, pending: int, count: int
) -> dict[str, Any]:
    async with serving(settings) as server:
        say(f"{count:,} steps due within a second ...")
        steps = await _steps(server, pending=pending, count=count)
        late = read_lateness(server.store.database)
        verified = check_deliveries(server.store.database, receiver.report(), fired=count)
        say(f"{count:,} alerts ...")
        intake, sender = await _alerts(server, pending=pending, count=count)
        await asyncio.to_thread(
            check_alerts, server.store.database, accepted=count, backlog=pending
        )
    return {
        **percentiles("", steps.waited),
        **percentiles("during_alerts_", intake.waited),
        "steps": count,
        "steps_per_second": round(count / steps.seconds),
        "steps_done_in_seconds": round(steps.seconds, 1),
        "last_step_late_seconds": round(max(late.sent) / 1000, 1),
        "alerts": count,
        "alerts_per_second": round(count / intake.seconds),
        "alerts_taken_in_seconds": round(intake.seconds, 1),
        "alert_p99_ms": sender["p99_ms"],
        "acknowledged": len(steps.waited) + len(intake.waited),
        "signatures_verified": verified,
    }


async def _steps(server: Running, *, pending: int, count: int) -> _Storm:
    """Let the first `count` incidents' steps be due within a second; acknowledge others meanwhile."""
    begins = to_micros(datetime.now(UTC)) + _begins_after(count)
    every = _WITHIN / count
    await write(
        server, lambda tx: plan(tx, {n + 1: begins + round(n * every) for n in range(count)})
    )
    if time.time() * 1e6 > begins:
        raise SystemExit("this machine is too busy to plan the steps in time")
    await asyncio.sleep(begins / 1e6 - time.time())
    began = time.perf_counter()
    async with _acknowledging(server, first=pending) as waited:
        await asyncio.sleep(_WITHIN / 1e6)
        await calm(server)
    return _Storm(time.perf_counter() - began, waited)


def _begins_after(count: int) -> int:
    """Return how long planning may take. Units: microseconds."""
    return 5_000_000 + count * 100


async def _alerts(server: Running, *, pending: int, count: int) -> tuple[_Storm, dict[str, Any]]:
    async with load(alerts(port_of(server), count=count, first=_FIRST_ALERT)) as generator:
        began = time.perf_counter()
        async with _acknowledging(server, first=pending // 2) as waited:
            found = await generator.run()
        seconds = time.perf_counter() - began
    return _Storm(seconds, waited), found


@asynccontextmanager
async def _acknowledging(server: Running, *, first: int) -> AsyncIterator[list[float]]:
    """Acknowledge one incident after the other, from number `first` downwards, while the block lasts."""
    waited: list[float] = []
    ended = asyncio.Event()

    async def acknowledge() -> None:
        token = (server.settings.home / "admin.token").read_text().strip()
        more = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        connection = await Connection.to(port_of(server))
        number = first
        while not ended.is_set():
            path, began = f"/api/v1/incidents/{number}/acknowledge", time.perf_counter()
            answered = await connection.ask("POST", path, b"{}", more=more)
            if answered.status != 200:
                raise SystemExit(f"{path} was answered {answered.status}: {answered.body!r}")
            waited.append((time.perf_counter() - began) * 1000)
            number -= 1
            await asyncio.sleep(_ACKNOWLEDGE_EVERY)
        connection.close()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(acknowledge())
        yield waited
        ended.set()
