"""Each benchmark runs on a machine like this one, and says what it found in a form that programs read."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import churn, growth, peer, throughput

ROOT = Path(__file__).parents[2]


@pytest.fixture
def _any_core() -> Iterator[None]:
    """Benchmarks keep to one core; what comes after them need not."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("_any_core")
@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("deliver", ["ratio"]),
        ("ingest", ["ratio"]),
        pytest.param("peer", ["ratio"], marks=pytest.mark.needs("prometheus-alertmanager")),
        ("lateness", ["p50_ms", "p99_ms"]),
        ("hostile", ["p50_ms", "p99_ms"]),
        ("fairness", ["ratio", "p50_ms", "p99_ms"]),
        ("footprint", ["ratio"]),
        ("storm", ["p50_ms", "p99_ms", "during_alerts_p50_ms", "during_alerts_p99_ms"]),
    ],
)
def test_a_benchmark_measures_and_counts(name: str, first: list[str]) -> None:
    """A benchmark gives its main figures first, and what it ran on; nothing that it sent was lost."""
    check(importlib.import_module(f"bench.{name}").run(quick=True), first)


@pytest.mark.usefixtures("_any_core")
def test_servers_on_one_postgresql_are_measured_beside_one_on_sqlite() -> None:
    """Nothing that they delivered together was lost or sent twice, and PostgreSQL waited for the disk."""
    found = throughput.run(quick=True)
    assert list(found)[:2] == ["ratio", "ratio_of_most"]
    assert found["per_second"].keys() == {"postgresql_1", "postgresql_2", "sqlite_1"}
    assert all(each > 0 for each in found["per_second"].values())
    assert found["delivered"] == 12_000
    assert (found["fsync"], found["synchronous_commit"], found["autovacuum"]) == ("on", "on", "on")
    assert found["bloat"]["deliveries"]["updates"] >= 8_000


@pytest.mark.usefixtures("_any_core")
def test_a_figure_names_its_store() -> None:
    """The same benchmark on PostgreSQL, which waits for the disk."""
    found = growth.run(quick=True, store="postgresql")
    assert found["ratio"] > 0
    assert (found["store"], found["fsync"]) == ("postgresql", "on")


@pytest.mark.usefixtures("_any_core")
def test_churn_leaves_no_socket_open() -> None:
    """2,000 connections that end in every way leave neither a descriptor nor memory behind."""
    found = churn.run(quick=True)
    assert (found["leaked_sockets"], found["connections"]) == (0, 2_000)
    assert sum(found["outcomes"].values()) == 2_000
    assert set(found["outcomes"]) >= {
        "connection_lost",
        "connection_refused",
        "delivered",
        "malformed_answer",
        "rejected",
        "timed_out",
    }


def test_churn_ends_without_figures_when_something_is_left() -> None:
    """What it measures is also what it demands."""
    churn.check(leaked=0, grew=1.0)
    with pytest.raises(SystemExit, match="1 sockets leaked"):
        churn.check(leaked=1, grew=0.0)
    with pytest.raises(SystemExit, match="memory grew by 9"):
        churn.check(leaked=0, grew=9.0)


def test_the_last_line_is_the_figures() -> None:
    """`python -m bench NAME` ends with one line of JSON; progress goes to standard error."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "growth", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr
    (line,) = ended.stdout.splitlines()
    check(json.loads(line), ["ratio", "ratio_random"])


def check(found: dict[str, Any], first: list[str]) -> None:
    assert list(found)[: len(first)] == first
    assert all(found[each] > 0 for each in first)
    assert found["synchronous"] == "FULL"
    assert found["ran_on"]["cpus"] == os.cpu_count()


def test_a_missing_alertmanager_is_said_and_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Alertmanager the benchmark ends well, with a sentence that says how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peer.run(quick=True)
    assert found["ratio"] is None
    assert "apt install prometheus-alertmanager" in found["skipped"]
