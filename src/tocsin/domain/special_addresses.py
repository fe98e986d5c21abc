"""What every address is for: our own table, because no library's answers this question.

The table follows the IANA special-purpose registries of IPv4 and IPv6 as of TABLE_DATE, and adds
what they leave out: the addresses at which clouds hand out credentials. Space that IANA has not
given out for global unicast (all IPv6 outside 2000::/3) is reserved, so that the table fails closed.
"""

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

TABLE_DATE: Final = "2025-10-09"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


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


# The longest prefix that holds an address decides its kind.
_TABLE: Final[tuple[tuple[str, AddressKind], ...]] = (
    ("0.0.0.0/0", AddressKind.PUBLIC),
    ("0.0.0.0/8", AddressKind.RESERVED),  # "this network", RFC 791
    ("0.0.0.0/32", AddressKind.UNSPECIFIED),  # Linux takes it for loopback
    ("10.0.0.0/8", AddressKind.PRIVATE),  # RFC 1918
    ("100.64.0.0/10", AddressKind.PRIVATE),  # shared address space, RFC 6598; overlay networks too
    ("100.80.80.80/32", AddressKind.METADATA),  # UCloud
    ("100.96.0.96/32", AddressKind.METADATA),  # Volcano Engine, BytePlus
    ("100.100.100.200/32", AddressKind.METADATA),  # Alibaba Cloud
    ("127.0.0.0/8", AddressKind.LOOPBACK),  # RFC 1122
    ("168.63.129.16/32", AddressKind.METADATA),  # Azure, from public space
    ("169.254.0.0/16", AddressKind.LINK_LOCAL),  # RFC 3927
    ("169.254.0.23/32", AddressKind.METADATA),  # Tencent Cloud
    ("169.254.42.42/32", AddressKind.METADATA),  # Scaleway
    ("169.254.169.254/32", AddressKind.METADATA),  # most clouds
    ("169.254.170.0/24", AddressKind.METADATA),  # AWS containers
    ("172.16.0.0/12", AddressKind.PRIVATE),  # RFC 1918
    # IETF protocol assignments, RFC 6890. Two of them are globally reachable, and reserved here all
    # the same: 192.0.0.9 (RFC 7723) and 192.0.0.10 (RFC 8155) are whichever router is nearest.
    ("192.0.0.0/24", AddressKind.RESERVED),
    ("192.0.0.192/32", AddressKind.METADATA),  # Oracle Cloud, classic
    ("192.0.2.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("192.31.196.0/24", AddressKind.RESERVED),  # AS112, RFC 7535: DNS servers and nothing else
    ("192.52.193.0/24", AddressKind.RESERVED),  # AMT, RFC 7450: the nearest relay of multicast
    ("192.88.99.0/24", AddressKind.RESERVED),  # 6to4 relays, retired by RFC 7526; 6a44, RFC 6751
    ("192.168.0.0/16", AddressKind.PRIVATE),  # RFC 1918
    ("192.175.48.0/24", AddressKind.RESERVED),  # AS112, RFC 7534
    ("198.18.0.0/15", AddressKind.RESERVED),  # benchmarking, RFC 2544
    ("198.51.100.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("203.0.113.0/24", AddressKind.RESERVED),  # documentation, RFC 5737
    ("224.0.0.0/4", AddressKind.MULTICAST),  # RFC 5771
    ("240.0.0.0/4", AddressKind.RESERVED),  # RFC 1112
    ("255.255.255.255/32", AddressKind.BROADCAST),  # RFC 8190
    # Among these: IPv4-compatible, IPv4-translated (RFC 2765) and site-local (fec0::/10) addresses.
    ("::/0", AddressKind.RESERVED),
    ("::/128", AddressKind.UNSPECIFIED),
    ("::1/128", AddressKind.LOOPBACK),
    ("::ffff:0:0/96", AddressKind.TRANSLATED),  # IPv4-mapped, RFC 4291
    ("64:ff9b::/96", AddressKind.TRANSLATED),  # NAT64, RFC 6052
    ("64:ff9b:1::/48", AddressKind.RESERVED),  # NAT64 of local use, RFC 8215
    ("100::/64", AddressKind.RESERVED),  # discard-only, RFC 6666
    ("100:0:0:1::/64", AddressKind.RESERVED),  # dummy prefix, RFC 9780
    ("2000::/3", AddressKind.PUBLIC),
    # IETF protocol assignments, RFC 2928: anycast to the nearest router, AMT, AS112, benchmarking,
    # ORCHID and drones' identities, of which some are globally reachable and none is a receiver.
    ("2001::/23", AddressKind.RESERVED),
    ("2001::/32", AddressKind.TRANSLATED),  # Teredo, RFC 4380
    ("2001:db8::/32", AddressKind.RESERVED),  # documentation, RFC 3849
    ("2002::/16", AddressKind.TRANSLATED),  # 6to4, RFC 3056
    ("2620:4f:8000::/48", AddressKind.RESERVED),  # AS112, RFC 7534
    ("3fff::/20", AddressKind.RESERVED),  # documentation, RFC 9637
    ("5f00::/16", AddressKind.RESERVED),  # SRv6 segment identifiers, RFC 9602
    ("fc00::/7", AddressKind.PRIVATE),  # unique local, RFC 4193
    ("fd00:42::42/128", AddressKind.METADATA),  # Scaleway
    ("fd00:100::100:200/128", AddressKind.METADATA),  # Alibaba Cloud
    ("fd00:a9fe:a9fe::1/128", AddressKind.METADATA),  # Akamai
    ("fd00:c1::a9fe:a9fe/128", AddressKind.METADATA),  # Oracle Cloud
    ("fd00:ec2::/32", AddressKind.METADATA),  # AWS
    ("fd20:ce::254/128", AddressKind.METADATA),  # Google Cloud
    ("fe80::/10", AddressKind.LINK_LOCAL),  # RFC 4291
    ("fe80::a9fe:a9fe/128", AddressKind.METADATA),  # OpenStack, Akamai
    ("ff00::/8", AddressKind.MULTICAST),  # RFC 4291
)
_BLOCKS: Final[tuple[tuple[Network, AddressKind], ...]] = tuple(
    sorted(
        ((ip_network(text), kind) for text, kind in _TABLE),
        key=lambda block: block[0].prefixlen,
        reverse=True,
    )
)

_LOW_32_BITS: Final = 0xFFFF_FFFF
_ENDS_IN_IPV4: Final = tuple(
    IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_6TO4: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP_INTERFACES: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214, 6.1


def block_of(address: Address) -> tuple[Network, AddressKind]:
    """Return the block of the table that decides about an address, and its kind."""
    return next((block, kind) for block, kind in _BLOCKS if address in block)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address stands for, in any of the known ways."""
    if address.version == 4 or int(address) <= 1:  # :: and ::1 are themselves
        return
    bits = int(address)
    if any(address in network for network in _ENDS_IN_IPV4):
        yield IPv4Address(bits & _LOW_32_BITS)
    elif address in _LOCAL_NAT64:
        yield from _nat64_forms(bits)
    elif address in _6TO4:
        yield IPv4Address(bits >> 80 & _LOW_32_BITS)
    elif address in _TEREDO:  # its server, and its client in complement
        yield IPv4Address(bits >> 64 & _LOW_32_BITS)
        yield IPv4Address(~bits & _LOW_32_BITS)
    if bits >> 32 & _LOW_32_BITS in _ISATAP_INTERFACES:
        yield IPv4Address(bits & _LOW_32_BITS)


def _nat64_forms(bits: int) -> Iterator[IPv4Address]:
    """Yield what an address may stand for, as a prefix of local use may have 48, 56, 64 or 96 bits.

    The shorter ones have the IPv4 address around bits 64 to 71, which are skipped, and zeros after
    it. Source: RFC 6052, 2.2.
    """
    if bits & _LOW_32_BITS:
        yield IPv4Address(bits & _LOW_32_BITS)
    for length in (48, 56, 64):
        before = 64 - length  # so many of the 32 bits stand before those that are skipped
        after = 32 - before
        zeros = 56 - after
        if bits & ((1 << zeros) - 1) == 0:
            high = bits >> 64 & ((1 << before) - 1)
            low = bits >> zeros & ((1 << after) - 1)
            yield IPv4Address(high << after | low)
