"""A real receiver: it answers as it is told, and keeps what it was sent."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from tocsin_receiver import VerificationError, decode_form, read

AUTH_CODE = "Rr4~Tt5-Yy6Uu7Ii8Oo9Pp0Aa1Ss2Dd3Ff4G"


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int = 0
    """The number of the connection over which it came, from 1."""

    @property
    def fields(self) -> dict[str, str]:
        return decode_form(self.body)

    @property
    def delivery_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Listens on loopback. Every signature is verified: 401 if it is wrong, else 200 or as told."""

    port: int = 0
    auth_code: str = AUTH_CODE
    tls: ssl.SSLContext | None = None
    refused: int = 0
    """How many requests had a wrong signature."""
    requests: list[Received] = field(default_factory=list)
    _answers: dict[str, deque[int]] = field(default_factory=dict)
    _headers: dict[str, list[str]] = field(default_factory=dict)
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _held: dict[str, asyncio.Event] = field(default_factory=dict)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    connections: int = 0
    hangs_up_when_reused: bool = False
    """Whether every connection ends with its second request, unanswered."""
    held: int = 0
    """How many requests wait for `let_go`."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, *statuses: int) -> None:
        """Answer the next requests for a path with these; the last one stays.

        0 hangs up without a word, 1 in the middle of one.
        """
        self._answers[path] = deque(statuses)

    def answer_with(self, path: str, *headers: str) -> None:
        """Add header lines to every answer for a path from now on."""
        self._headers[path] = list(headers)

    def say(self, path: str, body: str, *headers: str, status: int = 200) -> None:
        """Answer every request for a path with this body from now on."""
        self._bodies[path] = body.encode()
        self.answer(path, status)
        self.answer_with(path, *(headers or ("Content-Type: application/json",)))

    def hold(self, path: str) -> None:
        """Let requests for a path wait for their answer until `let_go`."""
        self._held[path] = asyncio.Event()

    def let_go(self, path: str) -> None:
        self._held.pop(path).set()

    def let_all_go(self) -> None:
        for path in list(self._held):
            self.let_go(path)

    async def wait_for(self, count: int) -> list[Received]:
        """Return the requests once there are this many."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    def paths(self) -> list[str]:
        """Return what was called, in order."""
        return [request.path for request in self.requests]

    def count(self, path: str) -> int:
        return self.paths().count(path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer, connection)
            while True:
                await self._answer(reader, writer, connection, is_reused=True)
        writer.close()

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: int,
        *,
        is_reused: bool = False,
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(header.split(": ", 1) for header in rest)
        path = line.split(" ")[1]
        body = await reader.readexactly(int(headers["Content-Length"]))
        try:
            read(self.url(path), headers, body, self.auth_code)
        except VerificationError:
            self.refused += 1
            await _say(writer, 401)
            return
        async with self._arrived:
            self.requests.append(Received(path, headers, body, connection))
            self._arrived.notify_all()
        if path in self._held:
            self.held += 1
            await self._held[path].wait()
            self.held -= 1
        hangs_up = is_reused and self.hangs_up_when_reused
        status = 0 if hangs_up else self._next_status(path)
        if status == 1:
            writer.write(b"HTTP/1.1 2")
        if status <= 1:
            raise ConnectionAbortedError
        body = self._bodies.get(path, b"ok")
        await _say(writer, status, *self._headers.get(path, ()), body=body)

    def _next_status(self, path: str) -> int:
        statuses = self._answers.get(path)
        if not statuses:
            return 200
        return statuses.popleft() if len(statuses) > 1 else statuses[0]


async def _say(
    writer: asyncio.StreamWriter, status: int, *headers: str, body: bytes = b"ok"
) -> None:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
