"""Looking at a receiver without sending it anything: for a diagnosis, and for whoever sets one up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic_ns
from typing import Final

from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.outcome import Outcome
from tocsin.domain.tls_refusal import Refusal
from tocsin.errors import TocsinError
from tocsin.transport.diagnosis import needs_evidence, refusals
from tocsin.transport.dial import JudgedAddress, allowed_addresses
from tocsin.transport.exchange import Destination, NotConnected, Route
from tocsin.transport.handshake import Handshake
from tocsin.transport.resolve import ResolvedAddress
from tocsin.transport.tls import context_for, server_name, unverified_context
from tocsin.transport.way import Way

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

    def __init__(self, way: Way) -> None:
        self._way = way
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def look(
        self, destination: Destination, ip: str, *, seconds: float = LOOK_SECONDS
    ) -> SeenHandshake | None:
        """Shake hands with whatever certificate and version is shown at an address, to see them.

        It must be one that an attempt connected to; empty, where the proxy looks the name up. None if
        nothing came about in time.
        """
        where = destination._replace(host=ip) if ip else destination
        try:
            async with asyncio.timeout(seconds), self._room:
                addresses = await self._way.look_up(where, seconds)
                dialled = await self._way.connect(addresses, where, Route(), asyncio.Protocol)
                transport = dialled.transport
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
                await self._walk(found, Route(), connect_seconds)
        except NotConnected as failure:
            found.outcome, found.detail = failure.outcome, failure.detail
        if found.handshake is not None and not found.handshake.is_complete:
            await self._explain(found, found.handshake, now)
        return found

    async def _walk(self, found: Inspection, route: Route, connect_seconds: float) -> None:
        began = monotonic_ns()
        found.addresses = await self._way.judge(found.destination, LOOK_SECONDS)
        found.resolve_us = (monotonic_ns() - began) // 1000
        allowed = allowed_addresses(found.addresses) if found.addresses else ()
        try:
            async with asyncio.timeout(connect_seconds):
                await self._meet(found, route, allowed)
        except TimeoutError:
            raise self._way.explain_delay(found.destination, route, connect_seconds) from None

    async def _meet(
        self, found: Inspection, route: Route, allowed: Sequence[ResolvedAddress]
    ) -> None:
        destination = found.destination
        began = monotonic_ns()
        dialled = await self._way.connect(allowed, destination, route, asyncio.Protocol)
        transport, found.address = dialled.transport, dialled.ip
        try:
            found.connect_us = route.connect_us = (monotonic_ns() - began) // 1000
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
