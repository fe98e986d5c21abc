"""A receiver that repeats all it knows: on its error pages, in its headers, and where it would send us."""

import asyncio
import base64
from contextlib import suppress
from urllib.parse import unquote_plus

from tests.behaviour.receiver import Receiver

PAGE = """\
<h1>Cannot POST {path}</h1>
<p>https://receiver.example{path} was called with {signature}; the secret here is {auth_code}, whsec_{standard}</p>
<pre>{body}</pre>
"""


class Talkative(Receiver):
    """Answers 2xx, 500, 301 and 404 in turn to each path, and gives away the webhook's secrets with it."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[str, str] = {}
        """The auth code of each path that is called."""
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._repeat(reader, writer)
        writer.close()

    async def _repeat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        path = lines[0].split(" ")[1]
        headers = dict(line.split(": ", 1) for line in lines[1:-2])
        self.heads.append(head.partition(b"\r\n")[2])
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.bodies.append(body)
        code = self.secrets.get(path, "")
        page = PAGE.format(
            path=path,
            signature=headers["X-VictorOps-Signature"],
            auth_code=code,
            standard=base64.b64encode(code.encode()).decode(),
            body=f"{body.decode()} {unquote_plus(body.decode())}",
        ).encode()
        status = (500, 301, 404, 200)[len(self.bodies) % 4]
        writer.write(
            f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(page)}\r\n"
            f"Location: https://receiver.example{path}/\r\nX-Called: {path}\r\n\r\n".encode()
        )
        writer.write(page)
        await writer.drain()
