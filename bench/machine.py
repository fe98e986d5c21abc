"""What a benchmark runs on, and how it measures itself."""

import os
import platform
import resource
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

OURS, THEIRS = 0, 1
"""The core of what is measured, and the core of everything else: receivers and load generators."""

EVERYWHERE = "everywhere"
"""In the place of a core: the system chooses, from moment to moment."""


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


def say(text: str) -> None:
    """Show progress without touching the result on standard output."""
    print(text, file=sys.stderr, flush=True)


def use_core(core: int | str) -> None:
    """Keep this process, and those it starts, on one core, where the system can."""
    if core != EVERYWHERE and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) % (os.cpu_count() or 1)})


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def thread_cpu_seconds(name: str) -> float:
    """Return the CPU time so far of this process's thread of that name, the newest if there are more."""
    *_, ident = (each.ident for each in threading.enumerate() if each.name == name)
    assert ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(ident))


def cpu_seconds_of(process_id: int) -> float:
    """Return the CPU time so far of another process and its threads."""
    after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    user, system = int(after_name[11]), int(after_name[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_with_ended(process_id: int) -> float:
    """Return the CPU time so far of another process, its threads, and those of its children that have ended."""
    after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


def resident_mib(process_id: int) -> float:
    """Return the resident memory of a process. Units: MiB."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Spent(NamedTuple):
    """What so many items took. Units: seconds."""

    items: int
    wall: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.items / self.wall

    @property
    def cpu_us(self) -> float:
        """Units: microseconds an item."""
        return self.cpu / self.items * 1e6

    @property
    def wall_us(self) -> float:
        """Units: microseconds an item."""
        return self.wall / self.items * 1e6

    @property
    def busy(self) -> float:
        """The share of a core in use; well below 1, the process waited, or others had the core."""
        return self.cpu / self.wall


class Stopwatch:
    """Measures a process from now on: this one, or another whose id is given."""

    def __init__(self, process_id: int | None = None) -> None:
        self._process_id = process_id
        self._wall, self._cpu = time.perf_counter(), self._cpu_now()

    def stop(self, items: int) -> Spent:
        """Return what `items` have taken since."""
        return Spent(items, time.perf_counter() - self._wall, self._cpu_now() - self._cpu)

    def _cpu_now(self) -> float:
        return cpu_seconds_of(self._process_id) if self._process_id else cpu_seconds()


def compared(ours: Spent, reference: Spent, *, item: str) -> dict[str, Any]:
    """Return the figures of two runs on one core; `ratio` is our rate over the reference's."""
    is_disturbed = min(ours.busy, reference.busy) < _DISTURBED
    if is_disturbed:
        say("others used this core meanwhile: `cpu_ratio` tells more than `ratio`")
    return {
        "ratio": round(ours.per_second / reference.per_second, 3),
        "cpu_ratio": round(reference.cpu_us / ours.cpu_us, 3),
        "per_second": round(ours.per_second),
        "reference_per_second": round(reference.per_second),
        f"cpu_us_per_{item}": round(ours.cpu_us, 1),
        "reference_cpu_us": round(reference.cpu_us, 1),
        "disturbed": is_disturbed,
        "busy": round(ours.busy, 2),
        "reference_busy": round(reference.busy, 2),
    }


_DISTURBED = 0.85


def middle(rounds: Iterable[Spent]) -> Spent:
    """Return the round whose rate is the median; of two, the slower."""
    ordered = sorted(rounds, key=lambda each: each.per_second)
    return ordered[(len(ordered) - 1) // 2]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
