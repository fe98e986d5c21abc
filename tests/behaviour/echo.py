"""A receiver in trouble: it answers with everything that it was sent, as error pages do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Echo:
    """Listens on loopback, answers 500, and keeps each request as the bytes that came."""

    requests: list[bytes] = field(default_factory=list)
    also: str = ""
    """What stands in the answer, too."""
    port: int = 0

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                line, *lines = head.decode().removesuffix("\r\n\r\n").split("\r\n")
                headers = dict(each.split(": ", 1) for each in lines)
                page = json.dumps({"also": self.also, "line": line, "headers": headers}).encode()
                answer = [
                    "HTTP/1.1 500 Oh no",
                    f"Content-Length: {len(page)}",
                    "Set-Cookie: session=of-somebody",
                    f"X-Got: {headers['X-VictorOps-Signature']}",
                    "X-Request-Id: 7d1",
                ]
                writer.write("\r\n".join(answer).encode() + b"\r\n\r\n" + page)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def an_echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    try:
        yield echo
    finally:
        server.close()
