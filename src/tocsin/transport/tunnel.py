"""Through a forward proxy: it is dialled, and asked for a tunnel to the receiver."""

import asyncio
import re
from collections.abc import Sequence
from typing import cast

from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy
from tocsin.transport.dial import Dialled, connect_to, dial
from tocsin.transport.exchange import NotConnected, Route
from tocsin.transport.resolve import ResolvedAddress

ANSWER_CAP = 16 * 1024
"""Bytes of a proxy's answer, which is headers only."""
_START = b"HTTP/1."
_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: ([^\r\n]{0,60}))?")


class Tunnel(asyncio.Protocol):
    """The protocol of a connection to a proxy until there is a tunnel through it."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = b""

    async def ask(self, proxy: Proxy, target: str) -> None:
        """Return once there is a tunnel to `target`. Nothing is read from it yet.

        Raises: NotConnected.
        """
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if proxy.authorization is not None:
            head += f"Proxy-Authorization: {proxy.authorization.reveal()}\r\n"
        self._transport.write(f"{head}\r\n".encode("ascii"))
        await self._answered
        _check_answer(self._heard, f"to CONNECT {target} the proxy {proxy}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another ancestry

    def data_received(self, data: bytes) -> None:
        self._heard += data
        is_other = not self._heard.startswith(_START[: len(self._heard)])
        if is_other or _END in self._heard or len(self._heard) >= ANSWER_CAP:
            self._transport.pause_reading()  # the rest is for whoever uses the tunnel
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()

    def _settle(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)


def _check_answer(heard: bytes, what: str) -> None:
    head, end, rest = heard.partition(_END)
    found = _STATUS.match(head)
    if found is None or not end:
        said = f"said {heard[:40]!r}" if heard else "said nothing and hung up"
        raise NotConnected(Outcome.PROXY_REFUSED, f"{what} {said}")
    status = int(found[1])
    if status == 407:
        raise NotConnected(Outcome.PROXY_AUTHENTICATION, f"{what} said 407")
    if not 200 <= status <= 299:
        words = f"{status} {(found[2] or b'').decode('latin-1')}"
        raise NotConnected(Outcome.PROXY_REFUSED, f"{what} said {words.strip()!r}")
    if rest:
        detail = "through the tunnel it spoke before the request was sent"
        raise NotConnected(Outcome.MALFORMED_ANSWER, detail)


async def open_tunnel(
    proxy: Proxy, addresses: Sequence[ResolvedAddress], target: str, route: Route
) -> Dialled:
    """Return a tunnel to `target` through the proxy at one of its addresses. The caller sets the limit.

    Raises: NotConnected.
    """
    try:
        dialled = await dial(addresses, connect_to(proxy.port, Tunnel))
    except NotConnected as failure:
        raise unreachable(proxy, failure) from None
    route.proxy = dialled.ip
    assert isinstance(dialled.protocol, Tunnel)
    try:
        await dialled.protocol.ask(proxy, target)
    except BaseException:
        dialled.transport.abort()
        raise
    return dialled


def unreachable(proxy: Proxy, failure: NotConnected) -> NotConnected:
    """Return what a failure to reach the proxy means for the exchange."""
    if failure.outcome is Outcome.OUT_OF_SOCKETS:
        return failure
    return NotConnected(Outcome.PROXY_UNREACHABLE, f"the proxy {proxy}: {failure.detail}")
