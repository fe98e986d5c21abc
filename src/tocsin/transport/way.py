"""How receivers are reached: looked up, checked, and dialled, directly or through the operator's proxy."""

import asyncio
from collections.abc import Callable, Sequence

from tocsin.domain.network import Networks
from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy, authority
from tocsin.transport.dial import (
    Dialled,
    JudgedAddress,
    allowed_addresses,
    check_far_end,
    connect_to,
    dial,
    judge_addresses,
)
from tocsin.transport.exchange import Destination, NotConnected, Route
from tocsin.transport.resolve import ResolvedAddress, Resolver, read_literal
from tocsin.transport.tunnel import open_tunnel, unreachable


class Way:
    """Leads to receivers. Every connection of the transport comes about here, and so is checked.

    The proxy's own address is the operator's choice and not checked. Units: seconds.
    """

    def __init__(
        self, resolver: Resolver, *, networks: Networks, proxy: Proxy | None, resolve_seconds: float
    ) -> None:
        self._resolver = resolver
        self._networks = networks
        self._proxy = proxy
        self._resolve_seconds = resolve_seconds

    async def look_up(self, destination: Destination, seconds: float) -> Sequence[ResolvedAddress]:
        """Return the addresses that may be called: at least one, unless the proxy looks them up.

        Raises: NotConnected.
        """
        judged = await self.judge(destination, seconds)
        return allowed_addresses(judged) if judged else ()

    async def judge(self, destination: Destination, seconds: float) -> Sequence[JudgedAddress]:
        """Return the host's addresses with what stands against each; none if the proxy looks them up.

        Raises: NotConnected.
        """
        host = destination.host
        if self._proxy is not None and self._proxy.resolves and not read_literal(host):
            return ()
        addresses = self._resolver.recall(host)
        if not addresses:
            limit = min(self._resolve_seconds, seconds)
            try:
                async with asyncio.timeout(limit):
                    addresses = await self._resolver.resolve(host)
            except TimeoutError:
                detail = f"no answer about {host} within {limit:g} s"
                raise NotConnected(Outcome.NAME_TIMED_OUT, detail) from None
        return judge_addresses(addresses, destination.port, self._networks)

    async def connect(
        self,
        addresses: Sequence[ResolvedAddress],
        destination: Destination,
        route: Route,
        make_protocol: Callable[[], asyncio.BaseProtocol],
    ) -> Dialled:
        """Return a TCP connection to one of the addresses, or a tunnel. The caller sets the time limit.

        Through a proxy the protocol is not one that `make_protocol` made, and nothing is read until
        another is set. Raises: NotConnected.
        """
        if self._proxy is not None:
            return await self._tunnel(self._proxy, addresses, destination, route)
        dialled = await dial(addresses, connect_to(destination.port, make_protocol))
        try:
            check_far_end(dialled.transport)
        except NotConnected:
            dialled.transport.abort()
            raise
        return dialled

    async def _tunnel(
        self,
        proxy: Proxy,
        addresses: Sequence[ResolvedAddress],
        destination: Destination,
        route: Route,
    ) -> Dialled:
        """Connect to one of the addresses through the proxy; to the host itself if there are none."""
        try:
            ways = self._resolver.recall(proxy.host) or await self._resolver.resolve(proxy.host)
        except NotConnected as failure:
            raise unreachable(proxy, failure) from None

        async def connect(address: ResolvedAddress) -> Dialled:
            target = authority(address.ip, destination.port)
            return (await open_tunnel(proxy, ways, target, route))._replace(ip=address.ip)

        if addresses:
            return await dial(addresses, connect)
        target = authority(destination.host, destination.port)
        return (await open_tunnel(proxy, ways, target, route))._replace(ip="")

    def explain_delay(self, destination: Destination, route: Route, seconds: float) -> NotConnected:
        """Return what it means that there was no connection, or no TLS over it, within the time."""
        within = f"within {seconds:.3g} s"
        if route.connect_us:
            return NotConnected(Outcome.CONNECT_TIMED_OUT, f"no TLS connection {within}")
        if self._proxy is None:
            return NotConnected(Outcome.CONNECT_TIMED_OUT, f"no connection {within}")
        if not route.proxy:
            detail = f"no connection to the proxy {self._proxy} {within}"
            return NotConnected(Outcome.PROXY_UNREACHABLE, detail)
        target = authority(destination.host, destination.port)
        detail = f"the proxy {self._proxy} made no connection to {target} {within}"
        return NotConnected(Outcome.CONNECT_TIMED_OUT, detail)
