"""What surrounds a server that is killed: senders and receivers that keep their own ledger."""

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from tocsin_receiver import read

AUTH_CODE = "Kk1~Ll2-Mm3Nn4Oo5Pp6Qq7Rr8Ss9Tt0Uu1V"
WEBHOOKS = 20


@dataclass
class Ledger:
    """What the outside knows. Nothing here comes from the server but its answers and its requests."""

    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    arrivals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each delivery id arrived."""
    ids: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The delivery ids that told a webhook of an incident."""
    in_flight: int = 0
    most_in_flight: int = 0


class Senders:
    """Connections that each send one alert after another, each about an entity of its own."""

    def __init__(
        self, ledger: Ledger, *, port: int, key: str, connections: int, pause: float
    ) -> None:
        self._ledger = ledger
        self._port = port
        self._key = key
        self._connections = connections
        self._pause = pause
        self._numbers = iter(range(10_000_000))
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._send_on()) for _ in range(self._connections)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_on(self) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    while True:
                        await self._send_one(reader, writer)
                        await asyncio.sleep(self._pause)  # sets the rate
                finally:
                    writer.close()
            await asyncio.sleep(0.02)  # the server was killed: try again in a moment

    async def _send_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        entity = f"entity-{number}"
        body = json.dumps({"message_type": "CRITICAL", "entity_id": entity, "n": number}).encode()
        self._ledger.sent.add(entity)
        writer.write(
            f"POST /integrations/generic/20131114/alert/{self._key}/key-{number % WEBHOOKS} HTTP/1.1\r\n"
            f"Host: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        answer = json.loads(await reader.readexactly(length))
        assert head.startswith(b"HTTP/1.1 200"), head
        assert answer == {"result": "success", "entity_id": entity}
        self._ledger.answered.add(entity)


class Receivers:
    """One listener for all webhooks: verifies, takes its time, answers 200, often hangs up then."""

    def __init__(self, ledger: Ledger, *, takes: float) -> None:
        self._ledger = ledger
        self._takes = takes
        self.port = 0

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._server = server

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(header.split(": ", 1) for header in rest)
        path = line.split(" ")[1]
        body = await reader.readexactly(int(headers["Content-Length"]))
        fields = read(f"http://127.0.0.1:{self.port}{path}", headers, body, AUTH_CODE)
        ledger = self._ledger
        ledger.arrivals[headers["webhook-id"]] += 1
        ledger.ids[fields["incident"], path].add(headers["webhook-id"])
        ledger.in_flight += 1
        ledger.most_in_flight = max(ledger.most_in_flight, ledger.in_flight)
        try:
            await asyncio.sleep(self._takes)  # a receiver that works before it answers
        finally:
            ledger.in_flight -= 1
        # Every other one hangs up, so that the next request there needs a new connection.
        closes = ledger.arrivals[headers["webhook-id"]] % 2 == 1 and len(ledger.arrivals) % 2 == 0
        close = "Connection: close\r\n" if closes else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{close}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return not closes
