"""The real HTTP side of a server on a loopback socket: alerts' path, API, writer and store.

The engine is left out: nothing fires by itself here.
"""

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import httpx
import uvicorn
from tests.manual_clock import ManualClock

from tocsin.actions.apply import apply, read_configuration_file
from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.actions.ingest import Receipt
from tocsin.actions.links import link_keys
from tocsin.actions.tokens import CreatedToken, create_token
from tocsin.api.app import make_api
from tocsin.api.heartbeat_calls import HeartbeatCalls
from tocsin.api.ingestion import Ingestion
from tocsin.api.outer import Outer
from tocsin.api.refused_alerts import RefusedAlerts
from tocsin.domain.alert import Alert
from tocsin.domain.intake import ALERT_PATH
from tocsin.domain.network import Networks
from tocsin.domain.principal import Scope
from tocsin.domain.webhook import Webhook
from tocsin.engine.beats import Beats
from tocsin.engine.inbox import Inbox
from tocsin.engine.request import destination_of
from tocsin.ids import IdSource
from tocsin.master_key import make_master_key
from tocsin.metrics import Metrics
from tocsin.secret import Secret
from tocsin.service.keyring import Keyring
from tocsin.service.services import Health, Services
from tocsin.service.transactions import Transactions
from tocsin.store import schema
from tocsin.store.alert_keys import AlertKey
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database, News, Tx
from tocsin.store.writer import Writer
from tocsin.transport.inspector import Inspection
from tocsin.transport.sender import Sender
from tocsin.vault import Vault
from tocsin.web.app import make_pages
from tocsin.web.link_pages import LinkPages

ALERT_KEY = "f81d4fae-7dec-4d0a-a765-00a0c91e6bf6"
CONFIGURATION = f"""
webhooks:
  pager:
    name: Pager
    url: https://pager.example/hook?to=ops
    auth_code: ~Bob-knows-this-auth-code-from-before
  siren:
    name: Siren
    url: http://siren.example:8080/
teams:
  ops:
    name: Operations
    policies:
      primary:
        name: Primary
        steps:
          - after: 0s
            webhooks: [pager]
          - after: 10m
            webhooks: [pager, siren]
      second:
        name: Second
        steps:
          - after: 5m
            webhooks: [siren]
routing_keys:
  db:
    policies: [ops/primary]
default_routing:
  policies: [ops/second]
alert_keys:
  alertmanager:
    key: {ALERT_KEY}
"""


@dataclass
class Harness:
    """A server that answers, and what is behind it."""

    database: Database
    clock: ManualClock = field(default_factory=ManualClock)
    health: Health = field(default_factory=Health)
    take_in: Callable[[Alert], Awaitable[Receipt]] | None = None
    """In place of the inbox's; None: the inbox's own."""

    def __post_init__(self) -> None:
        numbers = count(1)
        self._uuids = count(1)
        self.measure: Callable[[], Health] = lambda: self.health
        self.random_bytes = lambda size: next(numbers).to_bytes(size, "big")
        self.ids = IdSource(node=1)
        self.vault = Vault(make_master_key(self.random_bytes))
        self.cache = ConfigurationCache(self.vault)
        self.metrics = Metrics(version="1.2.3")
        self.writer = Writer(self.database, self.clock, on_commit=self._committed)
        self.news: list[News] = []
        self.tokens: dict[Scope, str] = {}
        self.url = ""
        self.keyring = Keyring(self.database, self.cache, self.clock)
        self.services = Services(
            database=self.database,
            writer=self.writer,
            context_source=self.context,
            cache=self.cache,
            vault=self.vault,
            key_file=None,
            key_source="a test",
            networks=Networks.parse("public,private"),
            clock=self.clock,
            random_bytes=self.random_bytes,
            metrics=self.metrics,
            keyring=self.keyring,
            check_webhook=self.check_webhook,
            health=lambda: self.measure(),  # noqa: PLW0108 - a test may put another in its place
            run_id=1,
            node="node-1",
            organisation="acme",
            public_url="https://tocsin.example",
            version="1.2.3",
        )

    async def check_webhook(self, webhook: Webhook) -> Inspection:
        """Look at a receiver, in the loop of the request that asks for it."""
        sender = Sender(networks=Networks.parse("loopback"))
        try:
            return await sender.inspector.check(
                destination_of(webhook), connect_seconds=5.0, now=self.clock.now()
            )
        finally:
            await sender.close()

    def _committed(self, news: News) -> None:
        self.keyring.learn(news.alert_keys)
        self.services.commits.heed(news)
        self.news.append(news)

    def context(self, tx: Tx) -> Context:
        return Context(
            configuration=self.cache.current(tx),
            versions=self.cache.versions,
            now=self.clock.now(),
            ids=self.ids,
        )

    def write(self, work: Callable[[Tx, Context], Any]) -> Any:
        """Do something in the store, behind the API's back."""
        return self.writer.submit(lambda tx: work(tx, self.context(tx))).result(timeout=30)

    def configure(self, text: str = CONFIGURATION) -> None:
        file = read_configuration_file(text.encode(), name="tocsin.yaml")
        self.write(lambda tx, _: apply(tx, file, editor=self.editor()))

    def begin_anew(self) -> None:
        """Forget everything but the tokens and the configuration that each test finds."""
        self.ids = IdSource(node=1)  # or what a test made late would be late for the next one, too
        if self.url:
            self._on_the_loop(self.refused.close)
            self.drain()
            again = partial(self.refused.__init__, self.writer, self.ids, self.clock)  # type: ignore[misc]
            self._on_the_loop(again)
        self.clock.__init__()  # type: ignore[misc]
        self.metrics.__init__(version="1.2.3")  # type: ignore[misc]
        self.services.sign_in_limits.__init__()  # type: ignore[misc]
        self._uuids = count(1)
        self.health = Health()
        self.measure = lambda: self.health
        self.write(_empty)
        self.make_tokens()
        self.configure()
        self.news.clear()
        if self.url:
            asyncio.run(self.keyring.refresh())

    def _on_the_loop(self, work: Callable[[], None]) -> None:
        async def do() -> None:
            work()

        asyncio.run_coroutine_threadsafe(do(), self.loop).result(timeout=30)

    def editor(self) -> Editor:
        return Editor(
            actor="test",
            now=self.clock.now(),
            ids=self.ids,
            random_bytes=self.random_bytes,
            vault=self.vault,
            networks=self.services.networks,
        )

    def make_tokens(self) -> None:
        for scope in Scope:
            self.tokens[scope] = self.write(partial(self._make_token, scope)).secret.reveal()

    def _make_token(self, scope: Scope, tx: Tx, _context: Context) -> CreatedToken:
        return create_token(tx, name=f"can-{scope}", scope=scope, editor=self.editor())

    # --- over the wire

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scope: Scope | None = Scope.ADMINISTER,
        **more: Any,
    ) -> httpx.Response:
        """Send a request to the management API, with the token of a scope, or with none."""
        headers = dict(more.pop("headers", {}))
        if scope is not None:
            headers["authorization"] = f"Bearer {self.tokens[scope]}"
        if body is not None:
            more["json"] = body
        path = path if path.startswith("/") else f"/api/v1/{path}"
        return self.http.request(method, path, headers=headers, **more)

    def post_alert(
        self, body: bytes | dict[str, Any], routing_key: str = "db", *, key: str = ALERT_KEY
    ) -> httpx.Response:
        more = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.http.post(f"{ALERT_PATH}{key}/{routing_key}", **more)

    def open_incident(self, entity_id: str = "db-1", **fields: Any) -> int:
        answer = self.post_alert({"message_type": "CRITICAL", "entity_id": entity_id, **fields})
        assert answer.status_code == 200, answer.text
        items = self.ask("GET", "incidents", params={"entity_id": entity_id}).json()["items"]
        return int(items[0]["number"])

    def drain(self) -> None:
        """Return when everything submitted so far is on disk."""
        self.writer.submit(lambda _: None).result(timeout=30)

    @contextmanager
    def serving(self) -> Iterator["Harness"]:
        """Answer, with tokens and a configuration, for as long as the block lasts."""
        self.writer.start()
        self.begin_anew()
        try:
            with _listening(self.outer) as self.url, httpx.Client(base_url=self.url) as self.http:
                yield self
        finally:
            self.writer.stop()

    def outer(self) -> Outer:
        """Return the application; for use on the loop that serves it."""
        self.loop = asyncio.get_running_loop()
        self.refused = RefusedAlerts(self.writer, self.ids, self.clock)
        inbox = Inbox(self.writer, self.context, on_batch=lambda *_: None, on_poison=lambda: None)
        beats = Beats(self.writer, self.clock, self.context, on_deaf=lambda: None)
        ingestion = Ingestion(
            heartbeats=HeartbeatCalls(
                take_in=beats.take_in,
                find_key=self._find_key,
                new_uuid=lambda: str(uuid.UUID(int=next(self._uuids))),
            ),
            take_in=self.take_in or inbox.take_in,
            find_key=self._find_key,
            find_revoked_key=self.keyring.find_revoked,
            refuse=self.refused.add,
            mask=self.cache.mask,
            clock=self.clock,
            new_uuid=lambda: str(uuid.UUID(int=next(self._uuids))),
            organisation="acme",
            metrics=self.metrics,
        )
        transactions = Transactions(self.services)
        return Outer(
            ingestion=ingestion,
            api=make_api(self.services, transactions),
            links=LinkPages(
                read=transactions.read,
                change=transactions.change,
                clock=self.clock,
                keys=lambda: link_keys(self.vault),
            ),
            pages=make_pages(transactions),
            clock=self.clock,
        )

    def _find_key(self, key: Secret) -> AlertKey | None:
        return self.keyring.find(key)


def _empty(tx: Tx, _context: Context) -> None:
    for table in schema.metadata.sorted_tables:
        tx.core.execute(table.delete())


@contextmanager
def _listening(make_app: Callable[[], Outer]) -> Iterator[str]:
    """Serve on a free port, in a thread of its own."""
    begun = threading.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        config = uvicorn.Config(
            make_app(), port=0, lifespan="on", log_config=None, access_log=False, loop="none"
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        found["port"] = server.servers[0].sockets[0].getsockname()[1]
        found["stop"] = stop = asyncio.Event()
        found["loop"] = asyncio.get_running_loop()
        begun.set()
        await stop.wait()
        await server.shutdown()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert begun.wait(timeout=30), "the server did not start"
    try:
        yield f"http://127.0.0.1:{found['port']}"
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(timeout=30)
