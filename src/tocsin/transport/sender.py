"""The sender: an exchange goes in, an answer comes out, whatever the network does."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic_ns

from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.outcome import Outcome
from tocsin.errors import TocsinError
from tocsin.transport.connection import AnswerCallback, Connection
from tocsin.transport.dial import allowed_addresses, check_far_end, dial
from tocsin.transport.exchange import (
    Answer,
    Destination,
    Exchange,
    NotConnected,
    Route,
    unsent,
)
from tocsin.transport.inspector import Inspector
from tocsin.transport.pool import Pool
from tocsin.transport.resolve import Addresses, ResolvedAddress, Resolver
from tocsin.transport.tls import (
    context_for,
    explain_refusal,
    read_peer,
    server_name,
)

IDLE_SECONDS = 30.0
MOST_IDLE = 512
RESOLVE_SECONDS = 5.0
_GOODBYE_SECONDS = 1.0
"""How long a receiver may take to end TLS in good order."""
_NS_PER_SECOND = 1_000_000_000


class Sender:
    """Sends requests over connections of its own making. To be made inside a running loop.

    It follows no redirect, sets no limit on how much runs at once (the engine does), and reads
    nothing from the environment.

    Units: seconds.
    """

    def __init__(
        self,
        *,
        networks: Networks = DEFAULT_NETWORKS,
        resolver: Resolver | None = None,
        resolve_seconds: float = RESOLVE_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        most_idle: int = MOST_IDLE,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._networks = networks
        self._resolver = resolver or Resolver()
        self._resolve_seconds = resolve_seconds
        self.inspector = Inspector(
            self._resolver,
            networks=networks,
            resolve_seconds=resolve_seconds,
        )
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
        addresses = self._resolver.recall(destination.host) or await self._resolve(
            destination.host, exchange.total_timeout
        )
        route.resolve_us = (monotonic_ns() - started) // 1000
        allowed = allowed_addresses(addresses, destination.port, self._networks)
        left = exchange.total_timeout - (monotonic_ns() - started) / _NS_PER_SECOND
        limit = min(exchange.connect_timeout, left)
        try:
            async with asyncio.timeout(limit):
                return await self._connect(allowed, destination, route)
        except TimeoutError:
            what = "no TLS connection" if route.address else "no connection"
            raise NotConnected(Outcome.CONNECT_TIMED_OUT, f"{what} within {limit:g} s") from None

    async def _resolve(self, host: str, total_seconds: float) -> Addresses:
        limit = min(self._resolve_seconds, total_seconds)
        try:
            async with asyncio.timeout(limit):
                return await self._resolver.resolve(host)
        except TimeoutError:
            raise NotConnected(
                Outcome.NAME_TIMED_OUT, f"no answer about {host} within {limit:g} s"
            ) from None

    async def _connect(
        self, addresses: Sequence[ResolvedAddress], destination: Destination, route: Route
    ) -> Connection:
        context = _context(destination) if destination.is_tls else None
        connection = Connection(destination, route, self._pool)
        # TLS begins later: until then nobody listens.
        make_protocol = asyncio.Protocol if destination.is_tls else lambda: connection
        began = monotonic_ns()
        transport = await dial(addresses, destination.port, make_protocol)
        try:
            route.address = transport.get_extra_info("peername")[0]
            check_far_end(transport, self._networks.own_listeners)
            connected = monotonic_ns()
            route.connect_us = (connected - began) // 1000
            if context is not None:
                await self._speak_tls(transport, connection, context)
                route.tls_us = (monotonic_ns() - connected) // 1000
        except BaseException:
            transport.abort()
            raise
        return connection

    async def _speak_tls(
        self, transport: asyncio.Transport, connection: Connection, context: ssl.SSLContext
    ) -> None:
        host = connection.destination.host
        try:
            secured = await self._loop.start_tls(
                transport,
                connection,
                context,
                server_hostname=server_name(host),
                ssl_shutdown_timeout=_GOODBYE_SECONDS,
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
