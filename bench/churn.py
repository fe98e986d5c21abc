"""Connections made and ended in every way, one after the other: nothing may be left of them.

The transport alone: no engine, no database. Each connection ends in another way than the one before: kept,
closed, announced, reset, cut off in headers or body, garbage, a flood, two answers, refused, given up. Once all are
over, not one descriptor may be open more than before, and memory no larger than after the first tenth.
"""

import asyncio
import gc
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count as counting
from pathlib import Path
from typing import Any

import uvloop

from bench.machine import OURS, THEIRS, Stopwatch, facts, resident_mib, say, use_core
from tocsin.domain.network import Networks
from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import Answer, Destination, Exchange
from tocsin.transport.sender import Sender

_PORTS = 8
"""So that a port of ours, which rests a minute once its connection is over, is free for another."""
_AT_ONCE = 64
_MOST_MIB = 4.0
_HEAD = b"POST /page HTTP/1.1\r\nContent-Length: 7\r\nHost: receiver.test\r\n\r\n"
_BODY = b"incid=1"
_IN_VAIN_EVERY = 50
_SILENT_EVERY = 500


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures. Raises: SystemExit, if a socket leaked or memory grew."""
    count = 2_000 if quick else 100_000
    use_core(OURS)
    with _receivers() as ports, _silent() as silent:
        return uvloop.run(_churn(count, ports, silent))


async def _churn(count: int, ports: list[int], silent: int) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    numbers = counting(1)

    def one_more() -> Exchange:
        number = next(numbers)
        if number % _SILENT_EVERY == 0:
            return _exchange(silent, total_timeout=0.05)
        if number % _IN_VAIN_EVERY == 0:
            return _exchange(closed)
        # One in ten may use a connection that was kept; its receiver then ends it.
        return _exchange(ports[number % _PORTS], is_fresh=number % 10 != 0)

    await _send_all(count // 10, one_more)  # caches fill, and the loop opens what it needs
    descriptors, resident = _open_descriptors(), _resident()
    say(f"{count:,} connections, {_AT_ONCE} at a time ...")
    watch = Stopwatch()
    outcomes = await _send_all(count, one_more)
    spent = watch.stop(count)
    leaked, grew = _open_descriptors() - descriptors, _resident() - resident
    check(leaked=leaked, grew=grew)
    return {
        "leaked_sockets": leaked,
        "grew_mib": round(grew, 2),
        "connections": count,
        "cpu_us_per_connection": round(spent.cpu_us, 1),
        "seconds": round(spent.wall, 1),
        "resident_mib": round(_resident(), 1),
        "outcomes": {outcome.value: number for outcome, number in sorted(outcomes.items())},
        "ran_on": facts(),
    }


def check(*, leaked: int, grew: float) -> None:
    """Make sure that nothing is left. Units: `grew` is MiB. Raises: SystemExit."""
    if leaked or grew > _MOST_MIB:
        raise SystemExit(f"{leaked} sockets leaked, memory grew by {grew:.1f} MiB")


def _exchange(port: int, *, total_timeout: float = 15.0, is_fresh: bool = True) -> Exchange:
    return Exchange(
        destination=Destination(is_tls=False, host="127.0.0.1", port=port),
        head=_HEAD,
        body=_BODY,
        connect_timeout=5.0,
        total_timeout=total_timeout,
        is_cancelled=lambda: False,
        is_fresh=is_fresh,
    )


async def _send_all(count: int, one_more: Callable[[], Exchange]) -> Counter[Outcome]:
    """Send `count` exchanges with a sender of its own, and close it."""
    sender = Sender(networks=Networks.parse("loopback"))
    left = counting(-count)
    outcomes: Counter[Outcome] = Counter()
    ended = asyncio.Event()

    def begin() -> None:
        if next(left) < 0:
            sender.start(one_more(), on_answer)

    def on_answer(answer: Answer) -> None:
        outcomes[answer.outcome] += 1
        if outcomes.total() == count:
            ended.set()
        begin()

    for _ in range(_AT_ONCE):
        begin()
    await ended.wait()
    await sender.close()
    if sender.open_count:
        raise SystemExit(f"{sender.open_count} connections are open after all was closed")
    return outcomes


def _open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _resident() -> float:
    gc.collect()
    return resident_mib(os.getpid())


@contextmanager
def _receivers() -> Iterator[list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.misbehaving_sink", str(THEIRS), str(_PORTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _silent() -> Iterator[int]:
    """A port at which connections are made, because the system does, and nobody reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener.getsockname()[1]
