"""How late a step is, with many escalations pending: 500 steps a second, evenly, of random incidents.

From the planned instant of each step to when it fired, and to when the first byte of its webhook left,
as the server itself has on record. The reference is how late the event loop alone wakes up, on the same
core and at the same rate: no server on it can do better.
"""

import asyncio
import time
from typing import Any, NamedTuple

import uvloop

from bench.checking import check_deliveries
from bench.filling import prepare
from bench.machine import OURS, Spent, Stopwatch, facts, say, use_core
from bench.processes import Sink, sink
from bench.server import calm, serving
from bench.stepping import Lateness, last_step_fired, percentiles, read_lateness, steps_planned
from bench.stores import about, home
from tocsin.settings import Settings

_PER_SECOND = 500
_MS_PER_SECOND = 1000


class _Result(NamedTuple):
    late: Lateness
    spent: Spent
    verified: int


def run(*, quick: bool, store: str = "sqlite") -> dict[str, Any]:
    """Return the figures; `p50_ms` and `p99_ms` are from planned instant to first byte."""
    pending, seconds = (20_000, 1) if quick else (1_000_000, 60)
    use_core(OURS)
    timers = uvloop.run(_bare_timers(min(seconds, 10)))
    with home(store) as settings, sink() as receiver:
        prepare(settings, port=receiver.port, pending=pending)
        say(f"{_PER_SECOND} steps a second for {seconds} seconds ...")
        count = seconds * _PER_SECOND
        result = uvloop.run(_measure(settings, receiver, pending=pending, count=count))
    return {
        **percentiles("", result.late.sent),
        **percentiles("fired_", result.late.fired),
        **percentiles("bare_timer_", timers),
        "steps_per_second": _PER_SECOND,
        "steps": result.spent.items,
        "cpu_us_per_step": round(result.spent.cpu_us, 1),
        "pending": pending,
        "signatures_verified": result.verified,
        **about(store),
        "ran_on": facts(),
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


async def _measure(settings: Settings, receiver: Sink, *, pending: int, count: int) -> _Result:
    async with serving(settings) as server:
        await steps_planned(server, pending=pending, count=count, per_second=_PER_SECOND)
        watch = Stopwatch()
        await last_step_fired(count=count, per_second=_PER_SECOND)
        await calm(server)
        spent = watch.stop(count)
        late = read_lateness(server.store.database)
        verified = check_deliveries(server.store.database, receiver.report(), fired=count)
    return _Result(late, spent, verified)
