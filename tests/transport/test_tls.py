"""TLS: who is trusted, who is not, and how it is said."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.transport.servers import OK, Conversation, receiving, sending, to

from tocsin.domain.outcome import Outcome
from tocsin.transport.certificates import UnreadableCaBundle
from tocsin.transport.exchange import Destination
from tocsin.transport.tls import context_for, server_name, system_ca_count

CA = trustme.CA(organization_name="Test Root")
OTHER_CA = trustme.CA(organization_name="Somebody Else")
TRUSTED = CA.cert_pem.bytes().decode()
NOW = datetime.now(UTC)  # noqa: TID251 - certificates are judged by the real time


def serving(*names: str, ca: trustme.CA = CA, **facts: Any) -> ssl.SSLContext:
    """Return the context of a receiver with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, **facts).configure_cert(context)
    return context


def secured_by_ours(listener: socket.socket) -> Destination:
    port = listener.getsockname()[1]
    return Destination(is_tls=True, host="localhost", port=port, ca_bundle=TRUSTED)


async def test_a_verified_receiver_is_called() -> None:
    """With a valid chain and the right name the page goes out, and the certificate's end is known."""
    expires = (NOW + timedelta(days=40)).replace(microsecond=0)
    tls = serving("localhost", not_after=expires)
    async with receiving(Conversation.answer_all, tls=tls) as receiver, sending() as sender:
        exchange = receiver.exchange(host="localhost", ca_bundle=TRUSTED)
        answers = [await sender.send(exchange) for _ in range(2)]
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2
    assert receiver.accepted == 1
    assert answers[0].tls_us > 0
    assert answers[1].tls_us == 0
    for answer in answers:
        assert answer.peer is not None
        assert answer.peer.expires_at == expires
        assert answer.peer.issuer == "Test Root"


async def test_the_name_in_the_url_is_asked_for() -> None:
    """A receiver with many certificates learns which to show, from the URL's host and not the address."""
    asked: list[str | None] = []
    tls = serving("localhost")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiving(Conversation.answer_all, tls=tls) as receiver, sending() as sender:
        await sender.send(receiver.exchange(host="localhost", ca_bundle=TRUSTED))
    assert asked == ["localhost"]


async def test_a_certificate_may_be_for_an_address() -> None:
    """A receiver without a name is verified by its address."""
    tls = serving("127.0.0.1")
    async with receiving(Conversation.answer_all, tls=tls) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(ca_bundle=TRUSTED))
    assert answer.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("tls", "detail"),
    [
        (serving("elsewhere.test"), "the certificate is not for localhost"),
        (serving("localhost", ca=OTHER_CA), "its issuer is unknown here"),
        (
            serving("localhost", not_before=NOW - timedelta(9), not_after=NOW - timedelta(1)),
            "the certificate has expired",
        ),
        (
            serving("localhost", not_before=NOW + timedelta(1), not_after=NOW + timedelta(9)),
            "the certificate is not yet valid",
        ),
        (serving("localhost", common_name="localhost", ca=OTHER_CA), "its issuer is unknown here"),
    ],
    ids=["wrong name", "unknown issuer", "expired", "not yet valid", "common name only"],
)
async def test_a_certificate_that_cannot_be_trusted_is_refused(
    tls: ssl.SSLContext, detail: str
) -> None:
    """Not a byte of the request goes to whoever shows it, and the reason is told apart."""

    async with receiving(Conversation.request, tls=tls) as receiver, sending() as sender:
        exchange = receiver.exchange(host="localhost", ca_bundle=TRUSTED)
        answer = await sender.send(exchange)
        await sender._pool.drained()
    assert answer.outcome is Outcome.CERTIFICATE_REFUSED
    assert answer.outcome.is_final
    assert answer.detail.startswith(detail)
    assert receiver.requests == []
    assert answer.connect_us > 0


async def test_the_systems_cas_are_the_default() -> None:
    """A private CA is trusted where it was given, and nowhere else."""
    tls = serving("localhost")
    async with receiving(Conversation.request, tls=tls) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(host="localhost"))
    assert answer.outcome is Outcome.CERTIFICATE_REFUSED


async def test_old_tls_is_refused() -> None:
    """TLS 1.2 is the least that is spoken."""
    context = context_for(TRUSTED)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.hostname_checks_common_name
    assert context.security_level >= 2
    flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    assert context.verify_flags == flags
    tls = serving("localhost")
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    async with receiving(Conversation.answer_all, tls=tls) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(host="localhost", ca_bundle=TRUSTED))
    assert answer.outcome is Outcome.DELIVERED


async def test_a_port_without_tls_is_named_so() -> None:
    """https to a plain HTTP port is the usual mistake."""

    async def script(one: Conversation) -> None:
        await one.reader.read(1)
        await one.answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        receiver.is_tls = True
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.TLS_FAILED
    assert answer.detail
    assert not answer.wrote_first_byte


@pytest.mark.parametrize("is_rude", [False, True], ids=["closed", "reset"])
async def test_an_end_during_the_handshake_is_named_so(
    is_rude: bool,  # noqa: FBT001 - named by the table
) -> None:
    """A receiver that hangs up on TLS never saw the request."""

    async def script(one: Conversation) -> None:
        await one.reader.read(1)
        if is_rude:
            one.reset()

    async with receiving(script) as receiver, sending() as sender:
        receiver.is_tls = True
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.TLS_FAILED
    assert "during the TLS handshake" in answer.detail


async def test_a_handshake_that_does_not_end_is_given_up() -> None:
    """The connect limit covers TLS too."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        receiver.is_tls = True
        answer = await sender.send(receiver.exchange(connect_timeout=0.3))
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert answer.detail == "no TLS connection within 0.3 s"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_receiver_that_wants_our_certificate_is_named_so(version: ssl.TLSVersion) -> None:
    """With TLS 1.3 that refusal comes only after the handshake; it is still about TLS."""
    tls = serving("localhost")
    tls.maximum_version = version
    tls.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refused = asyncio.create_task(asyncio.to_thread(_refuse_one, listener, tls))
        async with sending() as sender:
            answer = await sender.send(to(secured_by_ours(listener)))
        await refused
    assert answer.outcome is Outcome.TLS_FAILED
    assert "alert" in answer.detail.lower()


def _refuse_one(listener: socket.socket, tls: ssl.SSLContext) -> None:
    """Let OpenSSL itself refuse a client, alert and all: asyncio's servers swallow the alert."""
    accepted, _ = listener.accept()
    with accepted.dup() as rest:
        with (
            pytest.raises(ssl.SSLError),
            tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as secured,
        ):
            secured.do_handshake()
        rest.shutdown(socket.SHUT_WR)
        while rest.recv(4096):  # what is left unread would turn the end into a reset
            pass


async def test_cancelled_while_connecting() -> None:
    """Acknowledged during the handshake: not a byte of the request is sent."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    cancelled, connected = asyncio.Event(), asyncio.Event()
    tls = serving("localhost")
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # there the receiver is connected first
    tls.sni_callback = lambda _socket, _name, _context: cancelled.set()

    async def script(one: Conversation) -> None:
        connected.set()
        heard.set_result(await one.until_closed())

    async with receiving(script, tls=tls) as receiver, sending() as sender:
        exchange = receiver.exchange(
            host="localhost", ca_bundle=TRUSTED, is_cancelled=cancelled.is_set
        )
        answer = await sender.send(exchange)
        await connected.wait()
        await sender.close()
        assert await heard == b""
    assert answer.outcome is Outcome.CANCELLED
    assert answer.tls_us > 0


async def test_a_ca_bundle_may_have_comments_in_any_script() -> None:
    """Collections of CAs name each, and not every name is ASCII."""
    bundle = f"# F\u0151tan\u00fas\u00edtv\u00e1ny\n{TRUSTED}"
    async with (
        receiving(Conversation.answer_all, tls=serving("localhost")) as receiver,
        sending() as sender,
    ):
        answer = await sender.send(receiver.exchange(host="localhost", ca_bundle=bundle))
    assert answer.outcome is Outcome.DELIVERED


@pytest.mark.parametrize("bundle", ["no PEM", "", "\u00e9", "\ud800", "\0"])
async def test_an_unreadable_ca_bundle_is_an_outcome(bundle: str) -> None:
    """Even a bundle that should never have been stored is not raised at the engine."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        receiver.is_tls = True
        answer = await sender.send(receiver.exchange(ca_bundle=bundle))
    assert answer.outcome is Outcome.TLS_FAILED
    assert "BEGIN CERTIFICATE" in answer.detail


async def test_tls_leaks_no_socket() -> None:
    """Handshakes that fail, or are given up, free what they held."""
    tls = serving("localhost", ca=OTHER_CA)
    async with receiving(Conversation.request, tls=tls) as receiver, sending() as sender:
        exchange = receiver.exchange(host="localhost", ca_bundle=TRUSTED)
        answers = await asyncio.gather(*(sender.send(exchange) for _ in range(20)))
        # That the receiver's scripts end proves that every connection was closed.
    assert {answer.outcome for answer in answers} == {Outcome.CERTIFICATE_REFUSED}


async def test_a_receiver_that_does_not_say_goodbye_is_left() -> None:
    """Ending TLS in good order takes two; it is not waited for without end."""
    tls = serving("localhost")
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answered = asyncio.create_task(asyncio.to_thread(_answer_one, listener, tls, is_over))
        async with sending() as sender:
            answer = await sender.send(to(secured_by_ours(listener)))
            async with asyncio.timeout(10):
                await sender.close(grace_seconds=60)
            is_over.set()
        await answered
    assert answer.outcome is Outcome.DELIVERED


def _answer_one(listener: socket.socket, tls: ssl.SSLContext, is_over: threading.Event) -> None:
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True) as secured:
        secured.recv(4096)
        secured.sendall(OK)
        is_over.wait(20)


@pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_ca_bundle_must_be_readable(text: str) -> None:
    """What is given as a private CA is refused when it holds none."""
    with pytest.raises(UnreadableCaBundle):
        context_for(text)


def test_the_final_dot_of_a_host_is_not_part_of_its_name() -> None:
    """A fully qualified URL is verified like any other."""
    assert server_name("receiver.test.") == "receiver.test"


def test_the_systems_cas_are_counted(tmp_path: Path) -> None:
    """An image without CA certificates can be told from one with them, before anything is sent."""
    bundle, empty = tmp_path / "bundle.pem", tmp_path / "empty"
    bundle.write_text(TRUSTED)
    empty.mkdir()
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    (hashed / "0a1b2c3d.0").write_text(TRUSTED)
    (hashed / "README").write_text("not a certificate")
    assert _count_with(SSL_CERT_FILE=bundle, SSL_CERT_DIR=empty) == 1
    assert _count_with(SSL_CERT_FILE=empty / "none", SSL_CERT_DIR=hashed) == 1
    assert _count_with(SSL_CERT_FILE=empty / "none", SSL_CERT_DIR=empty) == 0
    assert system_ca_count() >= 0


def _count_with(**places: Path) -> int:
    code = "from tocsin.transport.tls import system_ca_count; print(system_ca_count())"
    environment = {name: str(path) for name, path in places.items()}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    return int(run.stdout)


def test_a_context_is_made_once_for_each_of_many_bundles() -> None:
    """A thousand webhooks with CAs of their own do not make each other's anew for every page."""
    bundles = [f"# the CA of webhook {number}\n{TRUSTED}" for number in range(300)]
    contexts = [context_for(bundle) for bundle in bundles]
    assert all(context_for(bundle) is made for bundle, made in zip(bundles, contexts, strict=True))
