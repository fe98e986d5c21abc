"""From checked addresses to one connected socket."""

import asyncio
import errno
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import NamedTuple

from tocsin.domain.network import Listener, Networks, decide_reach, own_listener_sentence
from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import NotConnected
from tocsin.transport.resolve import ResolvedAddress

HEAD_START_SECONDS = 0.25
"""How long an address is tried alone before the next one too. Source: RFC 8305, 5."""

MakeProtocol = Callable[[], asyncio.BaseProtocol]
_Racer = asyncio.Task[asyncio.Transport]

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
        judged.append(JudgedAddress(address, "" if decision.is_allowed else decision.sentence))
    return judged


def allowed_addresses(
    addresses: Sequence[ResolvedAddress], port: int, networks: Networks
) -> list[ResolvedAddress]:
    """Return the addresses that may be dialled, at least one. Raises: NotConnected."""
    judged = judge_addresses(addresses, port, networks)
    allowed = [each.address for each in judged if not each.refusal]
    if not allowed:
        raise NotConnected(Outcome.ADDRESS_REFUSED, judged[0].refusal)
    return allowed


def check_far_end(transport: asyncio.Transport, own_listeners: Collection[Listener]) -> None:
    """Refuse a connection that ended up at this very process. Raises: NotConnected.

    A listener on every address answers on each of this machine's; they are known only once
    connected, by both ends having the same.
    """
    here = transport.get_extra_info("sockname")
    there = transport.get_extra_info("peername")
    if not here or not there or here[0] != there[0]:
        return
    if here[1] == there[1]:  # TCP connected a free port to itself
        raise NotConnected(Outcome.CONNECTION_REFUSED, f"nothing listens on port {there[1]}")
    if any(port == there[1] and ip_address(ip).is_unspecified for ip, port in own_listeners):
        raise NotConnected(Outcome.ADDRESS_REFUSED, own_listener_sentence(there[0], there[1]))


async def dial(
    addresses: Sequence[ResolvedAddress], port: int, make_protocol: MakeProtocol
) -> asyncio.Transport:
    """Return a transport connected to one of the addresses: the first that answers.

    Each gets a head start before the next is tried beside it. The caller sets the time limit.
    Raises: NotConnected.
    """
    if len(addresses) == 1:
        return await _connect(addresses[0], port, make_protocol)
    racers: set[_Racer] = set()
    try:
        return await _race(list(_interleaved(addresses)), port, make_protocol, racers)
    finally:
        await _withdraw(racers)


async def _race(
    addresses: list[ResolvedAddress], port: int, make_protocol: MakeProtocol, racers: set[_Racer]
) -> asyncio.Transport:
    failures: list[NotConnected] = []
    while addresses or racers:
        if addresses:
            racers.add(asyncio.create_task(_connect(addresses.pop(0), port, make_protocol)))
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


async def _withdraw(racers: set[_Racer]) -> None:
    """End the attempts that are no longer needed, with their sockets."""
    for racer in racers:
        racer.cancel()
    for ended in await asyncio.gather(*racers, return_exceptions=True):
        if not isinstance(ended, BaseException):
            ended.abort()


def _how_telling(failure: NotConnected) -> bool:
    """Machines without IPv6 find every IPv6 address unreachable: that is the least telling."""
    return failure.outcome is Outcome.UNREACHABLE


def _interleaved(addresses: Sequence[ResolvedAddress]) -> Iterator[ResolvedAddress]:
    """Yield the addresses with the families alternating. Source: RFC 8305, 4."""
    first = [address for address in addresses if address.family == addresses[0].family]
    second = [address for address in addresses if address.family != addresses[0].family]
    return (one for one in chain.from_iterable(zip_longest(first, second)) if one is not None)


async def _connect(
    address: ResolvedAddress, port: int, make_protocol: MakeProtocol
) -> asyncio.Transport:
    """Connect to one address. It is a literal, so nothing is looked up again."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(make_protocol, address.ip, port)
    except OSError as error:
        number = error.errno or 0
        outcome = _OUTCOMES.get(number, Outcome.UNREACHABLE)
        cause = os.strerror(number) if number else str(error)
        raise NotConnected(outcome, f"{address.ip} port {port}: {cause}") from None
    return transport
