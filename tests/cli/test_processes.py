"""`tocsin serve --processes`: several processes of one server on one address, as an init system runs them."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.cli.conftest import ANNOUNCED, LAST_LINE, Cli, environment
from tests.databases import drop_databases, new_database, postgresql_url

from tocsin.cli.alert import ALERT_PATH

__all__ = ["postgresql_url"]
COUNT = 2
KEY = "Zmly" * 10 + "Zmk="


@pytest.fixture
def database(postgresql_url: str) -> Iterator[str]:
    """An empty database: nobody has ever started on it."""
    yield new_database(postgresql_url, "processes")
    drop_databases(postgresql_url, "processes")


@dataclass(frozen=True)
class Group:
    """A started `tocsin serve --processes`, and what all of it wrote."""

    process: subprocess.Popen[str]
    introduction: str
    url: str
    home: Path
    log: Path

    @property
    def cli(self) -> Cli:
        return Cli({"TOCSIN_HOME": str(self.home)})

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log about a happening."""
        found = []
        for text in self.log.read_text().splitlines():
            assert text.startswith("{"), text
            line = json.loads(text)
            if line["event"] == event:
                found.append(line)
        return found

    def started(self) -> list[int]:
        """Return the ids of the processes that were started, in order."""
        return [line["pid"] for line in self.lines("process.began")]


@contextmanager
def several(home: Path, database: str, *options: str, **variables: str) -> Iterator[Group]:
    log = home.parent / f"{home.name}.log"
    variables = {"TOCSIN_LOG_FORMAT": "json", "TOCSIN_DATABASE_URL": database} | variables
    with (
        log.open("w") as opened,
        subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve", "--processes", str(COUNT), *options],
            env=environment(home, **variables),
            stdout=subprocess.PIPE,
            stderr=opened,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert ANNOUNCED in first, log.read_text()
            url = first.partition(ANNOUNCED)[2].strip()
            introduction = first + "".join(iter(process.stdout.readline, LAST_LINE))
            group = Group(process, introduction, url, home, log)
            until(lambda: group.lines("processes.began"))
            yield group
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=20)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for what other processes do."""
    another = threading.Event()  # which never comes: there is nothing of ours to wait on
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        another.wait(0.02)
    raise AssertionError("it did not happen in time")


def test_a_first_start_makes_one_key_and_one_token(tmp_path: Path, database: str) -> None:
    """It is told once, whoever it is; each process has a name in the registry and in every line of log;
    one that dies is back by itself; SIGTERM ends all of them, gracefully, with exit code 0."""
    home = tmp_path / "home"
    with several(home, database) as group:
        assert group.introduction.count(f"{ALERT_PATH}/") == 2  # the URL, and the curl line
        assert f"Processes: {COUNT}, on one address" in group.introduction
        assert len(group.cli("tokens", "--json").json["items"]) == 1
        for times in (1, 2):
            os.kill(group.started()[-1], signal.SIGKILL)
            until(lambda: len(group.lines("process.is_back")) == times)  # noqa: B023 - at once
        ended = group.lines("process.ended")
        assert [each["exit_code"] for each in ended] == [128 + 9] * 2
        assert [each["again_in_seconds"] for each in ended] == [0.2, 1.0]
        assert len(set(group.started())) == COUNT + 2
        assert {line["process"] for line in group.lines("node.joined")} == {1, 2}
        assert len(group.cli("tokens", "--json").json["items"]) == 1
        group.process.send_signal(signal.SIGTERM)
        assert group.process.wait(timeout=20) == 0
        assert {line["process"] for line in group.lines("server.stopping")} == {1, 2}
        assert group.process.stdout is not None
        assert group.process.stdout.read() == "", "nothing is told a second time"


def test_each_process_has_probes_and_metrics_of_its_own(tmp_path: Path, database: str) -> None:
    """At ports that follow one another. The shared address refuses metrics, which would be those of
    whichever process answers, and says where they are. When who started them is killed, they stop,
    gracefully: nobody would start them again."""
    port = two_free_ports()
    at = f"127.0.0.1:{port}"
    with several(tmp_path / "home", database, TOCSIN_PROBES_LISTEN=at) as group:
        for each in (port, port + 1):
            answer = httpx.get(f"http://127.0.0.1:{each}/metrics")
            assert answer.status_code == 200
            assert "tocsin_build_info" in answer.text
            refused = httpx.get(f"http://127.0.0.1:{each}/api/v1/status")
            assert refused.json()["error"]["code"] == "not_answered_here"
        shared = httpx.get(f"{group.url}/metrics")
        assert shared.status_code == 404
        assert "TOCSIN_PROBES_LISTEN" in shared.json()["error"]["message"]
        assert httpx.get(f"{group.url}/readyz").status_code == 200

        group.process.kill()
        until(lambda: not any(map(answers, (port, port + 1))))
        assert len(group.lines("server.stopping")) == COUNT


def test_what_does_not_stop_is_ended_when_it_is_asked_again(tmp_path: Path, database: str) -> None:
    """The second signal ends all at once, and the exit code says that it was no graceful end. What
    `--only` says holds for each of them."""
    with several(tmp_path / "home", database, "--only", "api,deliver") as group:
        assert "Roles: api,deliver; the rest is for other nodes" in group.introduction
        nodes = group.cli("nodes", "--json").json
        assert [each["roles"] for each in nodes["items"]] == [["api", "deliver"]] * COUNT
        assert group.cli("nodes").out.startswith(nodes["warnings"][0])
        os.kill(group.started()[0], signal.SIGSTOP)
        group.process.send_signal(signal.SIGINT)
        until(lambda: group.lines("server.stopping"))
        assert group.process.poll() is None
        group.process.send_signal(signal.SIGINT)
        assert group.process.wait(timeout=20) == 128 + 9


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_machine_that_is_short_of_something_stops_nobody(tmp_path: Path, database: str) -> None:
    """Where a process cannot be started again, the others go on, and it is tried until it can."""
    with several(tmp_path / "home", database) as group:
        usual = resource.prlimit(group.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(group.process.pid, resource.RLIMIT_NOFILE, (4, usual[1]))
        os.kill(group.started()[-1], signal.SIGKILL)
        until(lambda: group.lines("process.not_started"))
        assert group.process.poll() is None
        assert group.cli("nodes").code == 0
        resource.prlimit(group.process.pid, resource.RLIMIT_NOFILE, usual)
        until(lambda: group.lines("process.is_back"))


def test_what_keeps_one_from_starting_is_told_once_and_keeps_all(
    tmp_path: Path, database: str
) -> None:
    """A taken address, and a port that only the second process needs: exit code 1 and a sentence."""
    free = two_free_ports()
    with socket.create_server(("127.0.0.1", free + 1)):
        at = f"127.0.0.1:{free + 1}"
        code, told = refused(tmp_path / "home", database, TOCSIN_LISTEN=at)
        assert (code, told.count("is in use by another program")) == (1, 1)

        before = f"127.0.0.1:{free}"
        code, told = refused(tmp_path / "home", database, TOCSIN_PROBES_LISTEN=before)
        assert (code, told.count(f"{at} is in use by another program")) == (1, 1)
        assert "TOCSIN_PROBES_LISTEN to another port" in told


def test_sqlite_has_one_process(tmp_path: Path) -> None:
    """Refused before anything is made, with the way to PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    code, told = refused(tmp_path / "home", url)

    assert code == 1
    assert "tocsin migrate-store --to" in told
    assert "TOCSIN_DATABASE_URL" in told
    assert not (tmp_path / "home").exists()


def refused(home: Path, database: str, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "serve", "--processes", str(COUNT)],
        env=environment(home, TOCSIN_DATABASE_URL=database, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def two_free_ports() -> int:
    """Return the first of two ports that nobody listens at, side by side."""
    for port in range(32_000, 32_700):
        try:
            with (
                socket.create_server(("127.0.0.1", port)),
                socket.create_server(("127.0.0.1", port + 1)),
            ):
                return port
        except OSError:
            continue
    raise AssertionError("no two free ports")


def test_two_machines_that_start_at_once_on_an_empty_database(
    tmp_path: Path, database: str
) -> None:
    """One migrates and makes the alert key, the other waits for it; each has a token of its own."""
    homes = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                starting(home, database, tmp_path / f"{home.name}.log", TOCSIN_MASTER_KEY=KEY)
            )
            for home in homes
        ]
        told = []
        for process in both:
            assert process.stdout is not None
            told.append("".join(iter(process.stdout.readline, LAST_LINE)))
        assert sorted(text.count(f"{ALERT_PATH}/") for text in told) == [0, 2]
        (one, two) = (Cli({"TOCSIN_HOME": str(home)}) for home in homes)
        names = [each["name"] for each in one("tokens", "--json").json["items"]]
        assert sorted(names) == ["local", "local-2"]
        assert [each["state"] for each in two("nodes", "--json").json["items"]] == ["lives"] * 2
        assert "lives" in two("nodes").out


# A database that is away


def test_a_server_waits_for_a_database_that_is_not_there_yet(tmp_path: Path, database: str) -> None:
    """After a power cut a machine may be up before PostgreSQL: it says why it waits and when it tries
    again, starts by itself when it can, and while it waits SIGTERM ends it with exit code 0."""
    url = sa.make_url(database)
    there, log = tmp_path / "there", tmp_path / "log"
    away = url.set(query={"host": str(there)}).render_as_string(hide_password=False)
    with starting(tmp_path / "home", away, log) as process:
        until(lambda: "database.awaited" in log.read_text())
        assert "again_in_seconds=0.2" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    with starting(tmp_path / "home", away, log) as process:
        until(lambda: "database.awaited" in log.read_text())
        there.symlink_to(str(url.query["host"]))
        assert process.stdout is not None
        assert ANNOUNCED in process.stdout.readline()
        assert log.read_text().count("database.reached") == 1


def test_a_database_that_waiting_does_not_bring_is_refused_at_once(
    tmp_path: Path, database: str
) -> None:
    """One that nobody has made, and a user that there is not: a sentence, and exit code 1."""
    for wrong in (
        sa.make_url(database).set(database="nobody-made-it"),
        sa.make_url(database).set(username="nobody"),
    ):
        url = wrong.render_as_string(hide_password=False)
        with starting(tmp_path / "home", url, tmp_path / "log") as process:
            assert process.wait(timeout=20) == 1
        (line,) = (tmp_path / "log").read_text().splitlines()
        assert line.startswith(
            "tocsin: the PostgreSQL server of TOCSIN_DATABASE_URL cannot be used"
        )
        assert "does not exist" in line


@contextmanager
def starting(
    home: Path, database: str, log: Path, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as opened,
        subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve"],
            env=environment(home, TOCSIN_DATABASE_URL=database, **variables),
            stdout=subprocess.PIPE,
            stderr=opened,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
