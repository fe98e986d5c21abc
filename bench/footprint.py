"""What the server weighs, and how soon it answers: the real `tocsin serve`, in a process of its own.

Three starts: on nothing at all, on the database that this leaves, and on one with many escalations
pending. Each is timed from the start of the process to its first answer, and its memory is read once it
has been idle for a while. The reference is a Python that has imported the server's parts, and no more.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.filling import prepare, settings_in
from bench.machine import OURS, cpu_seconds_of, facts, resident_mib, say, use_core
from bench.nodes import node


class _Start(NamedTuple):
    resident: float
    """Units: MiB."""
    seconds: float
    cpu_seconds: float


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures; `ratio` is resident memory with the backlog over resident memory idle."""
    pending, starts, idle_seconds = (20_000, 1, 0.1) if quick else (1_000_000, 5, 5.0)
    use_core(OURS)
    imports = _imports_mib()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        say("starting on nothing, then again ...")
        empty = Path(folder) / "empty"
        first = _start(empty, idle_seconds)
        idle = _middle([_start(empty, idle_seconds) for _ in range(starts)])
        full = Path(folder) / "full"
        prepare(settings_in(full), port=9, pending=pending)  # nobody is called
        say(f"starting with {pending:,} pending ...")
        loaded = _middle([_start(full, idle_seconds) for _ in range(starts)])
    return {
        "ratio": round(loaded.resident / idle.resident, 3),
        "idle_mib": round(idle.resident, 1),
        "pending_mib": round(loaded.resident, 1),
        "more_mib": round(loaded.resident - idle.resident, 1),
        "imports_mib": round(imports, 1),
        "start_seconds": round(idle.seconds, 2),
        "start_seconds_pending": round(loaded.seconds, 2),
        "first_start_seconds": round(first.seconds, 2),
        "start_cpu_seconds": round(idle.cpu_seconds, 2),
        "start_cpu_seconds_pending": round(loaded.cpu_seconds, 2),
        "pending": pending,
        "synchronous": "FULL",
        "ran_on": facts(),
    }


def _middle(starts: list[_Start]) -> _Start:
    """Return the start whose time is the median."""
    return sorted(starts, key=lambda each: each.seconds)[len(starts) // 2]


def _imports_mib() -> float:
    program = "import tocsin.wiring.serving; print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        resident = resident_mib(process.pid)
        process.kill()
    return resident


def _start(home: Path, idle_seconds: float) -> _Start:
    began = time.perf_counter()
    with node(home) as server:
        seconds, cpu = time.perf_counter() - began, cpu_seconds_of(server.process_id)
        time.sleep(idle_seconds)
        return _Start(resident_mib(server.process_id), seconds, cpu)
