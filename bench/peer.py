"""CPU time of a webhook, from the alert's arrival on, beside Prometheus Alertmanager's.

Both get the same alerts over HTTP from the same load generator and send one webhook for each, at once,
to the same receiver. Tocsin puts the alert, the incident, the delivery and its attempt on disk and signs
twice; Alertmanager keeps its alerts in memory and signs nothing. Alertmanager is measured with one alert
a request, as Tocsin gets them, and also with 64, as Prometheus sends them.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from bench import alertmanager, filling
from bench.checking import check_alerts, check_deliveries
from bench.machine import OURS, Spent, Stopwatch, facts, middle, say, use_core
from bench.processes import Job, Sink, load, sink
from bench.server import calm, port_of, serving
from tocsin.settings import Settings

_CONNECTIONS = 100
_WARM_UP = 500
_PROMETHEUS_BATCH = 64
_WEBHOOK_SECONDS = 120.0
MISSING = f"{alertmanager.PROGRAM} is missing (Debian, Ubuntu: apt install {alertmanager.PROGRAM})"


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures; `ratio` is our CPU time per webhook over Alertmanager's, so less is better."""
    if not alertmanager.is_installed():
        say(f"nothing was measured: {MISSING}")
        return {"ratio": None, "skipped": MISSING}
    count, rounds = (1_000, 1) if quick else (20_000, 3)
    use_core(OURS)
    singly, batched, ours = [], [], []
    for _ in range(rounds):
        singly.append(uvloop.run(_alertmanager(count, per_request=1)))
        batched.append(uvloop.run(_alertmanager(count, per_request=_PROMETHEUS_BATCH)))
        ours.append(_tocsin(count))
    chosen, one, many = middle(each.spent for each in ours), middle(singly), middle(batched)
    return {
        "ratio": round(chosen.cpu_us / one.cpu_us, 3),
        "ratio_to_batches_of_64": round(chosen.cpu_us / many.cpu_us, 3),
        "cpu_us_per_webhook": round(chosen.cpu_us, 1),
        "peer_cpu_us": round(one.cpu_us, 1),
        "peer_cpu_us_in_batches_of_64": round(many.cpu_us, 1),
        "per_second": round(chosen.per_second),
        "peer_per_second": round(one.per_second),
        "peer": alertmanager.version(),
        "webhooks": count,
        "signatures_verified": sum(each.verified for each in ours),
        "synchronous": "FULL",
        "ran_on": facts(),
    }


class _Ours(NamedTuple):
    spent: Spent
    verified: int


def _tocsin(count: int) -> _Ours:
    with sink() as receiver, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        settings = filling.settings_in(Path(folder))
        filling.prepare(settings, port=receiver.port, pending=0)
        say(f"{count:,} alerts to Tocsin ...")
        return uvloop.run(_measure(settings, receiver, count))


async def _measure(settings: Settings, receiver: Sink, count: int) -> _Ours:
    async with serving(settings) as server:
        job = Job(
            port=port_of(server),
            path=filling.alert_path(),
            spread=filling.WEBHOOKS,
            item=filling.ALERT,
            count=_WARM_UP,
            connections=_CONNECTIONS,
        )
        await _send(job)
        await calm(server)
        watch = await _send(job, more=count)
        await calm(server)
        spent = watch.stop(count)
        database = server.store.database
        check_alerts(database, accepted=_WARM_UP + count, backlog=0)
        verified = check_deliveries(database, receiver.report(), fired=_WARM_UP + count)
    return _Ours(spent, verified)


async def _alertmanager(count: int, *, per_request: int) -> Spent:
    say(f"{count:,} alerts to Alertmanager, {per_request} a request ...")
    with sink() as receiver:
        async with alertmanager.alertmanager(receiver.port) as peer:
            job = Job(
                port=peer.port,
                path=alertmanager.ALERTS_PATH,
                item=alertmanager.ALERT,
                opening="[",
                closing="]",
                per_request=per_request,
                count=_WARM_UP,
                connections=_CONNECTIONS,
            )
            await _send(job)
            await _until_received(receiver, _WARM_UP)
            watch = await _send(job, more=count, watched=peer.process_id)
            await _until_received(receiver, _WARM_UP + count)
            return watch.stop(count)


async def _send(job: Job, *, more: int = 0, watched: int | None = None) -> Stopwatch:
    """Send the job, or `more` items after those that it had.

    Returns a stopwatch of the process `watched`, or of this one, that runs since the first request.
    """
    if more:
        job = replace(job, first=job.first + job.count, count=more)
    async with load(job) as generator:
        watch = Stopwatch(watched)
        await generator.run()
    return watch


async def _until_received(receiver: Sink, requests: int) -> None:
    async with asyncio.timeout(_WEBHOOK_SECONDS):
        while receiver.report()["requests"] < requests:
            await asyncio.sleep(0.05)
