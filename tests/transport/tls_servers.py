"""Receivers that leave TLS to OpenSSL itself, alerts and all: asyncio's servers swallow the alert."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.transport.servers import OK


@dataclass
class Listening:
    """A port, and what became of each connection to it: the bytes of requests that were heard."""

    port: int
    accepted: int = 0
    heard: list[bytes] = field(default_factory=list)
    shown: list[object] = field(default_factory=list)
    """The certificate of each client that was let in."""
    let_go: threading.Event = field(default_factory=threading.Event)


@asynccontextmanager
async def listening(
    tls: ssl.SSLContext | None,
    *,
    port: int = 0,
    plainly: bytes = b"",
    is_slow_again: bool = False,
) -> AsyncIterator[Listening]:
    """Serve TLS, or say `plainly` whatever comes, until the block ends; then everybody has hung up.

    `is_slow_again`: from the second connection on nothing is said before `let_go`.
    """
    threads: list[threading.Thread] = []

    is_over = threading.Event()

    def accept(listener: socket.socket) -> None:
        while True:
            accepted, _ = listener.accept()
            if is_over.is_set():
                accepted.close()
                return
            served.accepted += 1
            threads.append(threading.Thread(target=serve, args=(accepted, served.accepted)))
            threads[-1].start()

    def serve(accepted: socket.socket, number: int) -> None:
        accepted.settimeout(20)
        if is_slow_again and number > 1:
            served.let_go.wait(20)
        with suppress(OSError), accepted:
            if tls is None:
                accepted.recv(4096)
                accepted.sendall(plainly)
                _drain(accepted)
            else:
                _speak_tls(accepted, tls, served)

    with socket.create_server(("127.0.0.1", port)) as listener:
        served = Listening(listener.getsockname()[1])
        accepting = threading.Thread(target=accept, args=(listener,))
        accepting.start()
        try:
            yield served
        finally:
            is_over.set()
            served.let_go.set()
            socket.create_connection(listener.getsockname()).close()
            # Not on the loop, which has to close what those threads wait for.
            for thread in (accepting, *threads):
                await asyncio.to_thread(thread.join)


def _speak_tls(accepted: socket.socket, tls: ssl.SSLContext, served: Listening) -> None:
    with accepted.dup() as rest:
        try:
            secured = tls.wrap_socket(accepted, server_side=True)
        except ssl.SSLError:
            _drain(rest)
            return
        with secured:
            served.shown.append(secured.getpeercert())
            request = secured.recv(65536)
            served.heard.append(request)
            if request:
                secured.sendall(OK)


def _drain(accepted: socket.socket) -> None:
    """Read to the end: what is left unread would turn the end into a reset."""
    accepted.shutdown(socket.SHUT_WR)
    while accepted.recv(4096):
        pass
