"""Looking at a receiver without sending it anything: for a diagnosis, and for whoever sets one up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic_ns
from typing import Final

from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.network import Networks
from tocsin.domain.outcome import Outcome
from tocsin.domain.tls_refusal import Refusal
from tocsin.errors import TocsinError
from tocsin.transport.diagnosis import needs_evidence, refusals
from tocsin.transport.dial import (
    JudgedAddress,
    allowed_addresses,
    check_far_end,
    dial,
    judge_addresses,
)
from tocsin.transport.exchange import Destination, NotConnected
from tocsin.transport.handshake import Handshake
from tocsin.transport.resolve import ResolvedAddress, Resolver, read_literal
from tocsin.transport.tls import context_for, server_name, unverified_context

MOST_AT_ONCE: Final = 8
"""Looking must not take the sockets and the time that pages need."""
LOOK_SECONDS: Final = 5.0


@dataclass(slots=True, kw_only=True)
class Inspection:
    """How far an attempt would come, filled in on the way. Units: microseconds, None if not reached.

    `outcome` is how it would end without a byte sent; None: the request would be sent.
    """

    destination: Destination
    addresses: Sequence[JudgedAddress] = ()
    address: str = ""
    resolve_us: int | None = None
    connect_us: int | None = None
    tls_us: int | None = None
    handshake: SeenHandshake | None = None
    outcome: Outcome | None = None
    detail: str = ""
    refusals: Sequence[Refusal] = ()


class Inspector:
    """Connects as the sender does, through the same checks, and closes. To be made inside a loop."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        networks: Networks,
        resolve_seconds: float,
    ) -> None:
        self._resolver = resolver
        self._networks = networks
        self._resolve_seconds = resolve_seconds
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def look(
        self, destination: Destination, ip: str, *, seconds: float = LOOK_SECONDS
    ) -> SeenHandshake | None:
        """Shake hands with whatever certificate and version is shown at an address, to see them.

        It must be one that an attempt connected to. None if nothing came about in time.
        """
        try:
            async with asyncio.timeout(seconds), self._room:
                addresses = allowed_addresses(read_literal(ip), destination.port, self._networks)
                transport = await self._connect(addresses, destination.port)
                try:
                    handshake = Handshake(
                        unverified_context(), server_name(destination.host), awaits_verdict=False
                    )
                    return await handshake.with_(transport)
                finally:
                    transport.close()
        except (NotConnected, TimeoutError, OSError, ValueError):
            return None

    async def check(
        self, destination: Destination, *, connect_seconds: float, now: datetime
    ) -> Inspection:
        """Return what becomes of an attempt up to its first byte, which is not sent."""
        found = Inspection(destination=destination)
        try:
            async with self._room:
                await self._walk(found, connect_seconds)
        except NotConnected as failure:
            found.outcome, found.detail = failure.outcome, failure.detail
        if found.handshake is not None and not found.handshake.is_complete:
            await self._explain(found, found.handshake, now)
        return found

    async def _walk(self, found: Inspection, connect_seconds: float) -> None:
        destination = found.destination
        began = monotonic_ns()
        addresses = await self._resolve(destination.host)
        found.resolve_us = (monotonic_ns() - began) // 1000
        found.addresses = judge_addresses(addresses, destination.port, self._networks)
        allowed = allowed_addresses(addresses, destination.port, self._networks)
        try:
            async with asyncio.timeout(connect_seconds):
                await self._meet(found, allowed)
        except TimeoutError:
            what = "no TLS connection" if found.address else "no connection"
            raise NotConnected(
                Outcome.CONNECT_TIMED_OUT, f"{what} within {connect_seconds:g} s"
            ) from None

    async def _meet(self, found: Inspection, allowed: Sequence[ResolvedAddress]) -> None:
        destination = found.destination
        began = monotonic_ns()
        transport = await self._connect(allowed, destination.port)
        try:
            found.address = transport.get_extra_info("peername")[0]
            found.connect_us = (monotonic_ns() - began) // 1000
            if destination.is_tls:
                context = context_for(destination.ca_bundle, destination.client)
                handshake = Handshake(context, server_name(destination.host), awaits_verdict=True)
                found.handshake = await handshake.with_(transport)
                found.tls_us = found.handshake.took_us
        except (TocsinError, ValueError) as error:
            raise NotConnected(Outcome.TLS_FAILED, str(error)) from None
        finally:
            transport.close()

    async def _explain(self, found: Inspection, failed: SeenHandshake, now: datetime) -> None:
        found.outcome = Outcome.CERTIFICATE_REFUSED if failed.verify_code else Outcome.TLS_FAILED
        found.detail = failed.verify_text or failed.error
        seen: SeenHandshake | None = failed
        if needs_evidence(failed.error, failed.verify_code) and not failed.chain:
            seen = await self.look(found.destination, found.address)
        found.refusals = refusals(
            found.destination,
            error=failed.error,
            verify_code=failed.verify_code,
            verify_text=failed.verify_text,
            seen=seen,
            now=now,
        )

    async def _resolve(self, host: str) -> Sequence[ResolvedAddress]:
        try:
            async with asyncio.timeout(self._resolve_seconds):
                return self._resolver.recall(host) or await self._resolver.resolve(host)
        except TimeoutError:
            raise NotConnected(
                Outcome.NAME_TIMED_OUT, f"no answer about {host} within {self._resolve_seconds:g} s"
            ) from None

    async def _connect(self, addresses: Sequence[ResolvedAddress], port: int) -> asyncio.Transport:
        transport = await dial(addresses, port, asyncio.Protocol)
        try:
            check_far_end(transport, self._networks.own_listeners)
        except NotConnected:
            transport.abort()
            raise
        return transport
