"""Which addresses webhooks may reach, in every disguise."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.network import (
    DEFAULT_NETWORKS,
    AddressReason,
    InvalidNetworks,
    Networks,
    decide_address,
)

EVERYTHING_NAMED = Networks.parse("public,private,loopback")
EVERY_RANGE = Networks.parse("0.0.0.0/0,::/0")


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "192.0.1.1", "11.0.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::5"],
)
def test_public_addresses_are_reached_by_default(address: str) -> None:
    """The network that everybody shares is open."""
    decision = decide_address(address, DEFAULT_NETWORKS)
    assert (decision.is_allowed, decision.reason) == (True, AddressReason.COVERED_BY_NAME)
    assert not decide_address(address, Networks.parse("private")).is_allowed


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.9", "100.64.0.1", "fd12:3456::1"],
)
def test_private_addresses_are_reached_by_default(address: str) -> None:
    """Self-hosted receivers live there; an operator who wants it otherwise leaves the name out."""
    assert decide_address(address, DEFAULT_NETWORKS).is_allowed
    refused = decide_address(address, Networks.parse("public"))
    assert refused.reason is AddressReason.NAME_NOT_LISTED
    assert refused.sentence == (
        f"{address} is a private address, which webhooks may not reach; to allow it, set "
        "TOCSIN_WEBHOOK_NETWORKS=public,private"
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.255.254", "::1"])
def test_loopback_is_reached_only_by_name(address: str) -> None:
    """This machine's own services are closed by default, and the refusal names the line to add."""
    refused = decide_address(address, DEFAULT_NETWORKS)
    assert refused.reason is AddressReason.NAME_NOT_LISTED
    assert "TOCSIN_WEBHOOK_NETWORKS=public,private,loopback" in refused.sentence
    assert decide_address(address, EVERYTHING_NAMED).is_allowed


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "fec0::1",
        "0.1.2.3",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "240.0.0.1",
        "255.255.255.254",
        "100::1",
        "2001:db8::1",
        "2001:2::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "64:ff9b:1::808:808",
        "::808:808",
        "::ffff:0:808:808",
    ],
)
def test_special_addresses_are_covered_by_no_name_and_no_wide_range(address: str) -> None:
    """Cloud credentials, neighbours on the cable and unassigned space have to be meant."""
    for networks in (EVERYTHING_NAMED, Networks.parse("0.0.0.0/0,2000::/3,fc00::/7")):
        refused = decide_address(address, networks)
        assert refused.reason is AddressReason.ONLY_BY_RANGE
        assert "which no name covers" in refused.sentence


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "198.51.100.7"])
def test_a_special_address_can_be_listed_itself(address: str) -> None:
    """Whoever follows the refusal's own advice gets what they asked for, and nothing beside it."""
    advice = decide_address(address, DEFAULT_NETWORKS).sentence
    line = advice.rpartition("TOCSIN_WEBHOOK_NETWORKS=")[2]
    networks = Networks.parse(line)
    assert decide_address(address, networks).reason is AddressReason.COVERED_BY_RANGE
    neighbour = str(ip_address(address) + 1)
    assert not decide_address(neighbour, networks).is_allowed


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
def test_where_no_receiver_can_be_is_never_reached(address: str) -> None:
    """No name and no range covers these."""
    itself = Networks.parse(f"public,private,loopback,{address}")
    for networks in (EVERYTHING_NAMED, EVERY_RANGE, itself):
        assert decide_address(address, networks).reason is AddressReason.NEVER


DISGUISES = {
    "mapped": "::ffff:{low}",
    "nat64": "64:ff9b::{low}",
    "6to4": "2002:{low}::1",
    "teredo server": "2001:0:{low}::f7f7:f7f7",
    "teredo client": "2001:0:808:808:0:0:{inverted}",
    "isatap": "2606:4700::5efe:{low}",
    "isatap, universal": "2606:4700::200:5efe:{low}",
}


def disguised(address: str, form: str) -> str:
    bits = int(IPv4Address(address))
    low = f"{bits >> 16:x}:{bits & 0xFFFF:x}"
    inverted = f"{~bits >> 16 & 0xFFFF:x}:{~bits & 0xFFFF:x}"
    return form.format(low=low, inverted=inverted)


@pytest.mark.parametrize("form", DISGUISES.values(), ids=DISGUISES)
def test_an_address_inside_another_is_judged_too(form: str) -> None:
    """An IPv6 spelling of an IPv4 address opens nothing that the IPv4 address does not."""
    for address in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "192.0.2.1"):
        whole = disguised(address, form)
        refused = decide_address(whole, DEFAULT_NETWORKS)
        assert not refused.is_allowed
        assert refused.reason is decide_address(address, DEFAULT_NETWORKS).reason
        assert f"stands for {address}" in refused.sentence
    for address in ("8.8.8.8", "10.1.2.3"):
        assert decide_address(disguised(address, form), DEFAULT_NETWORKS).is_allowed


def test_a_local_nat64_prefix_needs_its_own_range_and_an_allowed_address() -> None:
    """64:ff9b:1::/48 belongs to the operator, who has to say so; what it leads to is judged too."""
    networks = Networks.parse("public,64:ff9b:1::/96")
    assert decide_address("64:ff9b:1::808:808", networks).is_allowed
    assert not decide_address("64:ff9b:1::a01:203", networks).is_allowed
    assert not decide_address("64:ff9b:1::808:808", DEFAULT_NETWORKS).is_allowed


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1", "::g"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Names and odd spellings have to be resolved first."""
    assert decide_address(text, EVERY_RANGE).reason is AddressReason.NOT_AN_ADDRESS


def test_a_range_covers_what_lies_in_it() -> None:
    """Without names, only the ranges are open, to their last address."""
    networks = Networks.parse("10.1.0.0/16, 127.0.0.1")
    assert decide_address("10.1.255.255", networks).reason is AddressReason.COVERED_BY_RANGE
    assert decide_address("127.0.0.1", networks).is_allowed
    for address in ("10.2.0.0", "127.0.0.2", "8.8.8.8", "fd00::1"):
        assert not decide_address(address, networks).is_allowed


def test_the_advice_keeps_what_is_already_set() -> None:
    """The line to add can be pasted: it has all entries of the present one."""
    networks = Networks.parse("private,10.1.0.0/16,fd00::/8")
    sentence = decide_address("127.0.0.1", networks).sentence
    assert sentence.endswith("set TOCSIN_WEBHOOK_NETWORKS=private,10.1.0.0/16,fd00::/8,loopback")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "separated by commas"),
        ("public,,private", "''"),
        ("everything", "'everything'"),
        ("link_local", "'link_local'"),
        ("10.1.2.3/8", "write 10.0.0.0/8"),
        ("10.0.0.0/33", "'10.0.0.0/33'"),
        ("\uff11\uff10.0.0.0/8", "separated by commas"),
        ("fe80::%eth0/10", "leave out the %"),
        ("::ffff:10.0.0.0/104", "addresses in ::ffff:0:0/96 stand for IPv4 addresses: list those"),
        ("64:ff9b::/96", "addresses in 64:ff9b::/96 stand for IPv4 addresses"),
        ("2002:a00::/24", "addresses in 2002::/16 stand for IPv4 addresses"),
    ],
)
def test_a_mistaken_list_is_refused_with_the_entry(text: str, hint: str) -> None:
    """The refusal shows which entry is meant and how to write it."""
    with pytest.raises(InvalidNetworks) as refusal:
        Networks.parse(text)
    assert hint in refusal.value.message


def test_a_list_is_read_as_it_is_meant() -> None:
    """Spaces and repetition change nothing; a range may hold what stands for other addresses."""
    assert [str(each) for each in Networks.parse("2001::/16,::/0").ranges] == ["2001::/16", "::/0"]
    assert Networks.parse(" public , private,public") == DEFAULT_NETWORKS


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_an_ipv4_address_and_its_mapped_form_are_judged_alike(bits: int) -> None:
    """A socket of either family connects to the same place."""
    address = IPv4Address(bits)
    mapped = decide_address(f"::ffff:{address}", DEFAULT_NETWORKS)
    plain = decide_address(str(address), DEFAULT_NETWORKS)
    assert (mapped.is_allowed, mapped.reason) == (plain.is_allowed, plain.reason)


@given(st.ip_addresses() | st.ip_addresses(v=6))
def test_what_python_calls_special_is_never_taken_for_public(
    address: IPv4Address | IPv6Address,
) -> None:
    """A second opinion: whatever is itself public here is global to the standard library too."""
    decision = decide_address(str(address), Networks.parse("public"))
    if decision.is_allowed and "stands for" not in decision.sentence:
        assert address.is_global
