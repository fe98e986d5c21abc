"""Receivers that do what a script says, byte by byte, and senders to meet them."""

import asyncio
import resource
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin.domain.network import Networks
from tocsin.transport.exchange import Destination, Exchange
from tocsin.transport.sender import Sender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"POST /page HTTP/1.1\r\nContent-Length: 7\r\nHost: receiver.test\r\n\r\n"
BODY = b"incid=1"
LOOPBACK = Networks.parse("loopback")


@dataclass
class Conversation:
    """One accepted connection, in the hands of a script."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    requests: list[bytes]

    async def request(self) -> bytes:
        """Read one whole request."""
        request = await self.reader.readexactly(len(HEAD + BODY))
        self.requests.append(request)
        return request

    async def answer(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer_all(self, data: bytes = OK) -> None:
        """Answer every request with `data` until the sender closes."""
        while True:
            await self.request()
            await self.answer(data)

    async def until_closed(self) -> bytes:
        """Return what else the sender says before it closes."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def reset(self) -> None:
        """End the connection the rude way: the other end gets a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Conversation], Awaitable[Any]]


@dataclass
class Receiver:
    """A listening receiver, and all that it heard."""

    port: int
    is_tls: bool
    requests: list[bytes] = field(default_factory=list)
    accepted: int = 0
    scripts: list[asyncio.Task[None]] = field(default_factory=list)

    def exchange(self, **changes: Any) -> Exchange:
        """Return an exchange with this receiver."""
        host = changes.pop("host", "127.0.0.1")
        ca_bundle = changes.pop("ca_bundle", None)
        destination = Destination(self.is_tls, host, self.port, ca_bundle)
        return to(destination, **changes)


def plain(port: int, host: str = "127.0.0.1") -> Destination:
    return Destination(is_tls=False, host=host, port=port)


def to(destination: Destination, **changes: Any) -> Exchange:
    """Return an exchange that is never cancelled and has time, but for the changes."""
    exchange = Exchange(
        destination=destination,
        head=HEAD,
        body=BODY,
        connect_timeout=10.0,
        total_timeout=10.0,
        is_cancelled=lambda: False,
    )
    return exchange._replace(**changes)


@asynccontextmanager
async def receiving(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    """Serve each connection with `script`, then close it. A script that fails, fails the test.

    In the end every script must come to its end, so the sender has to close what it opened.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.accepted += 1
        try:
            await script(Conversation(reader, writer, receiver.accepted, receiver.requests))
        except asyncio.IncompleteReadError:
            pass  # the sender closed without a request: `requests` tells
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.scripts.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, host, port, ssl=tls)
    receiver = Receiver(port=server.sockets[0].getsockname()[1], is_tls=tls is not None)
    try:
        yield receiver
        await asyncio.gather(*receiver.scripts)
    finally:
        server.close()
        for running in receiver.scripts:
            running.cancel()
        await asyncio.gather(*receiver.scripts, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def sending(**settings: Any) -> AsyncIterator[Sender]:
    """A sender that may call loopback, unless `networks` says otherwise; closed in the end."""
    sender = Sender(**{"networks": LOOPBACK, **settings})
    try:
        yield sender
    finally:
        await sender.close()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def full_backlog(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue of connections is full, so that a further one gets no answer at all."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        waiting: list[socket.socket] = []
        while len(waiting) < 16:
            waiting.append(socket.socket())
            waiting[-1].settimeout(0.05)
            try:
                waiting[-1].connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def open_descriptors() -> set[str]:
    """Return what this process has open, as what and under which number. What an earlier test left may go at any time."""
    found = set()
    for each in Path("/dev/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that reads this very folder
            found.add(f"{each.name}: {each.readlink()}")
    return found


@contextmanager
def descriptors_used_up() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = socket.socket()
    number = lowest_free.fileno()
    lowest_free.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def own_address() -> str:
    """Return this machine's address in some network, loopback's if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with suppress(OSError):
            sock.connect(("192.0.2.1", 9))  # chooses an address; nothing is sent
        address: str = sock.getsockname()[0]
        return "127.0.0.1" if address == "0.0.0.0" else address
