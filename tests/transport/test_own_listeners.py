"""Tocsin never calls itself, whatever the networks."""

import socket

import pytest
from tests.transport.servers import LOOPBACK, Conversation, own_address, receiving, sending

from tocsin.domain.network import AddressReason, Networks, decide_reach
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook_address import WebhookAddressRefused, check_url_and_address
from tocsin.transport.dial import allowed_addresses, judge_addresses
from tocsin.transport.exchange import NotConnected
from tocsin.transport.resolve import ResolvedAddress

PORT = 8080


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:7f00:1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.9.9.9"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
        ("::", "::ffff:127.0.0.1"),
        ("192.168.1.5", "64:ff9b::c0a8:105"),
        ("fd00::5", "fd00::5%eth0"),
        ("fe80::5%eth0", "fe80::5%eth1"),
    ],
)
def test_no_list_of_networks_opens_our_own_port(own: str, given: str) -> None:
    """Another port of the same address is a receiver like any other."""
    networks = Networks.parse("public,private,loopback,fe80::/10").apart_from((own, PORT))
    refused = decide_reach(given, PORT, networks)
    assert refused.reason is AddressReason.OWN_LISTENER
    assert f"{given} port {PORT} is Tocsin itself" in refused.sentence
    assert decide_reach(given, PORT + 1, networks).is_allowed


def test_an_address_that_may_not_be_reached_is_no_listener() -> None:
    """The refusal that can be mended comes first, and what is no address is no listener."""
    networks = Networks.parse("public").apart_from(("127.0.0.1", PORT))
    assert decide_reach("127.0.0.1", PORT, networks).reason is AddressReason.NAME_NOT_LISTED
    assert decide_reach("localhost", PORT, networks).reason is AddressReason.NOT_AN_ADDRESS


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "localhost", "[::ffff:7f00:1]"])
def test_a_webhook_that_leads_to_us_cannot_be_saved(host: str) -> None:
    """Where the address is known before it is called."""
    networks = LOOPBACK.apart_from(("0.0.0.0", PORT))
    with pytest.raises(WebhookAddressRefused, match="Tocsin itself") as refusal:
        check_url_and_address(f"http://{host}:{PORT}/hook", networks)
    assert refusal.value.fields["reason"] == "own_listener"
    check_url_and_address(f"http://{host}:{PORT + 1}/hook", networks)


@pytest.mark.parametrize("own", ["127.0.0.1", "0.0.0.0", "::"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "::ffff:127.0.0.1"])
async def test_tocsin_never_calls_itself(own: str, host: str) -> None:
    """A webhook that leads to our own port would page in a circle, however it is spelled."""
    async with receiving(Conversation.answer_all) as receiver:
        async with sending(networks=LOOPBACK.apart_from((own, receiver.port))) as sender:
            answer = await sender.send(receiver.exchange(host=host))
        assert receiver.accepted == 0
    assert answer.outcome is Outcome.ADDRESS_REFUSED
    assert "Tocsin itself" in answer.detail


async def test_a_neighbour_on_another_port_or_address_is_not_tocsin() -> None:
    """Only the very listeners are refused."""
    async with receiving(Conversation.answer_all) as receiver:
        own = [("127.0.0.1", receiver.port + 1), ("127.0.0.3", receiver.port)]
        async with sending(networks=LOOPBACK.apart_from(*own)) as sender:
            answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.DELIVERED


async def test_a_listener_on_every_address_is_known_by_any_of_them() -> None:
    """Our own address in any network is found out before it is connected to."""
    ours = ResolvedAddress(socket.AF_INET, own_address())
    networks = Networks.parse(f"public,private,loopback,{ours.ip}").apart_from(("0.0.0.0", PORT))
    with pytest.raises(NotConnected, match="Tocsin itself"):
        allowed_addresses(judge_addresses([ours], PORT, networks))
    assert allowed_addresses(judge_addresses([ours], PORT + 1, networks)) == [ours]
    elsewhere = ResolvedAddress(socket.AF_INET, "8.8.8.8")
    nowhere = ResolvedAddress(socket.AF_INET6, "2606:4700::1111")
    judged = judge_addresses([ours, elsewhere, nowhere], PORT, networks)
    assert allowed_addresses(judged) == [elsewhere, nowhere]


async def test_tocsin_never_calls_itself_by_its_address_in_a_network() -> None:
    """A listener on every address has more of them than could be listed."""
    host = own_address()
    networks = Networks.parse(f"public,private,loopback,{host}")
    async with receiving(Conversation.until_closed, host="0.0.0.0") as receiver:
        own = ("0.0.0.0", receiver.port)
        async with sending(networks=networks.apart_from(own)) as sender:
            answer = await sender.send(receiver.exchange(host=host))
    assert answer.outcome is Outcome.ADDRESS_REFUSED
    assert "Tocsin itself" in answer.detail
    assert not answer.wrote_first_byte
