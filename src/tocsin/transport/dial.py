"""From checked addresses to one connected socket."""

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import NamedTuple

from tocsin.domain.network import Listener, Networks, decide_reach, own_listener_sentence
from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import NotConnected
from tocsin.transport.resolve import ResolvedAddress

HEAD_START_SECONDS = 0.25
"""How long an address is tried alone before the next one too. Source: RFC 8305, 5."""


class Dialled(NamedTuple):
    """A connection: its transport, the protocol that was made for it, and the address asked for."""

    transport: asyncio.Transport
    protocol: asyncio.BaseProtocol
    ip: str


Connect = Callable[[ResolvedAddress], Awaitable[Dialled]]
"""Connects to one address. Raises: NotConnected. Whoever cancels it need not clean up after it."""
_Racer = asyncio.Future[Dialled]

_OUTCOMES = {
    errno.ECONNREFUSED: Outcome.CONNECTION_REFUSED,
    errno.ECONNRESET: Outcome.CONNECTION_LOST,
    errno.ECONNABORTED: Outcome.CONNECTION_LOST,
    errno.ETIMEDOUT: Outcome.CONNECT_TIMED_OUT,
    errno.EMFILE: Outcome.OUT_OF_SOCKETS,
    errno.ENFILE: Outcome.OUT_OF_SOCKETS,
    errno.ENOBUFS: Outcome.OUT_OF_SOCKETS,
    errno.ENOMEM: Outcome.OUT_OF_SOCKETS,
    errno.EADDRNOTAVAIL: Outcome.OUT_OF_SOCKETS,
}


class JudgedAddress(NamedTuple):
    """An address, and why it may not be dialled; empty when it may."""

    address: ResolvedAddress
    refusal: str


def judge_addresses(
    addresses: Sequence[ResolvedAddress], port: int, networks: Networks
) -> list[JudgedAddress]:
    """Return each address with what stands against it.

    An address is judged before anything is sent to it, and what is judged is what is dialled: no
    second look-up comes between.
    """
    judged = []
    for address in addresses:
        decision = decide_reach(address.ip, port, networks)
        refusal = "" if decision.is_allowed else decision.sentence
        if not refusal and _is_our_own(address, port, networks.own_listeners):
            refusal = own_listener_sentence(address.ip, port)
        judged.append(JudgedAddress(address, refusal))
    return judged


def allowed_addresses(judged: Sequence[JudgedAddress]) -> list[ResolvedAddress]:
    """Return the addresses that may be dialled, at least one. Raises: NotConnected."""
    allowed = [each.address for each in judged if not each.refusal]
    if not allowed:
        raise NotConnected(Outcome.ADDRESS_REFUSED, judged[0].refusal)
    return allowed


def _is_our_own(address: ResolvedAddress, port: int, own_listeners: Collection[Listener]) -> bool:
    """Tell whether a listener on every address answers there: it has more than could be listed.

    An address of this machine's is one that it would be called from itself.
    """
    if not any(own == port and ip_address(ip).is_unspecified for ip, own in own_listeners):
        return False
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address.ip, port))  # chooses an address to call from; nothing is sent
        except OSError:
            return False
        return ip_address(sock.getsockname()[0]) == ip_address(address.ip)


async def dial(addresses: Sequence[ResolvedAddress], connect: Connect) -> Dialled:
    """Return a connection to one of the addresses: the first that answers.

    Each gets a head start before the next is tried beside it. The caller sets the time limit.
    Raises: NotConnected.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    racers: set[_Racer] = set()
    try:
        return await _race(list(_interleaved(addresses)), connect, racers)
    finally:
        for racer in racers:
            # Nothing is awaited here: whoever is cancelled while it waits would lose the winner.
            racer.add_done_callback(_hang_up)
            racer.cancel()


async def _race(addresses: list[ResolvedAddress], connect: Connect, racers: set[_Racer]) -> Dialled:
    failures: list[NotConnected] = []
    while addresses or racers:
        if addresses:
            racers.add(asyncio.ensure_future(connect(addresses.pop(0))))
        head_start = HEAD_START_SECONDS if addresses else None
        done, _ = await asyncio.wait(
            racers, timeout=head_start, return_when=asyncio.FIRST_COMPLETED
        )
        for racer in done:
            racers.remove(racer)
            try:
                return racer.result()
            except NotConnected as failure:
                failures.append(failure)
    raise min(failures, key=_how_telling)


def _hang_up(late: _Racer) -> None:
    """End an attempt that was no longer needed, but had succeeded or failed all the same."""
    if not late.cancelled() and late.exception() is None:
        late.result().transport.abort()


def _how_telling(failure: NotConnected) -> bool:
    """Machines without IPv6 find every IPv6 address unreachable: that is the least telling."""
    return failure.outcome is Outcome.UNREACHABLE


def _interleaved(addresses: Sequence[ResolvedAddress]) -> Iterator[ResolvedAddress]:
    """Yield the addresses with the families alternating. Source: RFC 8305, 4."""
    first = [address for address in addresses if address.family == addresses[0].family]
    second = [address for address in addresses if address.family != addresses[0].family]
    return (one for one in chain.from_iterable(zip_longest(first, second)) if one is not None)


def connect_to(port: int, make_protocol: Callable[[], asyncio.BaseProtocol]) -> Connect:
    """Return how to connect to a port of an address. Every connection gets a protocol of its own."""

    async def connect(address: ResolvedAddress) -> Dialled:
        # The address is a literal, so nothing is looked up again.
        loop = asyncio.get_running_loop()
        try:
            transport, protocol = await loop.create_connection(make_protocol, address.ip, port)
        except OSError as error:
            number = error.errno or 0
            cause = os.strerror(number) if number else str(error)
            detail = f"{address.ip} port {port}: {cause}"
            raise NotConnected(outcome_of(number, address.family), detail) from None
        return Dialled(transport, protocol, address.ip)

    return connect


def outcome_of(number: int, family: int) -> Outcome:
    """Return what it means that connecting failed with this `errno`."""
    if number == errno.EADDRNOTAVAIL and family == socket.AF_INET6:
        return Outcome.UNREACHABLE  # IPv6 is off: there is no address to call from
    return _OUTCOMES.get(number, Outcome.UNREACHABLE)


def check_far_end(transport: asyncio.Transport) -> None:
    """Refuse a connection of a free port to itself, which TCP makes now and then.

    Raises: NotConnected.
    """
    here = transport.get_extra_info("sockname")
    if here and here == transport.get_extra_info("peername"):
        raise NotConnected(Outcome.CONNECTION_REFUSED, f"nothing listens on port {here[1]}")
