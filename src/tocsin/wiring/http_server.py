"""The HTTP server: its certificate, its start and its stop."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import ClassVar

import uvicorn
from starlette.types import ASGIApp

from tocsin.api.doorway import Doorway, no_metrics, only_probes
from tocsin.api.outer import Outer
from tocsin.domain.masking import Masking
from tocsin.errors import TocsinError
from tocsin.settings import Settings
from tocsin.wiring.listening import BACKLOG, listening
from tocsin.wiring.seat import Seat

_REQUEST_GRACE_SECONDS = 5
logger = logging.getLogger(__name__)


class BadCertificate(TocsinError):
    """The server's own certificate or key cannot be used."""

    code: ClassVar[str] = "bad_certificate"
    status_hint: ClassVar[int] = 500


class _HttpServer(uvicorn.Server):
    """Signals are ours to handle: the engine stops after the last request, not with it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_answering = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_answering.set()


@asynccontextmanager
async def answering(
    settings: Settings,
    app: Outer,
    sock: socket.socket,
    *,
    mask: Masking,
    has_api: bool = True,
    seat: Seat | None = None,
) -> AsyncIterator[None]:
    """Answer requests for as long as the block lasts; leaving it lets those under way end.

    At `sock`; and, if the settings name one, at an address for probes and metrics alone, which is a
    port of its own for each of several processes.
    Raises: BadCertificate, AddressInUse, AddressNotOurs.
    """
    public: ASGIApp = app
    if not has_api:
        public = Doorway(app, only_probes, mask)
    elif seat is not None and seat.of > 1:
        public = Doorway(app, no_metrics, mask)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_answering(_config(public, settings), sock))
        if settings.probes_listen is not None:
            at = settings.probes_listen.after(seat.number - 1 if seat else 0)
            probes = stack.enter_context(listening(at, setting="TOCSIN_PROBES_LISTEN"))
            config = _config(Doorway(app, only_probes, mask), None)
            await stack.enter_async_context(_answering(config, probes))
            logger.info("probes.answered", extra={"address": "{}:{}".format(*probes.getsockname())})
        yield


def _config(app: ASGIApp, settings: Settings | None) -> uvicorn.Config:
    """Return how to answer; without settings in the clear, and beside who starts and ends the app."""
    cert, key = (settings.tls_cert, settings.tls_key) if settings else (None, None)
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        lifespan="on" if settings else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_REQUEST_GRACE_SECONDS,
        ssl_certfile=str(cert) if cert else None,
        ssl_keyfile=str(key) if key else None,
    )
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        raise BadCertificate(
            f"TOCSIN_TLS_CERT and TOCSIN_TLS_KEY cannot be used ({error}): give the certificate's "
            "chain and its key as PEM files"
        ) from None
    return config


@asynccontextmanager
async def _answering(config: uvicorn.Config, sock: socket.socket) -> AsyncIterator[None]:
    server = _HttpServer(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    await server.is_answering.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await serving
