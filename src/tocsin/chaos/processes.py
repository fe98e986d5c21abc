"""The processes that are killed: nodes, receivers, and PostgreSQL by the commands that stop and start it."""

import asyncio
import json
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from tocsin.chaos.ledger import Arrival
from tocsin.chaos.load import Connection
from tocsin.chaos.receiver import HOST, WELL, Instructions
from tocsin.cli.address import TOKEN_FILE, Address
from tocsin.cli.client import API, Client
from tocsin.errors import TocsinError
from tocsin.secret import Secret

_PORTS: Final = range(20_000, 32_000)
"""Below those that systems give to outgoing connections: one of them would keep a node from coming back."""
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.02


class NoFreePort(TocsinError):
    """Others listen at all of them."""

    code: ClassVar[str] = "no_free_port"


class NodeDoesNotStart(TocsinError):
    """A server ended by itself, or did not answer in time."""

    code: ClassVar[str] = "node_does_not_start"


class CommandFailed(TocsinError):
    """A command that was to stop or start PostgreSQL did not do it."""

    code: ClassVar[str] = "command_failed"


def free_ports(count: int, randomness: random.Random) -> list[int]:
    """Return different ports of this machine that nobody listens at."""
    found: list[int] = []
    for port in randomness.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
        if len(found) == count:
            return found
    raise NoFreePort(
        f"chaos needs {count} free ports of {HOST} between {_PORTS[0]} and {_PORTS[-1]}"
    )


class Node:
    """`tocsin serve` on a home and a port that stay the same over every kill."""

    def __init__(
        self, name: str, folder: Path, port: int, env: Mapping[str, str], **settings: str
    ) -> None:
        """`env` is the surroundings; of Tocsin's own settings only those given here count."""
        self.name = name
        self.home = folder / name
        self.port = port
        self.log = folder / f"{name}.log"
        self.url = f"http://{HOST}:{port}"
        others = {key: value for key, value in env.items() if not key.startswith("TOCSIN")}
        self.environment = {
            **others,
            "TOCSIN_HOME": str(self.home),
            "TOCSIN_LISTEN": f"{HOST}:{port}",
            "TOCSIN_WEBHOOK_NETWORKS": "loopback",
            "TOCSIN_WEBHOOK_SLOTS": "64",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Start the process; it does not answer yet."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for who kills, not for what is killed
            )

    async def answers(self) -> bool:
        """Wait until it answers; False when it ended before. Raises: NodeDoesNotStart, when it hangs."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while self.runs:
                    with suppress(OSError, EOFError, TimeoutError):
                        if await self._is_well():
                            return True
                    await asyncio.sleep(_LOOK_SECONDS)  # another process: nothing to wait on
                return False
        raise NodeDoesNotStart(f"{self.name} does not answer: see {self.log}", log=str(self.log))

    async def start(self) -> None:
        """Start, and return when it answers. Raises: NodeDoesNotStart."""
        self.begin()
        if not await self.answers():
            raise NodeDoesNotStart(f"{self.name} ended by itself: see {self.log}")

    @property
    def token(self) -> str:
        """The admin token that it left for its user; only after its first start."""
        return (self.home / TOKEN_FILE).read_text(encoding="ascii").strip()

    def configure(self, text: str) -> None:
        """Put a configuration file in force. Raises: NoServer, Refused."""
        client = Client(Address(self.url, Secret(self.token)))
        client.post("/configuration/apply", {"text": text, "filename": "chaos.yaml"})

    async def run_id(self) -> int | None:
        """Return the run that its attempts name; None: it cannot say now."""
        more = f"Authorization: Bearer {self.token}\r\n"
        with suppress(OSError, EOFError, TimeoutError):
            connection = await Connection.to(self.port)
            try:
                answered = await connection.ask("GET", f"{API}/status", more=more)
            finally:
                connection.close()
            return int(json.loads(answered.body)["run"]) if answered.status == 200 else None
        return None

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Stop gracefully; return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    async def _is_well(self) -> bool:
        connection = await Connection.to(self.port)
        try:
            return (await connection.ask("GET", "/healthz")).status == 200
        finally:
            connection.close()


class ReceiverProcess:
    """A receiver in a process of its own; `tell` hears of each request that it reported."""

    def __init__(
        self, name: str, told: Instructions, env: Mapping[str, str], tell: Callable[[Arrival], None]
    ) -> None:
        self.name = name
        self.port = told.port
        self._told = told
        self._env = dict(env)
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._is_well = False

    async def start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tocsin.chaos.receiver"),
            env=self._env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(self._told.line().encode())
        if self._is_well:
            process.stdin.write(WELL.encode())
        self._hearing = asyncio.create_task(self._hear(process))

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.endswith(b"\n"):  # what was cut by the kill was never answered
                self._tell(Arrival(*json.loads(line)))

    def behave(self) -> None:
        """Let it answer everything with 200 from now on, over restarts too."""
        self._is_well = True
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(WELL.encode())

    async def kill(self) -> None:
        """kill -9; returns when everything that it reported is known."""
        if self._process is None or self._hearing is None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._hearing


class PostgreSQL:
    """A server that others stop and start for us, at once and without its goodbyes."""

    def __init__(self, stop: str, start: str, env: Mapping[str, str], log: Path) -> None:
        self.name = "postgresql"
        self._env = dict(env)
        self._stop = stop
        self._start = start
        self._log = log

    async def kill(self) -> None:
        """Raises: CommandFailed."""
        await self._run(self._stop)

    async def start(self) -> None:
        """Raises: CommandFailed."""
        await self._run(self._start)

    async def _run(self, command: str) -> None:
        with self._log.open("ab") as log:  # a pipe would be kept open by the server it starts
            process = await asyncio.create_subprocess_shell(
                command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
            if code := await process.wait():
                raise CommandFailed(
                    f"{command} ended with exit code {code}: see {self._log}", log=str(self._log)
                )
