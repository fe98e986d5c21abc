"""TLS with those who stall, babble, or leave: not a byte of the request for them, and no harm to others."""

import asyncio
import base64
import random
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

import pytest
import trustme
from tests.transport.ordeal import (
    Script,
    bounded_costs,
    drip,
    misbehaving,
    pour,
    reset,
    undergo,
    until_closed,
    until_reset,
)
from tests.transport.servers import OK, sending, to
from tests.transport.tls_servers import listening

from tocsin.domain.outcome import Outcome
from tocsin.transport.connection import Connection
from tocsin.transport.exchange import Answer, Destination, Route

SOON_US = 4_000_000
HUGE = b"i" * 8_000_000
CA = trustme.CA()
TRUSTED = CA.cert_pem.bytes().decode()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CA.issue_cert("localhost").configure_cert(SERVER)


def secured(port: int) -> Destination:
    return Destination(is_tls=True, host="localhost", port=port, ca_bundle=TRUSTED)


def over_tls(script: Script) -> Script:
    """Return a script that begins after the handshake."""

    def wrapped(sock: socket.socket) -> None:
        with SERVER.wrap_socket(sock, server_side=True) as secure:
            script(secure)

    return wrapped


async def test_the_ordeal_itself_is_passed_by_the_well_behaved() -> None:
    """What is refused below is refused for what it does."""

    def script(sock: socket.socket) -> None:
        while sock.recv(4096):
            sock.sendall(OK)

    answers = await undergo(over_tls(script), at=secured, times=3)
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 3
    assert [answer.is_reused for answer in answers] == [False, True, True]


async def test_a_dripping_handshake_is_given_up() -> None:
    """The connect limit covers TLS, however busy the other end seems."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        drip(sock, b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"\0" * 10_000)
        until_closed(sock)

    (answer,) = await undergo(script, at=secured, connect_timeout=0.3)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert answer.detail == "no TLS connection within 0.3 s"
    assert answer.total_us < SOON_US
    assert not answer.wrote_first_byte


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 1000,
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff" + b"\0" * 16_380,
        b"\x15\x03\x03\x00\x02\x01\x00" * 100,
        b"\x17\x03\x03\x00\x00" * 1000,
    ],
    ids=["zeroes", "HTTP", "SSH", "an endless certificate", "warnings", "empty records"],
)
async def test_what_is_no_handshake_is_named_so(data: bytes) -> None:
    """Whatever is poured into a handshake ends it, and costs little."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        pour(sock, data)

    (answer,) = await undergo(script, at=secured)
    assert answer.outcome is Outcome.TLS_FAILED
    assert answer.detail
    assert answer.total_us < SOON_US
    assert not answer.wrote_first_byte


def huge_group(bits: int = 10_000) -> str:
    """Return parameters of a Diffie-Hellman group, as PEM text; nobody looks whether it is a good one."""
    modulus = random.Random(1).getrandbits(bits) | 1 << (bits - 1) | 1
    number = modulus.to_bytes(bits // 8 + 1)
    der = b"\x02\x82" + len(number).to_bytes(2) + number + b"\x02\x01\x02"
    der = b"\x30\x82" + len(der).to_bytes(2) + der
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n"


async def test_no_receiver_makes_us_calculate_for_long(tmp_path: Path) -> None:
    """With a Diffie-Hellman group of its own choice it could stop everybody's pages for a second."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("localhost", key_type=trustme.KeyType.RSA).configure_cert(tls)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("DHE+AES:ECDHE+AES:@SECLEVEL=0")
    (tmp_path / "group.pem").write_text(huge_group())
    tls.load_dh_params(str(tmp_path / "group.pem"))
    async with listening(tls) as receiver, sending() as sender:
        with bounded_costs():
            answer = await sender.send(to(secured(receiver.port)))
        assert answer.outcome is Outcome.DELIVERED
        with bounded_costs():
            seen = await sender.inspector.look(secured(receiver.port), "127.0.0.1")
        assert seen is not None
        assert seen.is_complete


async def test_http_to_a_port_that_speaks_tls() -> None:
    """The usual mistake is told: the URL should begin with https."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"\x15\x03\x03\x00\x02\x02\x46")
        until_closed(sock)

    (answer,) = await undergo(script)
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert answer.detail == "it speaks TLS: let the webhook's URL begin with https://"


async def test_http_to_openssl_itself() -> None:
    """Whatever a TLS server says to a request in plain text, it is no delivery."""

    def script(sock: socket.socket) -> None:
        with pytest.raises(ssl.SSLError), SERVER.wrap_socket(sock, server_side=True):
            pass

    (answer,) = await undergo(script)
    assert answer.outcome in (Outcome.MALFORMED_ANSWER, Outcome.CONNECTION_LOST)


def say_goodbye(sock: socket.socket) -> None:
    """End TLS in good order, and do not wait for the other end."""
    assert isinstance(sock, ssl.SSLSocket)
    sock.settimeout(0)
    with suppress(ssl.SSLError):
        sock.unwrap()


@pytest.mark.parametrize(
    "end", [say_goodbye, reset, socket.socket.close], ids=["goodbye", "reset", "closed"]
)
async def test_an_end_right_after_the_handshake(end: Script) -> None:
    """It may come before we know that the handshake is over; either way the connection is lost."""
    answers = await undergo(over_tls(end), at=secured, times=20)
    assert {answer.outcome for answer in answers} <= {Outcome.CONNECTION_LOST, Outcome.TLS_FAILED}


async def test_who_speaks_right_after_the_handshake_answers_nothing() -> None:
    """An answer that was there before the request cannot be the answer to it."""

    def script(sock: socket.socket) -> None:
        sock.sendall(b"220 mail.test ESMTP\r\n")
        until_closed(sock)

    answers = await undergo(over_tls(script), at=secured, times=10)
    assert {answer.outcome for answer in answers} == {Outcome.MALFORMED_ANSWER}
    assert all("it began with b'220 mail.test" in answer.detail for answer in answers)


@pytest.mark.parametrize(
    "end", [say_goodbye, reset, socket.socket.close], ids=["goodbye", "reset", "closed"]
)
@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Outcome.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\n\r\nup to here", Outcome.DELIVERED),
    ],
    ids=["before", "headers", "body"],
)
async def test_an_end_of_an_exchange(end: Script, data: bytes, outcome: Outcome) -> None:
    """With or without a goodbye, what was said counts and what was not does not."""

    def script(sock: socket.socket) -> None:
        hear_all(sock)
        if data:
            sock.sendall(data)
        end(sock)

    (answer,) = await undergo(over_tls(script), at=secured)
    assert answer.outcome is outcome
    assert answer.total_us < SOON_US


def hear_all(sock: socket.socket) -> None:
    heard = b""
    while not heard.endswith(b"incid=1"):
        heard += sock.recv(4096)


@pytest.mark.parametrize("end", [say_goodbye, lambda sock: None], ids=["goodbye", "silence"])
async def test_who_does_not_read_cannot_keep_the_connection(end: Script) -> None:
    """Ending TLS in good order takes two; what they do not take is dropped after a moment."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        end(sock)
        until_reset(sock)

    with misbehaving(over_tls(script), small_window=True) as receiver:
        async with sending() as sender:
            answer = await sender.send(to(secured(receiver.port), body=HUGE))
            await sender._pool.drained()
    assert (answer.outcome, answer.status) == (Outcome.REJECTED, 413)


@dataclass
class TlsInOneFlight:
    """A TLS 1.2 server that sends the end of its handshake together with what comes after it."""

    more: Callable[[ssl.SSLObject], object]
    rest: bytes = b""

    def __call__(self, sock: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        CA.issue_cert("localhost").configure_cert(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                if data := outgoing.read():
                    sock.sendall(data)
                incoming.write(sock.recv(65536))
        with suppress(ssl.SSLWantReadError):
            self.more(secure)
        sock.sendall(outgoing.read() + self.rest)
        until_closed(sock)


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        (lambda secure: secure.write(b"220 mail.test ESMTP\r\n"), Outcome.MALFORMED_ANSWER),
        (lambda secure: secure.unwrap(), Outcome.CONNECTION_LOST),
    ],
    ids=["speaks", "leaves"],
)
async def test_what_comes_with_the_end_of_the_handshake(
    more: Callable[[ssl.SSLObject], object], outcome: Outcome
) -> None:
    """It is there before we know that TLS is; nothing breaks, and nothing is taken for an answer."""
    answers = await undergo(TlsInOneFlight(more), at=secured, times=3)
    assert {answer.outcome for answer in answers} == {outcome}
    assert not any(answer.wrote_first_byte for answer in answers)


async def test_what_breaks_tls_right_after_the_handshake() -> None:
    """A record that nobody could have made is about TLS, and no mistake of ours."""
    record = b"\x17\x03\x03\x00\x20" + b"\0" * 32
    flight = TlsInOneFlight(lambda secure: None, record)
    answers = await undergo(flight, at=secured, times=3)
    assert {answer.outcome for answer in answers} == {Outcome.TLS_FAILED}
    assert all(answer.detail for answer in answers)


async def test_tls_that_is_refused_before_the_request_leaves() -> None:
    """With TLS 1.3 a receiver misses our certificate only after the handshake: still about TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    CA.issue_cert("localhost").configure_cert(context)

    def script(sock: socket.socket) -> None:
        with sock.dup() as rest:
            with pytest.raises(ssl.SSLError), context.wrap_socket(sock, server_side=True):
                pass
            until_closed(rest)  # what is left unread would turn the end into a reset

    with misbehaving(script) as receiver:
        async with sending() as sender:
            exchange = to(secured(receiver.port))
            connection = await sender._open(exchange, Route(), monotonic_ns())
            await ended(connection)
            sender._pool.add(connection)
            assert sender.open_count == 0
            answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            connection.begin(exchange, answered.set_result, monotonic_ns())
            answer = await answered
    assert answer.outcome is Outcome.TLS_FAILED
    assert "certificate" in answer.detail.lower()
    assert not answer.wrote_first_byte


async def ended(connection: Connection) -> None:
    """Wait until a connection that nobody watches over has ended."""
    while not connection.is_closing:  # noqa: ASYNC110 - there is nothing to wait on
        await asyncio.sleep(0.001)
