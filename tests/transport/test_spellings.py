"""This machine, spelled in every way: refused when a webhook is saved, and at each attempt."""

import pytest
from tests.transport.directory import Directory
from tests.transport.servers import Conversation, receiving, sending

from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook_address import WebhookAddressRefused, check_url_and_address
from tocsin.domain.webhook_url import InvalidWebhookUrl
from tocsin.transport.resolve import Resolver

IPV4 = {
    "plain": "127.0.0.1",
    "another": "127.255.255.254",
    "decimal": "2130706433",
    "hexadecimal": "0x7f000001",
    "octal": "017700000001",
    "short": "127.1",
    "three parts": "127.0.1",
    "hexadecimal parts": "0x7F.0x0.0x0.0x1",
    "octal parts": "0177.0.0.01",
    "mixed parts": "0x7f.0.01",
    "many zeros": "00000000177.1",
    "unspecified": "0.0.0.0",
    "zero": "0",
}
IPV6 = {
    "plain": "::1",
    "long": "0:0:0:0:0:0:0:1",
    "longer": "0000:0000:0000:0000:0000:0000:0000:0001",
    "unspecified": "::",
    "mapped": "::ffff:127.0.0.1",
    "mapped, hexadecimal": "::FFFF:7f00:1",
    "mapped, long": "0:0:0:0:0:ffff:127.0.0.1",
    "mapped, unspecified": "::ffff:0.0.0.0",
    "compatible": "::127.0.0.1",
    "translated": "::ffff:0:127.0.0.1",
    "nat64": "64:ff9b::127.0.0.1",
    "local nat64": "64:ff9b:1::127.0.0.1",
    "6to4": "2002:7f00:1::",
    "teredo": "2001:0:808:808::80ff:fffe",
    "isatap": "fd00::5efe:127.0.0.1",
}
NAMES = ["localhost", "LocalHost", "localhost.", "app.localhost", "a.b.LOCALHOST."]
NO_URL = {
    "scope": "[::1%1]",
    "encoded scope": "[fe80::1%25eth0]",
    "no brackets": "::1",
    "full-width digits": "\uff11\uff12\uff17.0.0.1",
    "circled digits": "①②⑦.0.0.1",
    "ideographic full stops": "127。0。0。1",
    "other digits": "١٢٧.0.0.1",
    "percent-encoded": "%31%32%37.0.0.1",
    "user": "user@127.0.0.1",
    "backslash": "example.com\\@127.0.0.1",
    "brackets": "[127.0.0.1]",
    "leading zero in brackets": "[::ffff:127.0.0.01]",
    "space": "127.0.0.1 x",
    "tab": "127.0.0.1\t",
}


@pytest.mark.parametrize(
    "host",
    [*IPV4.values(), *(f"{spelling}." for spelling in IPV4.values()), *NAMES]
    + [f"[{spelling}]" for spelling in IPV6.values()],
)
def test_no_spelling_of_this_machine_can_be_saved(host: str) -> None:
    """Trailing dots and capitals included."""
    with pytest.raises(WebhookAddressRefused):
        check_url_and_address(f"https://{host}/hook", DEFAULT_NETWORKS)


@pytest.mark.parametrize("listed", ["loopback", "127.0.0.1", "::1"])
def test_localhost_can_be_saved_where_either_of_its_addresses_may_be_reached(listed: str) -> None:
    """Which of them is connected to is decided at each attempt."""
    check_url_and_address("http://localhost/hook", Networks.parse(listed))


@pytest.mark.parametrize("host", NO_URL.values(), ids=NO_URL)
def test_what_only_some_would_read_as_an_address_is_no_url(host: str) -> None:
    """Nothing is mended, so that nobody reads it another way."""
    with pytest.raises(InvalidWebhookUrl):
        check_url_and_address(f"https://{host}/hook", DEFAULT_NETWORKS)


@pytest.mark.parametrize(
    "host",
    [*IPV4.values(), *(f"{spelling}." for spelling in IPV4.values()), *NAMES, *IPV6.values()]
    + [host.strip("[]") for host in NO_URL.values()],
)
async def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    """By a sender that is given it all the same, and a resolver that takes everything for here."""
    resolver = Resolver(Directory(("127.0.0.1",)))
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(networks=DEFAULT_NETWORKS, resolver=resolver) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=host))
        assert receiver.accepted == 0
    assert answer.outcome is Outcome.ADDRESS_REFUSED
    assert not answer.wrote_first_byte
    assert answer.address == ""


@pytest.mark.parametrize("host", ["localhost.example", "notlocalhost", "127.0.0.1.example", "0x7g"])
def test_a_name_that_only_looks_like_it_can_be_saved(host: str) -> None:
    """It is judged when it is resolved."""
    check_url_and_address(f"https://{host}/hook", DEFAULT_NETWORKS)
