"""The engine and the HTTP server, from start to stop."""

import asyncio
import gc
import platform
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from tocsin import __version__
from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.actions.links import link_keys
from tocsin.actions.pause import pause
from tocsin.actions.request_heads import renew_request_heads
from tocsin.api.app import make_api
from tocsin.api.heartbeat_calls import HeartbeatCalls
from tocsin.api.ingestion import Ingestion
from tocsin.api.outer import Outer
from tocsin.api.refused_alerts import RefusedAlerts
from tocsin.clock import Clock, SystemClock
from tocsin.domain.actor import SERVER
from tocsin.domain.network import Networks
from tocsin.domain.one_time_link import Links
from tocsin.domain.role import ALL_ROLES, Role
from tocsin.engine.engine import Engine, EngineSettings
from tocsin.errors import TocsinError
from tocsin.ids import NODE_BITS, IdSource
from tocsin.metrics import Metrics
from tocsin.service.commits import Commits
from tocsin.service.keyring import Keyring
from tocsin.service.services import Health, Services
from tocsin.service.single_sign_on import sign_on_by
from tocsin.service.transactions import Transactions
from tocsin.settings import Settings
from tocsin.store.database import News, Tx, is_store_failure
from tocsin.store.place import reaching
from tocsin.store.writer import Writer
from tocsin.transport.tls import system_ca_count
from tocsin.vault import Vault
from tocsin.web.app import make_pages
from tocsin.web.link_pages import LinkPages
from tocsin.wiring.first import FirstStart, set_up, write_address
from tocsin.wiring.http_server import answering
from tocsin.wiring.listening import inherited, listening, url_of
from tocsin.wiring.logs import LogMask
from tocsin.wiring.measuring import measure
from tocsin.wiring.nodes import clock_of, clock_reader, hearing, schema_of, telling
from tocsin.wiring.opening import Store, open_store
from tocsin.wiring.retaining import retaining
from tocsin.wiring.seat import Seat
from tocsin.wiring.watching import watching


class NoCertificateAuthorities(TocsinError):
    """This machine trusts nobody, so no https receiver could ever be called."""

    code: ClassVar[str] = "no_certificate_authorities"
    status_hint: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    url: str
    """Where it answers, without a slash at its end."""
    public_url: str
    settings: Settings
    roles: frozenset[Role]
    processes: int
    """How many of them answer there."""
    store: Store
    engine: Engine
    first_start: FirstStart | None
    """What a first start made; None at every later one."""
    health: Callable[[], Health | None]
    """None: the store does not answer at the moment."""


class RolesNeedPostgreSQL(TocsinError):
    """An SQLite file has one server, which has to do it all."""

    code: ClassVar[str] = "roles_need_postgresql"
    status_hint: ClassVar[int] = 500


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    paused: bool = False,
    forget_secrets: bool = False,
    log_mask: LogMask | None = None,
    clock: Clock | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    randomness: random.Random | None = None,
    roles: frozenset[Role] = ALL_ROLES,
    seat: Seat | None = None,
) -> AsyncIterator[Running]:
    """Run a server for as long as the block lasts; leaving it stops gracefully.

    `seat`: it is one of several processes. Raises: AddressInUse, AddressNotOurs,
    NoCertificateAuthorities, BadCertificate, RolesNeedPostgreSQL, and those of `open_store`.
    """
    if settings.is_on_sqlite and roles != ALL_ROLES:
        raise RolesNeedPostgreSQL(
            "Roles can be split between nodes that share a PostgreSQL database: an SQLite file has one "
            "server, which does it all. Start it without --only; or move it with "
            "tocsin migrate-store --to postgresql://USER:PASSWORD@HOST/NAME, and set TOCSIN_DATABASE_URL to "
            "that URL"
        )
    if system_ca_count() == 0:
        raise NoCertificateAuthorities(
            "this machine's list of certificate authorities is empty, so no https webhook could be "
            "called: install it (Debian, Ubuntu: apt install ca-certificates)"
        )
    ours = clock or SystemClock()
    randomness = randomness or random.Random(int.from_bytes(random_bytes(8)))  # noqa: S311 - spreads retries

    def make_editor(vault: Vault, newest_id: int) -> Editor:
        ids = IdSource(node=randomness.getrandbits(NODE_BITS), after=newest_id)
        networks = settings.webhook_networks
        return Editor(SERVER, ours.now(), ids, random_bytes, vault, networks)

    with (
        inherited(seat.listener) if seat else listening(settings.listen) as sock,
        open_store(
            settings,
            random_bytes=random_bytes,
            forgetting=make_editor if forget_secrets else None,
            is_home_ours=seat is None,
        ) as store,
    ):
        parts = _Parts(
            settings,
            settings.webhook_networks.apart_from(sock.getsockname()[:2]),
            clock or _clock_of(store),
            random_bytes,
            randomness,
            newest_id=store.newest_id,
            roles=roles,
            seat=seat,
        )
        if log_mask is not None:
            log_mask.mask = store.cache.mask
        keyring = Keyring(store.database, store.cache, parts.clock)
        async with _engine(parts, store, keyring, paused=paused) as (engine, first_start):
            url = url_of(settings, sock)
            services = parts.services(store, engine, keyring, url)
            with reaching(store.database.file):
                await keyring.refresh()
            async with (
                _refused_alerts(parts, engine) as refused,
                answering(
                    settings,
                    parts.outer(services, engine, refused),
                    sock,
                    mask=store.cache.mask,
                    has_api=Role.API in roles,
                    seat=seat,
                ),
            ):
                if seat is None or seat.number == 1:
                    # With TLS, a certificate names the public URL rather than 127.0.0.1.
                    known_as = settings.public_url if settings.tls_cert else None
                    write_address(settings.home, known_as or url)
                with watching(engine, services.health), parts.commits.until_stop():
                    yield Running(
                        url=url,
                        public_url=settings.public_url or url,
                        settings=settings,
                        roles=roles,
                        processes=seat.of if seat else 1,
                        store=store,
                        engine=engine,
                        first_start=first_start,
                        health=lambda: _if_possible(services.health),
                    )


def _clock_of(store: Store) -> Clock:
    with reaching(store.database.file):
        return clock_of(store.database)


def _if_possible(health: Callable[[], Health]) -> Health | None:
    """Return how the server is; a store that fails is no reason for it to end."""
    try:
        return health()
    except Exception as error:
        if is_store_failure(error):
            return None
        raise


class _Parts:
    """What is made once and used all over: the clock, ids, randomness, metrics."""

    def __init__(
        self,
        settings: Settings,
        networks: Networks,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        randomness: random.Random,
        *,
        newest_id: int,
        roles: frozenset[Role],
        seat: Seat | None,
    ) -> None:
        self.settings = settings
        self.networks = networks
        self.clock = clock
        self.random_bytes = random_bytes
        self.randomness = randomness
        self.metrics = Metrics(version=__version__)
        self.commits = Commits()
        # For the writer's thread alone.
        self.ids = IdSource(node=randomness.getrandbits(NODE_BITS), after=newest_id)
        (self.run_id,) = self.ids.take(1, clock.now())
        self.roles = roles
        self.node = (platform.node() or "node") + (f"/{seat.number}" if seat else "")

    def context(self, store: Store, tx: Tx) -> Context:
        return Context(
            configuration=store.cache.current(tx),
            versions=store.cache.versions,
            now=self.clock.now(),
            ids=self.ids,
            first_number=self.settings.first_incident,
            late_after=self.settings.late_after,
            links=self.links(store),
        )

    def links(self, store: Store) -> Links | None:
        """Return what makes one-time links; None: nobody has said where they would lead."""
        url = self.settings.public_url
        return None if url is None else Links(url, link_keys(store.vault))

    def editor(self, store: Store) -> Editor:
        now, url = self.clock.now(), self.settings.public_url
        return Editor(SERVER, now, self.ids, self.random_bytes, store.vault, self.networks, url)

    def new_uuid(self) -> str:
        """Return a random UUID (version 4), written by hand: two are made for every alert."""
        digits = self.random_bytes(16).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

    def services(self, store: Store, engine: Engine, keyring: Keyring, url: str) -> Services:
        return Services(
            database=store.database,
            writer=engine.writer,
            context_source=lambda tx: self.context(store, tx),
            cache=store.cache,
            vault=store.vault,
            key_file=store.key_file,
            key_source=store.key_source,
            networks=self.networks,
            clock=self.clock,
            random_bytes=self.random_bytes,
            metrics=self.metrics,
            commits=self.commits,
            keyring=keyring,
            check_webhook=engine.check,
            health=lambda: measure(
                store, engine, self.clock, has_public_url=self.settings.public_url is not None
            ),
            run_id=self.run_id,
            node=self.node,
            load=engine.load,
            organisation=self.settings.organisation,
            public_url=self.settings.public_url or url,
            set_public_url=self.settings.public_url,
            retention=self.settings.retention,
            trusted_proxies=self.settings.trusted_proxies,
            single_sign_on=sign_on_by(self.settings.oidc, self.clock),
            version=__version__,
        )

    def outer(self, services: Services, engine: Engine, refused: RefusedAlerts) -> Outer:
        ingestion = Ingestion(
            heartbeats=HeartbeatCalls(
                take_in=engine.beats.take_in,
                find_key=services.keyring.find,
                new_uuid=self.new_uuid,
            ),
            take_in=engine.inbox.take_in,
            find_key=services.keyring.find,
            find_revoked_key=services.keyring.find_revoked,
            refuse=refused.add,
            mask=services.cache.mask,
            clock=self.clock,
            new_uuid=self.new_uuid,
            organisation=self.settings.organisation,
            metrics=self.metrics,
        )
        transactions = Transactions(services)
        links = LinkPages(
            read=transactions.read,
            change=transactions.change,
            clock=self.clock,
            keys=lambda: link_keys(services.vault),
        )
        return Outer(
            ingestion=ingestion,
            api=make_api(services, transactions),
            links=links,
            pages=make_pages(transactions),
            clock=self.clock,
            trusted_proxies=self.settings.trusted_proxies,
        )


@asynccontextmanager
async def _engine(
    parts: _Parts, store: Store, keyring: Keyring, *, paused: bool
) -> AsyncIterator[tuple[Engine, FirstStart | None]]:
    settings = parts.settings

    def make_writer(on_commit: Callable[[News], None]) -> Writer:
        def committed(news: News) -> None:
            if news.alert_keys:
                keyring.learn(news.alert_keys)
            on_commit(news)
            parts.commits.heed(news)

        return Writer(
            store.database,
            parts.clock,
            on_commit=committed,
            before_commit=telling(store.database, parts.clock, run_id=parts.run_id),
        )

    engine = Engine(
        make_writer,
        parts.clock,
        lambda tx: parts.context(store, tx),
        parts.metrics,
        EngineSettings(
            run_id=parts.run_id,
            node=parts.node,
            version=__version__,
            roles=parts.roles,
            slots=settings.webhook_slots,
            is_shared=not store.database.is_sqlite,
            read_clock=clock_reader(store.database),
            read_schema=lambda: schema_of(store.database),
            networks=parts.networks,
            proxy=settings.webhook_proxy,
            peers=settings.watch,
        ),
        randomness=parts.randomness,
    )

    def begin(tx: Tx) -> FirstStart | None:
        editor = parts.editor(store)
        renew_request_heads(tx, editor=editor)  # before anybody reads the configuration
        if paused:
            pause(tx, parts.context(store, tx), actor=SERVER)
        return set_up(tx, editor=editor, home=settings.home)

    engine.writer.start()
    try:
        first_start = await asyncio.wrap_future(engine.writer.submit(begin))
        await engine.start()
        # What is here now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # Nor at every 700 new objects: a batch in the making is as many, and none of them garbage.
        gc.set_threshold(20_000, 10, 10)
        gc.enable()
        async with hearing(store.database, engine, keyring, run_id=parts.run_id):
            try:
                async with retaining(store.database, engine, parts.clock, parts.metrics, settings):
                    yield engine, first_start
            finally:
                await engine.stop()
    finally:
        await asyncio.to_thread(engine.writer.stop)


@asynccontextmanager
async def _refused_alerts(parts: _Parts, engine: Engine) -> AsyncIterator[RefusedAlerts]:
    refused = RefusedAlerts(engine.writer, parts.ids, parts.clock)
    try:
        yield refused
    finally:
        refused.close()
