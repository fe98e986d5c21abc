"""The load: who is paged and when, and connections that send alerts and acknowledge incidents."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from tocsin.chaos.ledger import Ledger
from tocsin.chaos.receiver import HOST
from tocsin.cli.alert import ALERT_PATH
from tocsin.cli.client import API

AUTH_CODE: Final = "Kk1~Ll2-Mm3Nn4Oo5Pp6Qq7Rr8Ss9Tt0Uu1V"
ALERT_KEY: Final = "chaos-key-0123456789"
_AGAIN_SECONDS: Final = 0.05
"""How long a sender waits before it tries another node."""
_PATIENCE_SECONDS: Final = 10.0


class Load(NamedTuple):
    """How many policies there are, each with these steps, and how long an attempt may take."""

    policies: int = 8
    delays: tuple[str, ...] = ("0s", "1s", "2s")
    """From the step before to each step; each has a webhook of its own."""
    timeout: str = "3s"

    def webhooks(self) -> list[tuple[int, int]]:
        """Return the policy and the step of each webhook."""
        return [
            (policy, step) for policy in range(self.policies) for step in range(len(self.delays))
        ]

    def configuration(self, ports: Sequence[int]) -> str:
        """Return the configuration file, with webhooks spread over receivers at these ports."""
        lines = ["webhooks:"]
        for policy, step in self.webhooks():
            port = ports[(policy + step) % len(ports)]
            url = f"http://{HOST}:{port}/{policy}/{step}"
            limit = f"connect_timeout: {self.timeout}, total_timeout: {self.timeout}"
            lines += [f"  w{policy}-{step}: {{url: '{url}', auth_code: {AUTH_CODE}, {limit}}}"]
        lines += ["teams:", "  ops:", "    policies:"]
        for policy in range(self.policies):
            lines += [f"      p{policy}:", "        steps:"]
            lines += [
                f"          - {{after: {delay}, webhooks: [w{policy}-{step}]}}"
                for step, delay in enumerate(self.delays)
            ]
        lines += ["routing_keys:"]
        lines += [f"  key-{each}: {{policies: [ops/p{each}]}}" for each in range(self.policies)]
        lines += ["alert_keys:", f"  chaos: {{key: {ALERT_KEY}}}"]
        return "\n".join(lines) + "\n"


class Answered(NamedTuple):
    """An answer over HTTP/1.1."""

    status: int
    body: bytes


class Connection:
    """A connection to one node, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """Connect. Raises: OSError."""
        return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, method: str, path: str, body: bytes = b"", *, more: str = "") -> Answered:
        """Return the answer; `more` is header lines. Raises: OSError, EOFError, TimeoutError."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: chaos\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            first, *rest = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            lengths = [line for line in rest if line.startswith(b"content-length:")]
            length = int(lengths[0].partition(b":")[2]) if lengths else 0
            return Answered(int(first.split()[1]), await self._reader.readexactly(length))

    def close(self) -> None:
        self._writer.close()


class Senders:
    """Connections that each send one alert after another, each about an entity of its own.

    One that was not answered 200 is sent again, to another node, until it is: as whoever sends alerts does.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        ports: Sequence[int],
        connections: int,
        pause: float,
        policies: int,
        accepted: Callable[[str], None] = lambda _entity: None,
    ) -> None:
        """Units: `pause` is in seconds and sets the rate. `accepted` is told of each entity."""
        self._ledger = ledger
        self._ports = ports
        self._connections = connections
        self._pause = pause
        self._policies = policies
        self._accepted = accepted
        self._next = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._send_on(number)) for number in range(self._connections)
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_on(self, place: int) -> None:
        number: int | None = None
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                connection = await Connection.to(self._ports[place % len(self._ports)])
                try:
                    while True:
                        number = self._take_number() if number is None else number
                        if not await self._send(connection, number):
                            break
                        number = None
                        await asyncio.sleep(self._pause)  # sets the rate
                finally:
                    connection.close()
            place += 1
            await asyncio.sleep(_AGAIN_SECONDS)  # killed, or without its database: try another

    def _take_number(self) -> int:
        self._next += 1
        return self._next

    async def _send(self, connection: Connection, number: int) -> bool:
        """Return whether it was accepted."""
        entity = f"entity-{number}"
        body = {"message_type": "CRITICAL", "entity_id": entity, "n": number}
        path = f"{ALERT_PATH}/{ALERT_KEY}/key-{number % self._policies}"
        self._ledger.sent.add(entity)
        answered = await connection.ask("POST", path, json.dumps(body).encode())
        if answered.status != 200:
            self._ledger.turned_away[answered.status] += 1
            return False
        self._ledger.accepted[entity] = time.monotonic()
        self._accepted(entity)
        return True


class Responders:
    """People who acknowledge some of the incidents, a while after the alert: half of them by an alert."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        ports: Sequence[int],
        token: str,
        share: float,
        within: float,
        randomness: random.Random,
    ) -> None:
        """Units: `within` is the longest while, in seconds."""
        self._ledger = ledger
        self._ports = ports
        self._token = token
        self._share = share
        self._within = within
        self._randomness = randomness
        self._tasks: set[asyncio.Task[None]] = set()

    def accepted(self, entity: str) -> None:
        """Decide whether somebody acknowledges it, and when."""
        if self._randomness.random() >= self._share:
            return
        wait, place = self._randomness.uniform(0, self._within), self._randomness.randrange(100)
        by_alert = self._randomness.random() < 0.5
        task = asyncio.create_task(self._acknowledge(entity, wait, place, by_alert=by_alert))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Let nobody acknowledge any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _acknowledge(self, entity: str, wait: float, place: int, *, by_alert: bool) -> None:
        await asyncio.sleep(wait)
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                connection = await Connection.to(self._ports[place % len(self._ports)])
                try:
                    answered = await self._ask(connection, entity, by_alert=by_alert)
                finally:
                    connection.close()
                if answered.status == 200:
                    self._ledger.acknowledged[entity] = time.monotonic()
                    return
                self._ledger.turned_away[answered.status] += 1
            place += 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _ask(self, connection: Connection, entity: str, *, by_alert: bool) -> Answered:
        number = self._ledger.incidents.get(entity)
        if by_alert or number is None:
            body = {"message_type": "ACKNOWLEDGEMENT", "entity_id": entity}
            path = f"{ALERT_PATH}/{ALERT_KEY}/key-0"
            return await connection.ask("POST", path, json.dumps(body).encode())
        more = f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
        return await connection.ask(
            "POST", f"{API}/incidents/{number}/acknowledge", b"{}", more=more
        )
