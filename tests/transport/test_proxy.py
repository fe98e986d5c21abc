"""Through a forward proxy: addresses are still ours to choose, and its failures are told apart."""

import asyncio
import socket
import ssl

import pytest
import trustme
from tests.transport.directory import NAME, Directory, address
from tests.transport.forwarding import forwarding
from tests.transport.ordeal import (
    Script,
    drip,
    pour,
    reset,
    saying,
    undergo,
    until_closed,
)
from tests.transport.servers import (
    BODY,
    HEAD,
    OK,
    Conversation,
    descriptors_used_up,
    free_port,
    full_backlog,
    own_address,
    plain,
    receiving,
    sending,
    to,
)

from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy
from tocsin.secret import Secret
from tocsin.transport.exchange import Route
from tocsin.transport.resolve import Resolver
from tocsin.transport.tunnel import ANSWER_CAP, open_tunnel

CA = trustme.CA()
TRUSTED = CA.cert_pem.bytes().decode()


def serving(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(*names).configure_cert(context)
    return context


async def test_a_webhook_goes_through_a_tunnel() -> None:
    """The proxy is asked for the address that was checked; the receiver gets just the request."""
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy, resolver=Resolver(Directory(("127.0.0.1",)))) as sender,
    ):
        answers = [await sender.send(receiver.exchange(host=NAME)) for _ in range(3)]
    target = f"127.0.0.1:{receiver.port}"
    assert way.heads == [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"]
    assert receiver.requests == [HEAD + BODY] * 3
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 3
    assert [answer.is_reused for answer in answers] == [False, True, True]
    assert answers[0].address == "127.0.0.1"
    assert answers[0].connect_us > 0


async def test_https_is_verified_through_the_tunnel() -> None:
    """SNI and certificate are the receiver's; the proxy sees an address and ciphertext."""
    names: list[str | None] = []
    tls = serving("localhost")
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    async with (
        receiving(Conversation.answer_all, tls=tls) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy) as sender,
    ):
        exchange = receiver.exchange(host="localhost", ca_bundle=TRUSTED)
        answers = [await sender.send(exchange) for _ in range(2)]
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2
    assert names == ["localhost"]
    assert way.targets[0] in (f"127.0.0.1:{receiver.port}", f"[::1]:{receiver.port}")
    assert answers[0].tls_us > 0
    assert answers[0].peer is not None


async def test_a_wrong_certificate_is_refused_through_the_tunnel() -> None:
    """A proxy that breaks TLS open is found out, unless the operator trusts its CA."""
    async with (
        receiving(Conversation.request, tls=serving("elsewhere.test")) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy) as sender,
    ):
        answer = await sender.send(receiver.exchange(host="127.0.0.1", ca_bundle=TRUSTED))
        await sender.close()
    assert answer.outcome is Outcome.CERTIFICATE_REFUSED
    assert receiver.requests == []


async def test_a_refused_address_is_never_asked_for() -> None:
    """A proxy changes nothing about which addresses webhooks may reach."""
    directory = Directory(("127.0.0.1", "169.254.169.254"))
    async with (
        forwarding() as way,
        sending(proxy=way.proxy, networks=DEFAULT_NETWORKS, resolver=Resolver(directory)) as sender,
    ):
        answers = [await sender.send(to(plain(80, host))) for host in (NAME, "127.1", "::1")]
    assert {answer.outcome for answer in answers} == {Outcome.ADDRESS_REFUSED}
    assert way.heads == []


async def test_the_proxys_own_address_is_not_checked() -> None:
    """It is the operator's choice: here it is on loopback, where webhooks may not go."""
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy, networks=DEFAULT_NETWORKS) as sender,
    ):
        answer = await sender.send(receiver.exchange(host="10.1.2.3"))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "10.1.2.3")
    assert way.targets == [f"10.1.2.3:{receiver.port}"]


async def test_a_proxy_may_resolve() -> None:
    """Where Tocsin cannot look names up the proxy gets them, and no question is asked here."""
    directory = Directory(())
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port, resolves=True) as way,
        sending(proxy=way.proxy, resolver=Resolver(directory)) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=NAME))
        inside = await sender.send(to(plain(80, "169.254.169.254")))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "")
    assert inside.outcome is Outcome.ADDRESS_REFUSED  # what needs no looking up is still checked
    assert way.targets == [f"{NAME}:{receiver.port}"]
    assert directory.questions == []


async def test_tocsin_is_not_called_through_a_proxy_either() -> None:
    """The far end is the proxy then, so our own addresses are known beforehand."""
    host = own_address()
    networks = Networks.parse(f"public,private,loopback,{host}").apart_from(("0.0.0.0", 7878))
    async with forwarding() as way, sending(proxy=way.proxy, networks=networks) as sender:
        answer = await sender.send(to(plain(7878, host)))
    assert answer.outcome is Outcome.ADDRESS_REFUSED
    assert "Tocsin itself" in answer.detail
    assert way.heads == []


async def test_the_next_address_is_asked_for_when_one_is_refused() -> None:
    """A proxy without IPv6 still reaches a receiver that has both."""
    directory = Directory(("::1", "127.0.0.1"))
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(
            lambda target: "502 Bad Gateway" if target.startswith("[") else receiver.port
        ) as way,
        sending(proxy=way.proxy, resolver=Resolver(directory)) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=NAME))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.1")
    assert way.targets == [f"[::1]:{receiver.port}", f"127.0.0.1:{receiver.port}"]


async def test_a_proxy_with_several_addresses_is_dialled_like_any_host() -> None:
    """One of them that works is enough."""
    directory = Directory(("127.0.0.2", "127.0.0.1"))
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=Proxy("proxy.test", way.proxy.port), resolver=Resolver(directory)) as sender,
    ):
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.DELIVERED
    assert directory.questions == ["proxy.test"]


async def test_user_and_password_are_shown_to_the_proxy_only() -> None:
    """They go into CONNECT, and neither to the receiver nor into any explanation."""
    secret = Secret("Basic YW5hOmh1c2g=")
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port, authorization=secret) as way,
        sending(proxy=way.proxy) as sender,
    ):
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.DELIVERED
    assert "\r\nProxy-Authorization: Basic YW5hOmh1c2g=\r\n" in way.heads[0]
    assert receiver.requests == [HEAD + BODY]


@pytest.mark.parametrize("authorization", [None, Secret("Basic d3Jvbmc=")])
async def test_a_proxy_that_asks_for_a_user(authorization: Secret | None) -> None:
    """Its answer has its own name, and says where user and password go."""
    async with (
        forwarding(
            lambda _: "407 Proxy Authentication Required", authorization=authorization
        ) as way,
        sending(proxy=way.proxy) as sender,
    ):
        answer = await sender.send(to(plain(80)))
    assert answer.outcome is Outcome.PROXY_AUTHENTICATION
    assert "TOCSIN_WEBHOOK_PROXY" in answer.reason
    assert "d3Jvbmc" not in answer.reason
    assert not answer.wrote_first_byte


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway", "504", "302 Found"])
async def test_a_proxy_that_refuses(status: str) -> None:
    """It was asked and said no: the receiver heard nothing, and the proxy's words are on record."""
    async with forwarding(lambda _: status) as way, sending(proxy=way.proxy) as sender:
        answer = await sender.send(to(plain(80)))
    assert answer.outcome is Outcome.PROXY_REFUSED
    assert not answer.outcome.is_final
    assert answer.detail == f"to CONNECT 127.0.0.1:80 the proxy {way.proxy} said {status!r}"
    assert (answer.address, answer.wrote_first_byte) == ("", False)


async def test_a_proxy_that_is_not_there() -> None:
    """A closed port of the proxy is no fault of the receiver's."""
    port = free_port()
    async with sending(proxy=Proxy("127.0.0.1", port)) as sender:
        answer = await sender.send(to(plain(80)))
    assert answer.outcome is Outcome.PROXY_UNREACHABLE
    assert answer.detail == (
        f"the proxy 127.0.0.1:{port}: 127.0.0.1 port {port}: Connection refused"
    )


async def test_no_descriptor_is_left_for_the_proxy() -> None:
    """Tocsin's own shortage is not blamed on the proxy."""
    async with (
        receiving(Conversation.answer_all) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy) as sender,
    ):
        with descriptors_used_up():
            answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.OUT_OF_SOCKETS


async def test_a_tunnel_is_not_read_before_somebody_listens() -> None:
    """What comes through it belongs to whoever uses it."""
    route = Route()
    async with (
        receiving(Conversation.until_closed) as receiver,
        forwarding(receiver.port) as way,
    ):
        target = f"127.0.0.1:{receiver.port}"
        dialled = await open_tunnel(way.proxy, [address("127.0.0.1")], target, route)
        assert not dialled.transport.is_reading()
        assert route.proxy == "127.0.0.1"
        dialled.transport.abort()


async def test_a_proxy_that_drops_packets() -> None:
    """It costs the connect limit, and is named as what was not reached."""
    with full_backlog() as port:
        async with sending(proxy=Proxy("127.0.0.1", port)) as sender:
            answer = await sender.send(to(plain(80), connect_timeout=0.05))
    assert answer.outcome is Outcome.PROXY_UNREACHABLE
    assert answer.detail == f"no connection to the proxy 127.0.0.1:{port} within 0.05 s"


async def test_a_proxy_without_an_address() -> None:
    """A name that leads nowhere is the proxy's, not the receiver's."""
    async with sending(proxy=Proxy("proxy.test", 80), resolver=Resolver(Directory(()))) as sender:
        answer = await sender.send(to(plain(80)))
    assert answer.outcome is Outcome.PROXY_UNREACHABLE
    assert answer.detail == "the proxy proxy.test:80: proxy.test has no address"


async def test_a_proxy_that_connects_without_end() -> None:
    """The receiver drops packets, so the proxy waits: the limit is ours."""
    (answer,) = await undergo(until_closed, is_proxy=True, connect_timeout=0.3)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert "made no connection to 127.0.0.1:" in answer.detail
    assert answer.detail.endswith("within 0.3 s")


def after_connect(data: bytes, end: Script) -> Script:
    def script(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(data)
        end(sock)

    return script


NO_PROXIES = {
    "closed": after_connect(b"", socket.socket.close),
    "reset": after_connect(b"", reset),
    "half an answer": after_connect(b"HTTP/1.1 200 Conn", socket.socket.close),
    "SOCKS": after_connect(b"\x05\xff", until_closed),
    "an HTTP/2 status": after_connect(b"HTTP/2 200\r\n\r\n", until_closed),
    "no status": after_connect(b"HTTP/1.1 OK\r\n\r\n", until_closed),
    "an interim answer": after_connect(b"HTTP/1.1 100 Continue\r\n\r\n", until_closed),
    "endless headers": after_connect(
        b"HTTP/1.1 200 OK\r\n", lambda sock: pour(sock, b"X: y\r\n" * 1000)
    ),
    "garbage": lambda sock: pour(sock, b"\0" * 1000),
}


@pytest.mark.parametrize("script", NO_PROXIES.values(), ids=NO_PROXIES)
async def test_what_is_no_proxy_is_named_so(script: Script) -> None:
    """It made no tunnel; what it said instead is on record, and costs little."""
    (answer,) = await undergo(script, is_proxy=True)
    assert answer.outcome is Outcome.PROXY_REFUSED
    assert len(answer.detail) < 300
    assert answer.total_us < 4_000_000


async def test_a_dripping_proxy_ends_at_the_limit() -> None:
    """The connect limit covers the proxy's answer."""
    drop = after_connect(b"HTTP/1.1 200 OK\r\n", lambda sock: drip(sock, b"X: y\r\n" * ANSWER_CAP))
    (answer,) = await undergo(drop, is_proxy=True, connect_timeout=0.3)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_proxy_may_answer_byte_by_byte(version: bytes) -> None:
    """What comes through the tunnel begins behind the empty line, wherever the packets end."""

    def script(sock: socket.socket) -> None:
        sock.recv(4096)
        drip(sock, b"HTTP/" + version + b" 200 OK\r\nX: y\r\n\r\n", seconds=0.0005)
        saying(OK)(sock)

    (answer,) = await undergo(script, is_proxy=True)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"ok")


async def test_what_comes_through_the_tunnel_too_soon_answers_nothing() -> None:
    """A receiver that speaks first is found out through a proxy too."""
    early = after_connect(b"HTTP/1.1 200 OK\r\n\r\n" + OK, until_closed)
    (answer,) = await undergo(early, is_proxy=True)
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert not answer.wrote_first_byte


async def test_a_tunnel_that_ends_is_a_lost_connection() -> None:
    """Once there is a tunnel its failures are those of any connection."""

    def script(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    answers = await undergo(script, is_proxy=True, times=20)
    assert {answer.outcome for answer in answers} == {Outcome.CONNECTION_LOST}


async def test_the_environments_proxies_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the setting counts: a variable meant for other programs must not redirect pages."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.DELIVERED


async def test_cancelled_while_the_tunnel_is_made() -> None:
    """Acknowledged meanwhile: the receiver hears not a byte."""
    heard: list[bytes] = []
    cancelled = asyncio.Event()

    async def script(one: Conversation) -> None:
        heard.append(await one.until_closed())

    async with receiving(script) as receiver:

        def lead(_: str) -> int:
            cancelled.set()
            return receiver.port

        async with forwarding(lead) as way, sending(proxy=way.proxy) as sender:
            answer = await sender.send(receiver.exchange(is_cancelled=cancelled.is_set))
            await sender.close()
    assert answer.outcome is Outcome.CANCELLED
    assert heard == [b""]
