"""The server's socket: opened by the process that answers, or by the one that started it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from tocsin.errors import TocsinError
from tocsin.settings import Listen, Settings

BACKLOG: Final = 2048


class AddressInUse(TocsinError):
    """Somebody else listens there."""

    code: ClassVar[str] = "address_in_use"
    status_hint: ClassVar[int] = 500


class AddressNotOurs(TocsinError):
    """This machine has no such address, or this user may not listen there."""

    code: ClassVar[str] = "address_not_ours"
    status_hint: ClassVar[int] = 500


@contextmanager
def listening(listen: Listen, *, setting: str = "TOCSIN_LISTEN") -> Iterator[socket.socket]:
    """Hold a socket that listens for as long as the block lasts. Raises: AddressInUse, AddressNotOurs.

    `setting` is named where the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    # By the protocol asyncio knows that it may switch Nagle's delays off, 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((listen.host, listen.port))
        sock.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        raise _cannot_listen(listen, error, setting) from None
    sock.settimeout(0)
    try:
        yield sock
    finally:
        sock.close()


@contextmanager
def inherited(descriptor: int) -> Iterator[socket.socket]:
    """Hold a socket that listens already, and was opened by the process that started this one."""
    sock = socket.socket(fileno=descriptor)
    sock.settimeout(0)
    try:
        yield sock
    finally:
        sock.close()


def url_of(settings: Settings, sock: socket.socket) -> str:
    """Return where a program on this machine reaches the server."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what was asked for
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls_cert else 'http'}://{shown}:{port}"


def _cannot_listen(listen: Listen, error: Exception, setting: str) -> TocsinError:
    why = error.strerror if isinstance(error, OSError) else "there is no such port"
    if "in use" in (why or ""):
        return AddressInUse(
            f"{listen} is in use by another program: stop it, or set {setting} to another port",
            address=str(listen),
        )
    return AddressNotOurs(
        f"cannot listen on {listen} ({why}): set {setting} to an address of this "
        "machine and a port above 1023",
        address=str(listen),
    )
