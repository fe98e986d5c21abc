"""An address in a URL is judged however it is spelled."""

import socket
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.network import Networks
from tocsin.domain.webhook_address import (
    WebhookAddressRefused,
    check_url_and_address,
    literal_address,
)

PARTS = st.integers(0, 2**32 + 5).flatmap(
    lambda number: st.sampled_from([f"{number}", f"{number:#x}", f"0{number:o}", f"{number % 300}"])
)
SPELLINGS = st.lists(PARTS, min_size=1, max_size=5).map(".".join)


@given(SPELLINGS | st.text("0123456789abcdefxX.", max_size=20))
@example("0x7f.1")
@example("017700000001")
@example("256.1")
@example("1.2.3.256")
def test_every_spelling_that_the_resolver_takes_is_known(host: str) -> None:
    """What the C library would connect to without a name server is what is judged."""
    judged = literal_address(host)  # whatever it is, it does not raise
    try:
        packed = socket.inet_aton(host)
    except OSError:
        return
    assert judged == IPv4Address(packed)


@pytest.mark.parametrize(
    "host", ["a.example", "0x7f.example", "1.2.3.4.5", "1_0", "08.1", "", "..", "1..2"]
)
def test_a_name_is_no_address(host: str) -> None:
    """It is judged when it is resolved."""
    assert literal_address(host) is None


def test_an_address_of_version_6_is_known() -> None:
    """As it stands between the brackets of a URL."""
    assert literal_address("::ffff:127.0.0.1") == ip_address("::ffff:127.0.0.1")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[64:ff9b::7f00:1]", "0177.1."],
)
def test_loopback_is_refused_unless_it_is_allowed(host: str) -> None:
    """With the line to add."""
    url = f"http://{host}:8080/hook"
    with pytest.raises(WebhookAddressRefused, match="TOCSIN_WEBHOOK_NETWORKS=public,private,loop"):
        check_url_and_address(url, Networks.parse("public,private"))
    check_url_and_address(url, Networks.parse("public,private,loopback"))
