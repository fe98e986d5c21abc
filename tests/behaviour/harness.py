"""A whole server in this process: HTTP in, a real receiver out, and a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
from tests.behaviour.receiver import AUTH_CODE, Receiver
from tests.manual_clock import ManualClock

from tocsin.domain.network import Networks
from tocsin.secret import Secret
from tocsin.settings import Listen, Settings
from tocsin.wiring.serving import Running, running


class Tocsin:
    """What a user can do, and what a receiver sees."""

    def __init__(self, home: Path, clock: ManualClock, receiver: Receiver) -> None:
        self.home = home
        self.clock = clock
        self.receiver = receiver
        self.server: Running
        self._stack = AsyncExitStack()
        self._alert_key = ""
        self.http: httpx.AsyncClient

    async def start(self, *, paused: bool = False, **settings: Any) -> Self:
        values: dict[str, Any] = {
            "home": self.home,
            "database_url": Secret(f"sqlite:///{self.home / 'tocsin.db'}"),
            "listen": Listen("127.0.0.1", 0),
            "webhook_networks": Networks.parse("loopback"),
        }
        self.server = await self._stack.enter_async_context(
            running(Settings(**(values | settings)), paused=paused, clock=self.clock)
        )
        if self.server.first_start is not None:
            self._alert_key = self.server.first_start.alert_key.reveal()
        token = (self.home / "admin.token").read_text().strip()
        self.http = await self._stack.enter_async_context(
            httpx.AsyncClient(
                base_url=self.server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
            )
        )
        return self

    async def stop(self) -> None:
        """Stop gracefully."""
        await self._stack.aclose()

    # --- configuring

    async def apply(self, text: str) -> dict[str, Any]:
        """Put a configuration file in force. `RECEIVER` in it is the receiver's URL."""
        text = text.replace("RECEIVER", f"http://127.0.0.1:{self.receiver.port}")
        return await self.post("configuration/apply", text=text, filename="test.yaml")

    async def apply_steps(self, *steps: Mapping[str, Any], repeat: str = "") -> dict[str, Any]:
        """One policy under the routing key `db`; its webhooks are named for their paths."""
        names = sorted({name for step in steps for name in step["webhooks"]})
        lines = ["webhooks:"]
        for name in names:
            lines += [f"  {name}: {{url: RECEIVER/{name}, auth_code: {AUTH_CODE}}}"]
        lines += ["teams:", "  ops:", "    policies:", "      main:", "        steps:"]
        for step in steps:
            lines += [f"          - {{after: {step['after']}, webhooks: {list(step['webhooks'])}}}"]
        lines += [f"        repeat: {repeat}"] if repeat else []
        lines += ["routing_keys:", "  db: {policies: [ops/main]}"]
        return await self.apply("\n".join(lines))

    # --- acting

    async def alert(
        self,
        message_type: str = "CRITICAL",
        entity_id: str = "disk",
        *,
        key: str = "db",
        **fields: Any,
    ) -> dict[str, Any]:
        """Send an alert as a monitoring system would; return the answer."""
        path = f"/integrations/generic/20131114/alert/{self._alert_key}/{key}"
        body = {"message_type": message_type, "entity_id": entity_id, **fields}
        answer = await self.http.post(path, json=body, headers={"Authorization": ""})
        assert answer.status_code == 200, answer.text
        await self.settle()
        return dict(answer.json())

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Call the management API; every answer but a success fails the test."""
        answer = await self.http.post(f"/api/v1/{path}", json=body)
        assert answer.is_success, answer.text
        await self.settle()
        return dict(answer.json())

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/{path}", params=query)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def timeline(self, number: int) -> list[str]:
        """Return the kinds of an incident's timeline, oldest first."""
        items = (await self.get(f"incidents/{number}/timeline", limit=200))["items"]
        return [item["kind"] for item in items]

    # --- time

    async def advance(self, **by: float) -> None:
        """Move the clock, and wait until everything that is due has been done."""
        self.clock.advance(timedelta(**by))
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way that the clock, or a held answer, does not hold back."""
        async with asyncio.timeout(20):
            calm = 0
            while calm < 5:
                await asyncio.sleep(0)
                calm = calm + 1 if self._is_calm() else 0

    def _is_calm(self) -> bool:
        engine = self.server.engine
        held = self.receiver.held
        return (
            engine.runner.is_idle
            and engine.courier.in_flight <= held
            and engine.courier.unrecorded == 0
            and engine.writer.waiting == 0
            and len(engine.inbox) == 0
        )


@asynccontextmanager
async def a_server(home: Path, **settings: Any) -> AsyncIterator[Tocsin]:
    """A server and a receiver for as long as the block lasts."""
    receiver = Receiver()
    await receiver.start()
    tocsin = await Tocsin(home, ManualClock(), receiver).start(**settings)
    try:
        yield tocsin
    finally:
        await receiver.stop()
        await tocsin.stop()
