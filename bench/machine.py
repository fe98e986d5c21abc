"""What a benchmark ran on, and how it measures itself."""

import os
import platform
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def facts() -> dict[str, Any]:
    """Return the machine and the versions that a figure depends on."""
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(terse=True),
        "load": round(os.getloadavg()[0], 2),
    }


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def use_core(core: int) -> None:
    """Keep this process on one core, where the machine has several."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


def say(text: str) -> None:
    """Show progress without touching the result on standard output."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def sink(core: int = 1) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Run a receiver; yield its port and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink", str(core)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()
