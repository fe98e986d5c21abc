"""A whole server in this process: HTTP in, a real receiver out, and a clock that the test moves."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import sqlalchemy as sa
from tests.behaviour.configuring import Steps, configuration
from tests.behaviour.receiver import AUTH_CODE, Receiver
from tests.databases import copy_on_server
from tests.manual_clock import START, ManualClock

from tocsin.clock import Clock
from tocsin.domain.network import Networks
from tocsin.domain.role import ALL_ROLES, Role
from tocsin.secret import Secret
from tocsin.settings import Listen, Settings
from tocsin.store import schema
from tocsin.wiring.logs import LogMask
from tocsin.wiring.serving import Running, running

ALERT_PATH = "/integrations/generic/20131114/alert"
Answer = dict[str, Any]
_ALERT_KEY = "alert-key-of-the-first-start"
_DATABASE = "tocsin.db"
DATABASE_URL = "database.url"
"""The file of a home that names its database, if that is none of its own."""


ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
"""For what is promised of a server that has its database to itself, in a file."""


class Tocsin:
    """What a user can do, and what a receiver sees."""

    def __init__(self, home: Path, clock: ManualClock, receiver: Receiver) -> None:
        self.home = home
        self.clock = clock
        self.receiver = receiver
        self.server: Running
        self.http: httpx.AsyncClient
        self.alert_key = ""
        self._stack = AsyncExitStack()

    async def start(
        self,
        *,
        paused: bool = False,
        clock: Clock | None = None,
        log_mask: LogMask | None = None,
        roles: frozenset[Role] = ALL_ROLES,
        **settings: Any,
    ) -> Self:
        values: dict[str, Any] = {
            "home": self.home,
            "database_url": Secret(self.database_url),
            "listen": Listen("127.0.0.1", 0),
            "webhook_networks": Networks.parse("loopback"),
        }
        self.server = await self._stack.enter_async_context(
            running(
                Settings(**(values | settings)),
                paused=paused,
                clock=clock or self.clock,
                log_mask=log_mask,
                roles=roles,
            )
        )
        key_file = self.home / _ALERT_KEY
        if self.server.first_start is not None:
            key_file.write_text(self.server.first_start.alert_key.reveal())
        self.alert_key = key_file.read_text()
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

    def after_a_crash(self, home: Path) -> "Tocsin":
        """Return a server, not started yet, on what is on disk now: as if this one had died here."""
        home.mkdir()
        for name in (_ALERT_KEY, "admin.token", "tocsin.db.key"):
            shutil.copy(self.home / name, home)
        copy_database(self.home, home)
        return Tocsin(home, self.clock, self.receiver)

    @property
    def database(self) -> Path:
        return self.home / _DATABASE

    @property
    def database_url(self) -> str:
        return database_url_of(self.home)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def until_taken_over(self) -> None:
        """Let a dead run be found out: on PostgreSQL others wait until it was silent for 6 s."""
        if self.is_on_postgresql:
            for _ in range(4):
                await self.advance(seconds=2)

    # --- what others do to its database

    @contextmanager
    def another_program(self) -> Iterator[sa.Connection]:
        """A connection of somebody else's to the same database."""
        engine = sa.create_engine(self.database_url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def rows(self, select: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return what is on disk, as another program reads it."""
        with self.another_program() as other:
            return [tuple(row) for row in other.execute(sa.text(select), values)]

    @contextmanager
    def held_up(self) -> Iterator[sa.Connection]:
        """Let nothing be committed that adds to the feed, as everything does, while the block lasts."""
        with self.another_program() as other:
            other.exec_driver_sql("BEGIN" if self.is_on_postgresql else "BEGIN IMMEDIATE")
            if self.is_on_postgresql:
                other.exec_driver_sql("LOCK TABLE feed IN EXCLUSIVE MODE")
            yield other
            other.exec_driver_sql("ROLLBACK")

    async def wait_at_the_store(self) -> None:
        """Let the writer be busy for as long as it is held up: what is submitted from now on waits."""
        writer = self.server.engine.writer
        writer.submit(
            lambda tx: tx.core.execute(schema.feed.delete().where(schema.feed.c.position < 0))
        )
        await until(lambda: writer.waiting == 0)

    @property
    def is_on_postgresql(self) -> bool:
        return self.database_url.startswith("postgresql")

    # --- configuring

    async def configure(
        self,
        policies: Mapping[str, Steps],
        *,
        dry_run: bool = False,
        prune: bool = False,
        **more: Any,
    ) -> Answer:
        """Put policies in force; see `configuration`."""
        text = configuration(policies, receiver=self.receiver.url(""), **more)
        return await self.apply(text, dry_run=dry_run, prune=prune)

    async def apply(self, text: str, **how: bool) -> Answer:
        """Put a configuration file in force."""
        return await self.post("configuration/apply", text=text, filename="test.yaml", **how)

    # --- acting

    async def alert(
        self,
        message_type: str = "CRITICAL",
        entity_id: str = "disk",
        *,
        key: str = "db",
        **fields: Any,
    ) -> Answer:
        """Send an alert as a monitoring system would; return the answer."""
        answer = await self.post_alert(
            {"message_type": message_type, "entity_id": entity_id, **fields}, key=key
        )
        assert answer.status_code == 200, answer.text
        await self.settle()
        return dict(answer.json())

    async def open(self, entity_id: str = "disk", **fields: Any) -> int:
        """Send an alert; return the number of the incident that its entity has by then."""
        await self.alert(entity_id=entity_id, **fields)
        return await self.number_of(entity_id)

    async def post_alert(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        key: str = "db",
        alert_key: str = "",
        **headers: str,
    ) -> httpx.Response:
        """Post to the address for alerts, whatever comes of it."""
        path = f"{ALERT_PATH}/{alert_key or self.alert_key}/{key}"
        content: Any = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(path, headers={"Authorization": "", **headers}, **content)

    async def act(self, number: int, action: str, **body: Any) -> Answer:
        """Do to an incident what a person could."""
        return await self.post(f"incidents/{number}/{action}", **body)

    async def post(self, path: str, **body: Any) -> Answer:
        """Call the management API; every answer but a success fails the test."""
        return await self.call("POST", path, body)

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        answer = await self.ask(method, path, body)
        assert answer.is_success, answer.text
        await self.settle()
        return dict(answer.json()) if answer.content else {}

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Call the management API, whatever comes of it."""
        return await self.http.request(method, f"/api/v1/{path}", json=body)

    # --- looking

    async def get(self, path: str, **query: Any) -> Answer:
        answer = await self.http.get(f"/api/v1/{path}", params=query)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def incident(self, number: int = 1) -> Answer:
        return await self.get(f"incidents/{number}")

    async def number_of(self, entity_id: str) -> int:
        """Return the number of an entity's latest incident."""
        found = (await self.get("incidents", entity_id=entity_id, limit=1))["items"]
        return int(found[0]["number"])

    async def deliveries(self, **query: Any) -> list[Answer]:
        """Return deliveries, oldest first."""
        items = (await self.get("deliveries", limit=200, **query))["items"]
        return list(reversed(items))

    def called_about(self, entity_id: str) -> list[str]:
        """Return the paths that were called about an entity, in order."""
        about = f'"{entity_id}"'
        return [
            request.path
            for request in self.receiver.requests
            if request.fields.get("entity_id") == about
        ]

    async def entries(self, number: int = 1, *kinds: str) -> list[Answer]:
        """Return an incident's timeline, oldest first; only these kinds, if any are given."""
        items = (await self.get(f"incidents/{number}/timeline", limit=200))["items"]
        return [item for item in items if not kinds or item["kind"] in kinds]

    async def timeline(self, number: int = 1) -> list[str]:
        """Return the kinds of an incident's timeline, oldest first."""
        return [item["kind"] for item in await self.entries(number)]

    async def why(self, subject: str) -> Answer:
        return await self.get("why", subject=subject)

    async def metric(self, name: str) -> float:
        """Return the value of one line of /metrics; 0 for one that is not there."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        values = [line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")]
        return float(values[0]) if values else 0.0

    # --- time

    async def advance(self, **by: float) -> None:
        """Move the clock, and wait until everything that is due has been done."""
        self.clock.advance(timedelta(**by))
        await self.settle()

    def advance_while_down(self, **by: float) -> None:
        """Move the clock while no server runs."""
        self.clock.advance(timedelta(**by))

    async def settle(self) -> None:
        """Wait until nothing is under way that the clock, or a held answer, does not hold back."""
        async with asyncio.timeout(20):
            calm = 0
            while calm < 5:
                # Away from the processor while the writer's thread needs it.
                await asyncio.sleep(0 if calm else 0.001)
                calm = calm + 1 if self._is_calm() else 0

    async def flush(self) -> None:
        """Wait until the writer has done all that was submitted until now."""
        await asyncio.wrap_future(self.server.engine.writer.submit(lambda tx: None))

    def _is_calm(self) -> bool:
        engine = self.server.engine
        return (
            engine.runner.is_idle
            and engine.courier.in_flight - engine.courier.held_back <= self.receiver.held
            and engine.courier.unrecorded == 0
            and engine.writer.waiting == 0
            and len(engine.inbox) == 0
            and len(engine.beats) == 0
            and not engine.renewal.is_renewing
            and not engine.watch.is_calling
        )


def database_url_of(home: Path) -> str:
    """Return which database a home names; its own file if it names none."""
    named = home / DATABASE_URL
    return named.read_text() if named.exists() else f"sqlite:///{home / _DATABASE}"


def copy_database(ours: Path, theirs: Path) -> None:
    """Copy one home's database to another home, as it is at this moment."""
    named = ours / DATABASE_URL
    if not named.exists():
        with sa.create_engine(database_url_of(ours)).connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(theirs / _DATABASE),))
        return
    url = sa.make_url(named.read_text())
    copy = f"{url.database}_{theirs.name}"
    (theirs / DATABASE_URL).write_text(copy_on_server(named.read_text(), copy))


@asynccontextmanager
async def a_server(home: Path, **settings: Any) -> AsyncIterator[Tocsin]:
    """A server and a receiver for as long as the block lasts."""
    async with a_receiver() as receiver:
        tocsin = Tocsin(home, ManualClock(), receiver)
        try:
            yield await tocsin.start(**settings)
        finally:
            receiver.let_all_go()
            await tocsin.stop()
        assert not receiver.refused, "a signature was wrong"


@asynccontextmanager
async def a_receiver(
    *, auth_code: str = AUTH_CODE, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    receiver = Receiver(auth_code=auth_code, tls=tls)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


async def until(condition: Callable[[], object]) -> None:
    """Let the server work until something that nobody tells of is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.001)


async def make_home(home: Path) -> None:
    """Make a home whose first start was yesterday: a copy of it starts in a third of the time."""
    clock = ManualClock(START - timedelta(days=1))
    async with a_receiver() as receiver:
        await (await Tocsin(home, clock, receiver).start()).stop()
    (home / "server.json").unlink()
