"""Commands are run as users run them, against a server that `tocsin serve` started."""

import io
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tocsin.cli.main import run
from tocsin.cli.shell import Shell
from tocsin.clock import Clock, SystemClock

ANNOUNCED = "answers at "
LAST_LINE = "Ctrl-C stops it.\n"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Cli:
    """Runs commands in this process, with an environment of its own."""

    env: Mapping[str, str]
    on_terminal: bool = False
    now: datetime | None = None
    clock: Clock = field(default_factory=SystemClock)

    def __call__(self, *argv: str, given: str | io.StringIO = "") -> Done:
        """Run a command; `given` is what stands on its standard input, or is that stream."""
        out = Terminal() if self.on_terminal else io.StringIO()
        err = io.StringIO()
        now = self.now or self.clock.now()
        shell = Shell(
            self.env,
            out,
            err,
            now,
            self.clock,
            io.StringIO(given) if isinstance(given, str) else given,
        )
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = run(argv, shell)
            except SystemExit as ended:  # argparse ends the process itself
                code = int(ended.code or 0)
        return Done(code, out.getvalue(), err.getvalue())

    def with_env(self, **variables: str) -> "Cli":
        return replace(self, env={**self.env, **variables})


@dataclass(frozen=True)
class Served:
    """A server process and what it printed until it was ready."""

    home: Path
    url: str
    introduction: str
    process: subprocess.Popen[str]
    receiver: str
    """The URL of a receiver: /ok answers 204, /broken 500."""

    @property
    def alert_key(self) -> str:
        return self.introduction.partition("/alert/")[2].partition("/")[0]

    @property
    def cli(self) -> Cli:
        return Cli({"TOCSIN_HOME": str(self.home), "TOCSIN_ALERT_KEY": self.alert_key})


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a server process gets: nothing of ours but the path of programs."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TOCSIN_HOME": str(home),
        "TOCSIN_LISTEN": "127.0.0.1:0",
        "TOCSIN_WEBHOOK_NETWORKS": "public,private,loopback",
        **variables,
    }


@contextmanager
def serving(home: Path, *options: str, receiver: str = "", **variables: str) -> Iterator[Served]:
    """Run `tocsin serve` until the block ends; then stop it as an init system would."""
    with (
        (home.parent / f"{home.name}.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve", *options],
            env=environment(home, **variables),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert ANNOUNCED in first, Path(log.name).read_text()
            url = first.partition(ANNOUNCED)[2].strip()
            introduction = first + "".join(iter(process.stdout.readline, LAST_LINE))
            yield Served(home, url, introduction, process, receiver)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


class Receiving(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    statuses: ClassVar = {"/ok": 204, "/broken": 500, "/gone": 410}

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.statuses[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Tests print nothing."""


class Quiet(ThreadingHTTPServer):
    """A server that keeps to itself that a client went away."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tests print nothing."""


@contextmanager
def listening(
    handler: type[BaseHTTPRequestHandler], *, context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Run an HTTP server on loopback; gives its URL as if it spoke no TLS."""
    server = Quiet(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests here; each uses names of its own."""
    with (
        listening(Receiving) as receiver,
        serving(tmp_path_factory.mktemp("served") / "home", receiver=receiver) as server,
    ):
        (server.home.parent / "base.yaml").write_text(BASE.format(receiver=receiver))
        assert server.cli("apply", str(server.home.parent / "base.yaml")).code == 0
        yield server


@pytest.fixture
def cli(served: Served) -> Cli:
    return served.cli


BASE = """
webhooks:
  pager: {{url: '{receiver}/ok'}}
  broken: {{url: '{receiver}/broken'}}
  departed: {{url: '{receiver}/gone'}}
teams:
  ops:
    name: Operations
    policies:
      primary:
        name: Primary
        steps:
          - {{after: 0s, webhooks: [pager]}}
          - {{after: 1h, webhooks: [pager, broken]}}
      once:
        steps: [{{after: 0s, webhooks: [pager]}}]
      lost:
        steps: [{{after: 0s, webhooks: [departed]}}]
      quiet:
        steps: [{{after: 30m, webhooks: [pager]}}]
routing_keys:
  db: {{policies: [ops/primary]}}
  once: {{policies: [ops/once]}}
  lost: {{policies: [ops/lost]}}
  quiet: {{policies: [ops/quiet]}}
default_routing: {{policies: [ops/quiet]}}
"""
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
