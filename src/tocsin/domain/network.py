"""Which addresses webhooks may reach, why, and what to do about a refusal."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import ClassVar, Self

from tocsin.domain.special_addresses import Address, AddressKind, Network, block_of, embedded
from tocsin.errors import TocsinError

SETTING = "TOCSIN_WEBHOOK_NETWORKS"

Listener = tuple[str, int]
"""An address and port on which this very process listens."""


class AddressReason(StrEnum):
    """Why an address may, or may not, be reached."""

    COVERED_BY_NAME = "covered_by_name"
    COVERED_BY_RANGE = "covered_by_range"
    NAME_NOT_LISTED = "name_not_listed"
    ONLY_BY_RANGE = "only_by_range"  # no name covers its kind, and no range does
    NEVER = "never"
    NOT_AN_ADDRESS = "not_an_address"
    OWN_LISTENER = "own_listener"  # Tocsin itself would answer


_NAMED = (AddressKind.PUBLIC, AddressKind.PRIVATE, AddressKind.LOOPBACK)
_NEVER = frozenset({AddressKind.UNSPECIFIED, AddressKind.MULTICAST, AddressKind.BROADCAST})
_DESCRIPTIONS = {
    AddressKind.PUBLIC: "a public address",
    AddressKind.PRIVATE: "a private address",
    AddressKind.LOOPBACK: "a loopback address",
    AddressKind.LINK_LOCAL: "a link-local address",
    AddressKind.METADATA: "an address at which a cloud hands out credentials",
    AddressKind.RESERVED: "a reserved address",
    AddressKind.UNSPECIFIED: "the unspecified address",
    AddressKind.MULTICAST: "a multicast address",
    AddressKind.BROADCAST: "the broadcast address",
}


class InvalidNetworks(TocsinError):
    """The list of networks that webhooks may reach cannot be read."""

    code: ClassVar[str] = "invalid_networks"


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks that webhooks may reach, by name and by range; but Tocsin itself never."""

    names: tuple[AddressKind, ...]
    ranges: tuple[Network, ...]
    own_listeners: tuple[Listener, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the networks that a list such as `public,private,10.1.0.0/16` names.

        Raises: InvalidNetworks.
        """
        names: dict[AddressKind, None] = {}
        ranges: dict[Network, None] = {}
        for entry in (part.strip() for part in text.split(",")):
            if entry in _NAMED:
                names[AddressKind(entry)] = None
            else:
                ranges[_parse_range(entry)] = None
        return cls(tuple(names), tuple(ranges))

    def apart_from(self, *own_listeners: Listener) -> Self:
        """Return these networks without the addresses and ports on which this process serves."""
        return replace(self, own_listeners=own_listeners)

    def with_entry(self, entry: str) -> str:
        """Return the line of configuration that covers `entry` too."""
        return f"{SETTING}={','.join([*self.names, *map(str, self.ranges), entry])}"


def _parse_range(entry: str) -> Network:
    try:
        found = ip_network(entry)
    except ValueError:
        raise _invalid(entry, _hint(entry)) from None
    if "%" in entry:
        raise _invalid(entry, "; leave out the % and what follows: a range has no interface")
    block, kind = block_of(found.network_address)
    if kind is AddressKind.TRANSLATED and _lies_within(found, block):
        raise _invalid(entry, f"; addresses in {block} stand for IPv4 addresses: list those")
    return found


def _invalid(entry: str, hint: str) -> InvalidNetworks:
    return InvalidNetworks(
        f"{SETTING} cannot contain {entry!r}: list the names public, private and loopback, "
        f"or ranges such as 10.1.0.0/16, separated by commas{hint}",
        entry=entry,
    )


def _hint(entry: str) -> str:
    try:
        return f"; write {ip_network(entry, strict=False)}"
    except ValueError:
        return ""


DEFAULT_NETWORKS = Networks.parse("public,private")
"""Self-hosted receivers live in private networks."""


@dataclass(frozen=True, slots=True)
class AddressDecision:
    """Whether webhooks may reach an address, why, and what to do about it."""

    is_allowed: bool
    reason: AddressReason
    sentence: str


@lru_cache(maxsize=4096)
def decide_address(address: str, networks: Networks) -> AddressDecision:
    """Decide about an address as text, as a resolver gives it; a scope (`%eth0`) is of no account.

    An address that stands for others, such as 64:ff9b::7f00:1 for 127.0.0.1, is allowed only if
    they all are, and so must be its own kind.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return AddressDecision(
            is_allowed=False,
            reason=AddressReason.NOT_AN_ADDRESS,
            sentence=f"{address!r} is not an IP address",
        )
    decisions = [_decide(parsed, one, networks) for one in (*embedded(parsed), parsed)]
    refusals = (decision for decision in decisions if not decision.is_allowed)
    return next(refusals, decisions[0])


def decide_reach(address: str, port: int, networks: Networks) -> AddressDecision:
    """Decide about an address and a port: as `decide_address`, and Tocsin's own are never reached."""
    decision = decide_address(address, networks)
    if not decision.is_allowed or not _is_own(address, port, networks.own_listeners):
        return decision
    return AddressDecision(
        is_allowed=False,
        reason=AddressReason.OWN_LISTENER,
        sentence=own_listener_sentence(address, port),
    )


def own_listener_sentence(address: str, port: int) -> str:
    """Return what to do about a webhook that leads to Tocsin itself."""
    return f"{address} port {port} is Tocsin itself; give the webhook the URL of its receiver"


def _is_own(address: str, port: int, own_listeners: tuple[Listener, ...]) -> bool:
    own = [_meanings(host) for host, own_port in own_listeners if own_port == port]
    if not own:
        return False
    given = _meanings(address)
    is_loopback = any(block_of(one)[1] is AddressKind.LOOPBACK for one in given)
    return any(
        given & each or (is_loopback and any(one.is_unspecified for one in each)) for each in own
    )


def _meanings(address: str) -> frozenset[Address]:
    """Return an address, without its scope, and those that it stands for."""
    parsed = ip_address(address.partition("%")[0])
    return frozenset((parsed, *embedded(parsed)))


def _decide(whole: Address, part: Address, networks: Networks) -> AddressDecision:
    block, kind = block_of(part)
    if kind is AddressKind.TRANSLATED:
        return AddressDecision(
            is_allowed=True,
            reason=AddressReason.COVERED_BY_NAME,
            sentence=f"{whole} may be reached",
        )
    reason = _reason(part, block, kind, networks)
    is_allowed = reason in (AddressReason.COVERED_BY_NAME, AddressReason.COVERED_BY_RANGE)
    what = f"{whole} is" if part == whole else f"{whole} stands for {part},"
    advice = "which webhooks may reach" if is_allowed else _advice(reason, kind, part, networks)
    return AddressDecision(is_allowed, reason, f"{what} {_DESCRIPTIONS[kind]}, {advice}")


def _reason(
    address: Address, block: Network, kind: AddressKind, networks: Networks
) -> AddressReason:
    if kind in _NEVER:
        return AddressReason.NEVER
    if kind in networks.names:
        return AddressReason.COVERED_BY_NAME
    is_named = kind in _NAMED
    for allowed in networks.ranges:
        # Whoever writes 0.0.0.0/0 does not think of cloud credentials: such a block is covered
        # only by a range that lies within it.
        if address in allowed and (is_named or _lies_within(allowed, block)):
            return AddressReason.COVERED_BY_RANGE
    return AddressReason.NAME_NOT_LISTED if is_named else AddressReason.ONLY_BY_RANGE


def _lies_within(inner: Network, outer: Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _advice(reason: AddressReason, kind: AddressKind, address: Address, networks: Networks) -> str:
    if reason is AddressReason.NEVER:
        return "where no receiver can be; correct the webhook's URL or its host's DNS record"
    if reason is AddressReason.NAME_NOT_LISTED:
        return f"which webhooks may not reach; to allow it, set {networks.with_entry(kind)}"
    return (
        "which no name covers; only if a receiver really lives there, "
        f"set {networks.with_entry(str(ip_network(address)))}"
    )
