"""The HTTP server: its socket, its certificate, its start and its stop."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import ClassVar

import uvicorn

from tocsin.api.outer import Outer
from tocsin.errors import TocsinError
from tocsin.settings import Listen, Settings

_REQUEST_GRACE_SECONDS = 5
_BACKLOG = 2048


class AddressInUse(TocsinError):
    """Somebody else listens there."""

    code: ClassVar[str] = "address_in_use"
    status_hint: ClassVar[int] = 500


class AddressNotOurs(TocsinError):
    """This machine has no such address, or this user may not listen there."""

    code: ClassVar[str] = "address_not_ours"
    status_hint: ClassVar[int] = 500


class BadCertificate(TocsinError):
    """The server's own certificate or key cannot be used."""

    code: ClassVar[str] = "bad_certificate"
    status_hint: ClassVar[int] = 500


@contextmanager
def listening(listen: Listen) -> Iterator[socket.socket]:
    """Hold the server's socket for as long as the block lasts. Raises: AddressInUse, AddressNotOurs."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    # By the protocol asyncio knows that it may switch Nagle's delays off, 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((listen.host, listen.port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _cannot_listen(listen, error) from None
    sock.settimeout(0)
    try:
        yield sock
    finally:
        sock.close()


def _cannot_listen(listen: Listen, error: OSError) -> TocsinError:
    if error.errno == 98 or "in use" in (error.strerror or ""):
        return AddressInUse(
            f"{listen} is in use by another program: stop it, or set TOCSIN_LISTEN to another port",
            address=str(listen),
        )
    return AddressNotOurs(
        f"cannot listen on {listen} ({error.strerror}): set TOCSIN_LISTEN to an address of this "
        "machine and a port above 1023",
        address=str(listen),
    )


def url_of(settings: Settings, sock: socket.socket) -> str:
    """Return where a program on this machine reaches the server."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what was asked for
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls_cert else 'http'}://{shown}:{port}"


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
async def answering(settings: Settings, app: Outer, sock: socket.socket) -> AsyncIterator[None]:
    """Answer requests for as long as the block lasts; leaving it lets those under way end.

    Raises: BadCertificate.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_REQUEST_GRACE_SECONDS,
        ssl_certfile=str(settings.tls_cert) if settings.tls_cert else None,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
    )
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        raise BadCertificate(
            f"TOCSIN_TLS_CERT and TOCSIN_TLS_KEY cannot be used ({error}): give the certificate's "
            "chain and its key as PEM files"
        ) from None
    server = _HttpServer(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    await server.is_answering.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await serving
