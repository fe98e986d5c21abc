"""The sender: an exchange goes in, an answer comes out, whatever the network does."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic_ns

from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy
from tocsin.errors import TocsinError
from tocsin.transport.connection import Connection
from tocsin.transport.exchange import (
    Answer,
    Destination,
    Exchange,
    NotConnected,
    Route,
    unsent,
)
from tocsin.transport.inspector import Inspector
from tocsin.transport.keeper import AnswerCallback
from tocsin.transport.pool import Pool
from tocsin.transport.resolve import ResolvedAddress, Resolver
from tocsin.transport.tls import (
    context_for,
    explain_refusal,
    read_peer,
    server_name,
)
from tocsin.transport.way import Way

IDLE_SECONDS = 30.0
MOST_IDLE = 512
RESOLVE_SECONDS = 5.0
_NS_PER_SECOND = 1_000_000_000


class Sender:
    """Sends requests over connections of its own making. To be made inside a running loop.

    It follows no redirect, sets no limit on how much runs at once (the engine does), and reads
    nothing from the environment.

    `proxy` is what every exchange goes through.

    Units: seconds.
    """

    def __init__(
        self,
        *,
        networks: Networks = DEFAULT_NETWORKS,
        proxy: Proxy | None = None,
        resolver: Resolver | None = None,
        resolve_seconds: float = RESOLVE_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        most_idle: int = MOST_IDLE,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._resolver = resolver or Resolver()
        self._way = Way(
            self._resolver, networks=networks, proxy=proxy, resolve_seconds=resolve_seconds
        )
        self.inspector = Inspector(self._way)
        self._pool = Pool(idle_seconds=idle_seconds, most_idle=most_idle)
        self._openings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def open_count(self) -> int:
        """How many connections are open, busy or idle."""
        return self._pool.open_count

    async def send(self, exchange: Exchange) -> Answer:
        """Return what became of the exchange. Network conditions are answers, never exceptions."""
        answered: asyncio.Future[Answer] = self._loop.create_future()

        def settle(answer: Answer) -> None:
            if not answered.done():  # whoever waited may have been cancelled
                answered.set_result(answer)

        self.start(exchange, settle)
        return await answered

    def start(self, exchange: Exchange, on_answer: AnswerCallback) -> None:
        """Begin the exchange; `on_answer` is called once, later, on the loop. The cheap form."""
        if self._is_closed:
            raise RuntimeError("the sender is closed")
        started = monotonic_ns()
        if not exchange.is_fresh:
            connection = self._pool.take(exchange.destination)
            if connection is not None:
                connection.begin(exchange, on_answer, started)
                return
        opening = self._loop.create_task(self._open_and_begin(exchange, on_answer, started))
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)

    async def close(self, *, grace_seconds: float = 0.0) -> None:
        """Take nothing more, let what runs end within the grace, interrupt the rest, free all."""
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._end()
        for opening in list(self._openings):
            opening.cancel()
        self._pool.interrupt()
        await self._end()
        self._resolver.close()

    async def _end(self) -> None:
        await asyncio.gather(*self._openings, return_exceptions=True)
        self._pool.close()
        await self._pool.drained()

    async def _open_and_begin(
        self, exchange: Exchange, on_answer: AnswerCallback, started: int
    ) -> None:
        route = Route()
        try:
            connection = await self._open(exchange, route, started)
            self._pool.add(connection)
            connection.begin(exchange, on_answer, started)
        except NotConnected as failure:
            answer = _unsent(failure.outcome, failure.detail, route, started)
            if failure.verify_code:
                answer = answer._replace(
                    verify_code=failure.verify_code, verify_text=failure.verify_text
                )
            on_answer(answer)
        except BaseException as error:
            # Closing cancels us; anything else is a mistake of ours, which asyncio then reports.
            on_answer(_unsent(Outcome.INTERRUPTED, type(error).__name__, route, started))
            raise

    async def _open(self, exchange: Exchange, route: Route, started: int) -> Connection:
        """Resolve, check, connect to what was checked, and speak TLS. Raises: NotConnected."""
        destination = exchange.destination
        addresses = await self._way.look_up(destination, exchange.total_timeout)
        route.resolve_us = (monotonic_ns() - started) // 1000
        left = exchange.total_timeout - (monotonic_ns() - started) / _NS_PER_SECOND
        limit = max(min(exchange.connect_timeout, left), 0.0)
        try:
            async with asyncio.timeout(limit):
                return await self._connect(addresses, destination, route)
        except TimeoutError:
            raise self._way.explain_delay(destination, route, limit) from None

    async def _connect(
        self, addresses: Sequence[ResolvedAddress], destination: Destination, route: Route
    ) -> Connection:
        context = _context(destination) if destination.is_tls else None

        def make() -> Connection:
            return Connection(destination, route, self._pool)

        began = monotonic_ns()
        # TLS begins later: until then nobody listens.
        first = asyncio.Protocol if destination.is_tls else make
        dialled = await self._way.connect(addresses, destination, route, first)
        transport, connection, route.address = dialled
        connected = monotonic_ns()
        route.connect_us = (connected - began) // 1000
        if isinstance(connection, Connection):
            return connection
        connection = make()
        try:
            if context is not None:
                await self._speak_tls(transport, connection, context)
                route.tls_us = (monotonic_ns() - connected) // 1000
            else:
                connection.take_over(transport)
        except BaseException:
            transport.abort()
            raise
        return connection

    async def _speak_tls(
        self, transport: asyncio.Transport, connection: Connection, context: ssl.SSLContext
    ) -> None:
        host = connection.destination.host
        connection.begin_tls(transport)
        try:
            secured = await self._loop.start_tls(
                transport,
                connection,
                context,
                server_hostname=server_name(host),
            )
        except ssl.SSLCertVerificationError as error:
            raise NotConnected(
                Outcome.CERTIFICATE_REFUSED,
                explain_refusal(error, host),
                verify_code=error.verify_code,
                verify_text=error.verify_message,
            ) from None
        except ssl.SSLError as error:
            raise NotConnected(Outcome.TLS_FAILED, error.reason or str(error)) from None
        except ValueError as error:
            raise NotConnected(Outcome.TLS_FAILED, str(error)) from None
        except OSError as error:
            detail = f"the connection ended during the TLS handshake: {error.strerror or error}"
            raise NotConnected(Outcome.TLS_FAILED, detail) from None
        assert secured is not None
        await asyncio.sleep(0)  # uvloop tells only now what came with the end of the handshake
        connection.connection_made(secured)
        connection.route.peer = read_peer(secured.get_extra_info("ssl_object"))


def _context(destination: Destination) -> ssl.SSLContext:
    """Raises: NotConnected, when what was given to the webhook cannot be used."""
    try:
        return context_for(destination.ca_bundle, destination.client)
    except TocsinError as error:
        raise NotConnected(Outcome.TLS_FAILED, error.message) from None


def _unsent(outcome: Outcome, detail: str, route: Route, started: int) -> Answer:
    return unsent(outcome, detail, route=route, total_us=(monotonic_ns() - started) // 1000)
