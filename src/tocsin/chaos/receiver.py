"""A receiver that verifies what it is sent, and then takes its time, fails, hangs up or never answers.

As a process of its own (`python -m tocsin.chaos.receiver`) it is told what it needs on standard input and
reports each request on standard output before it answers. A line in a pipe outlives its writer, so a
kill loses no request that was answered. It ends with its standard input.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from tocsin.chaos.ledger import REFUSED, UNANSWERED, Arrival
from tocsin.clock import Clock, SystemClock
from tocsin_receiver import VerificationError, read, verify_standard

HOST: Final = "127.0.0.1"
WELL: Final = "well\n"
"""The line that tells it to behave from now on."""
_FAILS: Final = 500
_BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True)
class Manners:
    """The shares of requests, 0 to 1, that it treats so; and how long it takes for all but those it leaves."""

    takes_seconds: float = 0.0
    fails: float = 0.0
    """Answered 500."""
    hangs: float = 0.0
    """Never answered."""
    hangs_up: float = 0.0
    """The connection is closed without an answer."""
    closes: float = 0.0
    """Answered 200, and then the connection is closed."""


class Instructions(NamedTuple):
    """What a receiver in a process of its own is told first."""

    port: int
    auth_code: str
    seed: int
    manners: Manners

    def line(self) -> str:
        return json.dumps([*self[:-1], asdict(self.manners)]) + "\n"

    @classmethod
    def read(cls, line: str) -> "Instructions":
        port, auth_code, seed, manners = json.loads(line)
        return cls(port, auth_code, seed, Manners(**manners))


class Receiver:
    """One listener for any number of webhooks that share an auth code. `tell` hears of each request."""

    def __init__(
        self,
        auth_code: str,
        manners: Manners,
        *,
        randomness: random.Random,
        clock: Clock,
        tell: Callable[[Arrival], None],
        port: int = 0,
    ) -> None:
        self.manners = manners
        self.port = port
        self.in_flight = 0
        self.most_in_flight = 0
        self._auth_code = auth_code
        self._randomness = randomness
        self._clock = clock
        self._tell = tell

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port, backlog=_BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._take(reader, writer):
                    pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request; return whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(header.split(": ", 1) for header in rest)
        body = await reader.readexactly(int(headers["Content-Length"]))
        chance, manners = self._randomness.random(), self.manners
        left = manners.hangs + manners.hangs_up
        fails, closes = left + manners.fails, left + manners.fails + manners.closes
        status = UNANSWERED if chance < left else _FAILS if chance < fails else 200
        arrival = self._verify(line.split(" ")[1], headers, body, status)
        self._tell(arrival)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if chance < manners.hangs:
                await reader.read()  # until the other side gives up
                return False
            if chance < left:
                return False
            await asyncio.sleep(manners.takes_seconds)  # a receiver that works before it answers
        finally:
            self.in_flight -= 1
        is_last = fails <= chance < closes
        close = "Connection: close\r\n" if is_last else ""
        answer = f"HTTP/1.1 {arrival.status} Chaos\r\n{close}Content-Length: 0\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        return not is_last

    def _verify(self, path: str, headers: dict[str, str], body: bytes, status: int) -> Arrival:
        now = self._clock.monotonic()
        try:
            fields = read(f"http://{HOST}:{self.port}{path}", headers, body, self._auth_code)
            wall = self._clock.now().timestamp()
            delivery = verify_standard(self._auth_code, headers, body, now=wall)
        except VerificationError:
            return Arrival(headers.get("webhook-id", ""), 0, "", path, now, REFUSED)
        incident, entity = int(fields["incident"].strip('"')), fields["entity_id"].strip('"')
        return Arrival(delivery, incident, entity, path, now, status)


async def _run() -> None:
    loop = asyncio.get_running_loop()
    given = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(given), sys.stdin)
    told = Instructions.read((await given.readline()).decode())

    def tell(arrival: Arrival) -> None:
        os.write(1, json.dumps(arrival).encode() + b"\n")

    receiver = Receiver(
        told.auth_code,
        told.manners,
        randomness=random.Random(told.seed),  # noqa: S311 - no secret: what it does is to be repeatable
        clock=SystemClock(),
        tell=tell,
        port=told.port,
    )
    await receiver.start()
    while line := await given.readline():
        if line.decode() == WELL:
            receiver.manners = Manners()


if __name__ == "__main__":
    asyncio.run(_run())
