"""`tocsin serve` in processes of their own, on one store."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tocsin.settings import Settings

_START_SECONDS = 60.0
_LOOK_AGAIN = 0.005  # seconds
_API = "/api/v1"


class Node:
    """A server that answers."""

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]") -> None:
        self.home = home
        self.process_id = process.pid
        address = json.loads((home / "server.json").read_text())["url"]
        self._host = urlsplit(address).netloc

    @property
    def port(self) -> int:
        port = urlsplit(f"//{self._host}").port
        assert port is not None
        return port

    def ask(self, method: str, path: str) -> Any:
        """Return its answer to an administrator, which only the first of its store knows.

        Raises: SystemExit, if that is no success.
        """
        token = (self.home / "admin.token").read_text().strip()
        connection = HTTPConnection(self._host, timeout=_START_SECONDS)
        try:
            connection.request(method, _API + path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{method} {path} was answered {answer.status}: {text}")
        return json.loads(text)


@contextmanager
def node(
    home: Path, *, paused: bool = False, log: Path | None = None, **settings: str
) -> Iterator[Node]:
    """Run a server until the block ends; it answers when the block begins. Raises: SystemExit."""
    (home / "server.json").unlink(missing_ok=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    ours = {"TOCSIN_HOME": str(home), "TOCSIN_LISTEN": "127.0.0.1:0"}
    with ExitStack() as stack:
        said = stack.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve", *(["--paused"] if paused else [])],
            env=others | ours | settings,
            stdout=said or subprocess.DEVNULL,
            stderr=said,
        )
        try:
            _until_it_answers(home, process)
            yield Node(home, process)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def nodes(settings: Settings, count: int, *, paused: bool) -> Iterator[list[Node]]:
    """Run so many servers, each in a home of its own, on the store that `prepare` made."""
    given = {
        "TOCSIN_DATABASE_URL": settings.database_url.reveal().replace("+psycopg", ""),
        "TOCSIN_MASTER_KEY_FILE": str(settings.home / "tocsin.db.key"),
        "TOCSIN_WEBHOOK_NETWORKS": "loopback",
        "TOCSIN_WEBHOOK_SLOTS": str(settings.webhook_slots),
    }
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                node(settings.home / str(n), paused=paused, log=settings.home / f"{n}.log", **given)
            )
            for n in range(1, count + 1)
        ]


def _until_it_answers(home: Path, process: "subprocess.Popen[bytes]") -> None:
    """Ask for `/healthz` until there is an answer, at the address that the server leaves for us."""
    deadline = time.perf_counter() + _START_SECONDS
    while process.poll() is None and time.perf_counter() < deadline:
        if _answers(home / "server.json"):
            return
        time.sleep(_LOOK_AGAIN)
    raise SystemExit("`tocsin serve` did not answer; its own words are above")


def _answers(address: Path) -> bool:
    if not address.exists():
        return False
    host = urlsplit(json.loads(address.read_text())["url"]).netloc
    connection = HTTPConnection(host, timeout=_START_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    finally:
        connection.close()


class CpuWatch:
    """The CPU time of groups of processes, from now on. Units: seconds."""

    def __init__(self, groups: Mapping[str, Callable[[], float]]) -> None:
        self._groups = groups
        self._began = self._now()

    def stop(self) -> dict[str, float]:
        return {name: now - self._began[name] for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: spent() for name, spent in self._groups.items()}
