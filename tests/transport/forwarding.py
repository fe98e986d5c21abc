"""A small forward proxy that works: it answers CONNECT, and passes on what comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.transport.servers import Conversation, receiving

from tocsin.domain.proxy import Proxy
from tocsin.secret import Secret


@dataclass
class Forwarding:
    """What a proxy was asked."""

    proxy: Proxy
    heads: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]


@asynccontextmanager
async def forwarding(
    port: int | Callable[[str], int | str] = 0,
    *,
    host: str = "127.0.0.1",
    resolves: bool = False,
    authorization: Secret | None = None,
) -> AsyncIterator[Forwarding]:
    """Run a proxy that leads every target to this port of loopback.

    `port` may tell by the target; a text is the status line of a refusal.
    """

    async def script(one: Conversation) -> None:
        head = (await one.reader.readuntil(b"\r\n\r\n")).decode()
        asked.heads.append(head)
        way = port if isinstance(port, int) else port(head.split(" ")[1])
        if isinstance(way, str):
            await one.answer(f"HTTP/1.1 {way}\r\nContent-Length: 2\r\n\r\nno".encode())
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", way)
        await one.answer(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
        await asyncio.gather(_pass_on(one.reader, writer), _pass_on(reader, one.writer))

    async with receiving(script, host=host) as listening:
        asked = Forwarding(Proxy(host, listening.port, authorization, resolves))
        yield asked


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
