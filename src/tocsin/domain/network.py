"""Which addresses a webhook may reach: our own table, because no library's answers this question.

The table follows the IANA special-purpose registries of IPv4 and IPv6 as of 2025-10-09, and adds
what they leave out: the addresses at which clouds hand out credentials. Space that IANA has not
given out for global unicast (all IPv6 outside 2000::/3) is reserved, so that the table fails closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import ClassVar, Self

from tocsin.errors import TocsinError

SETTING = "TOCSIN_WEBHOOK_NETWORKS"
TABLE_DATE = "2025-10-09"

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class AddressKind(StrEnum):
    """What an address is for."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"
    RESERVED = "reserved"
    UNSPECIFIED = "unspecified"
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    TRANSLATED = "translated"  # stands for an IPv4 address, which decides alone


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

# The longest prefix that holds an address decides its kind.
_TABLE: tuple[tuple[str, AddressKind], ...] = (
    ("0.0.0.0/0", AddressKind.PUBLIC),
    ("0.0.0.0/8", AddressKind.RESERVED),  # "this network", RFC 791
    ("0.0.0.0/32", AddressKind.UNSPECIFIED),  # Linux takes it for loopback
    ("10.0.0.0/8", AddressKind.PRIVATE),  # RFC 1918
    ("100.64.0.0/10", AddressKind.PRIVATE),  # shared address space, RFC 6598; overlay networks too
    ("100.100.100.200/32", AddressKind.METADATA),  # Alibaba Cloud
    ("127.0.0.0/8", AddressKind.LOOPBACK),  # RFC 1122
    ("168.63.129.16/32", AddressKind.METADATA),  # Azure, from public space
    ("169.254.0.0/16", AddressKind.LINK_LOCAL),  # RFC 3927
    ("169.254.169.254/32", AddressKind.METADATA),  # most clouds
    ("169.254.170.0/24", AddressKind.METADATA),  # AWS containers
    ("172.16.0.0/12", AddressKind.PRIVATE),  # RFC 1918
    ("192.0.0.0/24", AddressKind.RESERVED),  # IETF protocol assignments, RFC 6890
    ("192.0.0.192/32", AddressKind.METADATA),  # Oracle Cloud
    ("192.0.2.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("192.88.99.0/24", AddressKind.RESERVED),  # 6to4 relays, retired by RFC 7526
    ("192.168.0.0/16", AddressKind.PRIVATE),  # RFC 1918
    ("198.18.0.0/15", AddressKind.RESERVED),  # benchmarking, RFC 2544
    ("198.51.100.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("203.0.113.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("224.0.0.0/4", AddressKind.MULTICAST),  # RFC 5771
    ("240.0.0.0/4", AddressKind.RESERVED),  # RFC 1112
    ("255.255.255.255/32", AddressKind.BROADCAST),  # RFC 8190
    ("::/0", AddressKind.RESERVED),
    ("::/128", AddressKind.UNSPECIFIED),
    ("::1/128", AddressKind.LOOPBACK),
    ("::ffff:0:0/96", AddressKind.TRANSLATED),  # IPv4-mapped, RFC 4291
    ("64:ff9b::/96", AddressKind.TRANSLATED),  # NAT64, RFC 6052
    ("64:ff9b:1::/48", AddressKind.RESERVED),  # NAT64 of local use, RFC 8215
    ("100::/64", AddressKind.RESERVED),  # discard-only, RFC 6666
    ("100:0:0:1::/64", AddressKind.RESERVED),  # dummy prefix, RFC 9780
    ("2000::/3", AddressKind.PUBLIC),
    ("2001::/23", AddressKind.RESERVED),  # IETF protocol assignments, RFC 2928
    ("2001::/32", AddressKind.TRANSLATED),  # Teredo, RFC 4380
    ("2001:db8::/32", AddressKind.RESERVED),  # documentation, RFC 3849
    ("2002::/16", AddressKind.TRANSLATED),  # 6to4, RFC 3056
    ("3fff::/20", AddressKind.RESERVED),  # documentation, RFC 9637
    ("5f00::/16", AddressKind.RESERVED),  # SRv6 segment identifiers, RFC 9602
    ("fc00::/7", AddressKind.PRIVATE),  # unique local, RFC 4193
    ("fd00:42::42/128", AddressKind.METADATA),  # Scaleway
    ("fd00:ec2::/32", AddressKind.METADATA),  # AWS
    ("fd20:ce::254/128", AddressKind.METADATA),  # Google Cloud
    ("fe80::/10", AddressKind.LINK_LOCAL),  # RFC 4291
    ("ff00::/8", AddressKind.MULTICAST),  # RFC 4291
)
_BLOCKS: tuple[tuple[_Network, AddressKind], ...] = tuple(
    sorted(
        ((ip_network(text), kind) for text, kind in _TABLE),
        key=lambda block: block[0].prefixlen,
        reverse=True,
    )
)

_LOW_32_BITS = 0xFFFF_FFFF
_ENDS_IN_IPV4 = tuple(
    IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP_INTERFACES = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214, 6.1


class InvalidNetworks(TocsinError):
    """The list of networks that webhooks may reach cannot be read."""

    code: ClassVar[str] = "invalid_networks"


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks that webhooks may reach, by name and by range."""

    names: tuple[AddressKind, ...]
    ranges: tuple[_Network, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the networks that a list such as `public,private,10.1.0.0/16` names.

        Raises: InvalidNetworks.
        """
        names: dict[AddressKind, None] = {}
        ranges: dict[_Network, None] = {}
        for entry in (part.strip() for part in text.split(",")):
            if entry in _NAMED:
                names[AddressKind(entry)] = None
            else:
                ranges[_parse_range(entry)] = None
        return cls(tuple(names), tuple(ranges))

    def with_entry(self, entry: str) -> str:
        """Return the line of configuration that covers `entry` too."""
        return f"{SETTING}={','.join([*self.names, *map(str, self.ranges), entry])}"


def _parse_range(entry: str) -> _Network:
    try:
        return ip_network(entry)
    except ValueError:
        raise InvalidNetworks(
            f"{SETTING} cannot contain {entry!r}: list the names public, private and loopback, "
            f"or ranges such as 10.1.0.0/16, separated by commas{_hint(entry)}",
            entry=entry,
        ) from None


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
    decisions = [_decide(parsed, one, networks) for one in (*_embedded(parsed), parsed)]
    refusals = (decision for decision in decisions if not decision.is_allowed)
    return next(refusals, decisions[0])


def _decide(whole: _Address, part: _Address, networks: Networks) -> AddressDecision:
    block, kind = _block_of(part)
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


def _block_of(address: _Address) -> tuple[_Network, AddressKind]:
    return next((block, kind) for block, kind in _BLOCKS if address in block)


def _reason(
    address: _Address, block: _Network, kind: AddressKind, networks: Networks
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


def _lies_within(inner: _Network, outer: _Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _advice(reason: AddressReason, kind: AddressKind, address: _Address, networks: Networks) -> str:
    if reason is AddressReason.NEVER:
        return "where no receiver can be; correct the webhook's URL or its host's DNS record"
    if reason is AddressReason.NAME_NOT_LISTED:
        return f"which webhooks may not reach; to allow it, set {networks.with_entry(kind)}"
    return (
        "which no name covers; only if a receiver really lives there, "
        f"set {networks.with_entry(str(ip_network(address)))}"
    )


def _embedded(address: _Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address stands for."""
    if address.version == 4 or int(address) <= 1:  # :: and ::1 are themselves
        return
    bits = int(address)
    if any(address in network for network in _ENDS_IN_IPV4):
        yield IPv4Address(bits & _LOW_32_BITS)
    elif address in _6TO4:
        yield IPv4Address(bits >> 80 & _LOW_32_BITS)
    elif address in _TEREDO:  # its server, and its client in complement
        yield IPv4Address(bits >> 64 & _LOW_32_BITS)
        yield IPv4Address(~bits & _LOW_32_BITS)
    elif bits >> 32 & _LOW_32_BITS in _ISATAP_INTERFACES:
        yield IPv4Address(bits & _LOW_32_BITS)
