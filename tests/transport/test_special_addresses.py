"""The table of what addresses are for, against the registries, and against every disguise."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.network import Networks, decide_address
from tocsin.domain.special_addresses import TABLE_DATE, AddressKind, block_of, embedded

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"

# Every row of the IANA IPv4 and IPv6 Special-Purpose Address Registries as of TABLE_DATE.
REGISTRY_4 = [
    "0.0.0.0/8",
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.9/32",
    "192.0.0.10/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.88.99.2/32",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
]
REGISTRY_6 = [
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:2::/48",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:30::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
]
# What no registry of special purposes lists, and is no public address either.
NOT_PUBLIC = ["224.0.0.0/4", "ff00::/8", "fec0::/10", "::/96", "::ffff:0:0:0/96", "4000::/2"]

METADATA = [
    *["169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "169.254.0.23"],
    *["168.63.129.16", "100.100.100.200", "100.96.0.96", "100.80.80.80", "192.0.0.192"],
    *["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"],
    *["fd00:a9fe:a9fe::1", "fd00:100::100:200", "fe80::a9fe:a9fe"],
]


def within(network: IPv4Network | IPv6Network) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    return st.integers(0, network.num_addresses - 1).map(lambda offset: network[offset])


@pytest.mark.parametrize("block", [*REGISTRY_4, *REGISTRY_6, *NOT_PUBLIC])
@given(data=st.data())
def test_no_special_block_is_public(block: str, data: st.DataObject) -> None:
    """From its first address to its last; some are private or loopback, most covered by no name."""
    network = ip_network(block)
    for address in (network[0], network[-1], data.draw(within(network))):
        assert block_of(address)[1] is not AddressKind.PUBLIC


@given(address=st.ip_addresses())
@example(IPv4Address("1.0.0.0"))
@example(IPv4Address("223.255.255.255"))
@example(IPv6Address("2003::"))
@example(IPv6Address("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
@example(IPv6Address("2620:4f:8001::"))
def test_everything_else_is_public(address: IPv4Address | IPv6Address) -> None:
    """No receiver is shut out by a block that is wider than it should be."""
    special = (address in ip_network(block) for block in (*REGISTRY_4, *REGISTRY_6, *NOT_PUBLIC))
    is_unicast = address.version == 4 or address in ip_network("2000::/3")
    if is_unicast and not any(special):
        assert block_of(address)[1] in (AddressKind.PUBLIC, AddressKind.METADATA)


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        *((block, AddressKind.PRIVATE) for block in ("10.0.0.0/8", "172.16.0.0/12")),
        *((block, AddressKind.PRIVATE) for block in ("192.168.0.0/16", "100.64.0.0/10")),
        ("fc00::/7", AddressKind.PRIVATE),
        ("127.0.0.0/8", AddressKind.LOOPBACK),
        ("::1/128", AddressKind.LOOPBACK),
        ("169.254.0.0/16", AddressKind.LINK_LOCAL),
        ("fe80::/10", AddressKind.LINK_LOCAL),
    ],
)
def test_the_named_networks_end_where_they_end(block: str, kind: AddressKind) -> None:
    """First and last are in, their neighbours are not."""
    network = ip_network(block)
    assert {block_of(network[0])[1], block_of(network[-1])[1]} == {kind}
    assert block_of(network[0] - 1)[1] is not kind
    assert block_of(network[-1] + 1)[1] is not kind


@pytest.mark.parametrize("address", METADATA)
def test_where_clouds_hand_out_credentials_has_to_be_meant(address: str) -> None:
    """No name and no range around it covers such an address; only one that was made for it."""
    assert block_of(ip_address(address))[1] is AddressKind.METADATA
    around = "0.0.0.0/0,169.254.0.0/16,192.0.0.0/24,::/0,fd00::/8,fe80::/10"
    for text in ("public,private,loopback", around):
        assert not decide_address(address, Networks.parse(text)).is_allowed
    assert decide_address(address, Networks.parse(address)).is_allowed


def test_the_date_of_the_table_is_documented() -> None:
    """Whoever reads the setting knows which registries were followed."""
    assert f"as of {TABLE_DATE}" in SETTINGS_PAGE.read_text()


# Disguises

Form = Callable[[int, int], int]


def at(place: int, network: str) -> Form:
    """Return the form that has the IPv4 address at bit `place` of a network, filled with `noise`."""
    prefix = IPv6Network(network)

    def disguise(ipv4: int, noise: int) -> int:
        kept = noise & int(prefix.hostmask) & ~(0xFFFF_FFFF << place)
        return int(prefix.network_address) | kept | ipv4 << place

    return disguise


def local_nat64(length: int) -> Form:
    """Return the form of RFC 6052 with a prefix of `length` bits within 64:ff9b:1::/48."""

    def disguise(ipv4: int, noise: int) -> int:
        known = int(IPv6Address("64:ff9b:1::"))
        if length == 96:
            return known | (noise << 32) & ((1 << 80) - 1) | ipv4
        filling = noise & ((1 << length - 48) - 1)
        before = 64 - length
        high, low = ipv4 >> 32 - before, ipv4 & ((1 << 32 - before) - 1)
        return known | filling << 128 - length | high << 64 | low << 56 - (32 - before)

    return disguise


def isatap(interface: int) -> Form:
    """Return the form whose interface identifier has the IPv4 address, in any public network."""

    def disguise(ipv4: int, noise: int) -> int:
        subnet = 0b001 << 61 | noise & ((1 << 61) - 1)
        return subnet << 64 | interface << 32 | ipv4

    return disguise


def teredo_client(ipv4: int, noise: int) -> int:
    return at(0, "2001::/32")(ipv4 ^ 0xFFFF_FFFF, noise)


FORMS: dict[str, Form] = {
    "compatible": at(0, "::/96"),
    "mapped": at(0, "::ffff:0:0/96"),
    "translated": at(0, "::ffff:0:0:0/96"),
    "nat64": at(0, "64:ff9b::/96"),
    **{f"local nat64 /{length}": local_nat64(length) for length in (48, 56, 64, 96)},
    "6to4": at(80, "2002::/16"),
    "teredo server": at(64, "2001::/32"),
    "teredo client": teredo_client,
    "isatap": isatap(0x0000_5EFE),
    "isatap, universal": isatap(0x0200_5EFE),
    "isatap in 6to4": at(0, "2002:808:808::5efe:0:0/96"),
}
WITHOUT_LOOPBACK = tuple(
    Networks.parse(text)
    for text in ("public", "public,private", "public,::/0", "public,64:ff9b:1::/48,fe80::/10,::/96")
)
LOOPBACK = IPv4Network("127.0.0.0/8")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(
    ipv4=within(LOOPBACK),
    noise=st.integers(0, 2**128 - 1),
    networks=st.sampled_from(WITHOUT_LOOPBACK),
)
def test_loopback_in_any_disguise_is_not_public(
    form: Form, ipv4: IPv4Address, noise: int, networks: Networks
) -> None:
    """Whatever else the address holds, no list without loopback opens this machine."""
    address = IPv6Address(form(int(ipv4), noise))
    assert ipv4 in embedded(address)
    assert not decide_address(str(address), networks).is_allowed


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(ipv4=st.ip_addresses(v=4), noise=st.integers(0, 2**128 - 1))
def test_a_disguise_opens_nothing(form: Form, ipv4: IPv4Address, noise: int) -> None:
    """An address that holds another one is reached only where that one is."""
    address = IPv6Address(form(int(ipv4), noise))
    if int(address) <= 1:
        return  # :: and ::1 stand for themselves
    for networks in (*WITHOUT_LOOPBACK, Networks.parse("loopback,::/0")):
        if decide_address(str(address), networks).is_allowed:
            assert decide_address(str(ipv4), networks).is_allowed


@pytest.mark.parametrize("length", [48, 56, 64, 96])
def test_a_prefix_of_local_use_leads_to_what_is_allowed(length: int) -> None:
    """Whoever lists their own NAT64 prefix reaches public addresses through it."""
    networks = Networks.parse("public,64:ff9b:1::/48")
    for text in ("8.8.4.4", "93.184.215.14"):
        address = IPv6Address(local_nat64(length)(int(IPv4Address(text)), 0))
        assert decide_address(str(address), networks).is_allowed
