"""Every way in which TLS with a receiver can be refused: told apart, explained, and nothing sent."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from tests.certificates import (
    NOW,
    Made,
    make,
    make_ca,
    make_from_year_0,
    make_with_sha_1,
    rsa_key,
    serving,
)
from tests.transport.servers import sending, to
from tests.transport.tls_servers import listening

from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.outcome import Outcome
from tocsin.domain.tls_refusal import Flaw, Refusal
from tocsin.secret import Secret
from tocsin.transport.diagnosis import refusal_text, refusals
from tocsin.transport.exchange import Answer, Destination
from tocsin.transport.inspector import Inspection
from tocsin.transport.resolve import ResolvedAddress, Resolver
from tocsin.transport.sender import Sender

DAY = timedelta(days=1)
ROOT = make_ca("Test Root")
INTERMEDIATE = make_ca("Test Intermediate", ROOT)
RSA_ROOT = make_ca("RSA Root", key=rsa_key(2048))
STRANGER = make_ca("Stranger's Root")
STRANGERS_INTERMEDIATE = make_ca("Stranger's Intermediate", STRANGER)
LOOKALIKE = make_ca("Test Root")
WEAK_CA = make_ca("Weak CA", ROOT, key=rsa_key(1024))
EXPIRED_CA = make_ca("Expired CA", ROOT, ends=-5 * DAY)
CLIENTS_ROOT = make_ca("Clients' Root")
GOOD = make(issuer=ROOT)
OLD_VERSIONS = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}


@cache
def client(issuer: Made = CLIENTS_ROOT, **wish: Any) -> ClientCertificate:
    made = make(name="tocsin", names=(), issuer=issuer, is_for_clients=True, **wish)
    return ClientCertificate(made.pem, Secret(made.key_pem))


@dataclass(frozen=True)
class Case:
    """A receiver, how it is called, and what is to be said about it."""

    tls: ssl.SSLContext | None
    flaw: Flaw | None
    says: tuple[str, ...] = ()
    trusts: Made | None = ROOT
    host: str = "localhost"
    shows: ClientCertificate | None = None
    plainly: bytes = b""
    others: tuple[Flaw, ...] = ()

    def destination(self, port: int) -> Destination:
        bundle = self.trusts.pem if self.trusts else None
        return Destination(True, self.host, port, bundle, self.shows)  # noqa: FBT003


def old(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = serving(GOOD)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.deprecated_call():
        context.maximum_version = version
    return context


REFUSED = {
    "expired": Case(
        serving(make(issuer=ROOT, ends=-3 * DAY)),
        Flaw.EXPIRED,
        (f"expired on {NOW - 3 * DAY:%Y-%m-%d %H:%M}Z, 3 days ago", "Renew it"),
    ),
    "expired CA": Case(
        serving(make(issuer=EXPIRED_CA), EXPIRED_CA),
        Flaw.EXPIRED,
        ('The CA "CN=Expired CA" of the receiver\'s chain expired on', "5 days ago"),
    ),
    "not yet valid": Case(
        serving(make(issuer=ROOT, starts=5 * DAY)),
        Flaw.NOT_YET_VALID,
        (f"not yet valid: it is from {NOW + 5 * DAY:%Y-%m-%d %H:%M}Z on", "clock"),
    ),
    "self-signed": Case(
        serving(make(name="pager")),
        Flaw.SELF_SIGNED,
        ('"CN=pager", is self-signed', "as its ca_bundle"),
    ),
    "unknown issuer, sent": Case(
        serving(make(issuer=STRANGER), STRANGER),
        Flaw.UNKNOWN_ISSUER,
        ('ends in the CA "CN=Stranger\'s Root"', 'ca_bundle (there is "CN=Test Root")'),
    ),
    "unknown issuer above an intermediate": Case(
        serving(make(issuer=STRANGERS_INTERMEDIATE), STRANGERS_INTERMEDIATE),
        Flaw.UNKNOWN_ISSUER,
        ('at "CN=Stranger\'s Intermediate", whose issuer "CN=Stranger\'s Root" is not in',),
    ),
    "unknown issuer, system CAs": Case(
        serving(make(issuer=STRANGER)),
        Flaw.UNKNOWN_ISSUER,
        (
            'the issuer "CN=Stranger\'s Root", which is not a CA that is recognised here',
            "ca_bundle",
        ),
        trusts=None,
    ),
    "another CA of the same name": Case(
        serving(make(issuer=LOOKALIKE)),
        Flaw.UNKNOWN_ISSUER,
        ('called "CN=Test Root", as one in the webhook\'s ca_bundle is, but with another key',),
    ),
    "missing intermediate": Case(
        serving(make(issuer=INTERMEDIATE)),
        Flaw.MISSING_INTERMEDIATE,
        (
            'no intermediate, and its certificate asks for the issuer "CN=Test Intermediate"',
            "whole chain",
        ),
    ),
    "missing intermediate, system CAs": Case(
        serving(make(issuer=INTERMEDIATE, issuer_url="http://ca.example/i.crt")),
        Flaw.MISSING_INTERMEDIATE,
        ('"CN=Test Intermediate"', "to be had at http://ca.example/i.crt"),
        trusts=None,
    ),
    "wrong name": Case(
        serving(make(issuer=ROOT, names=["a.example", "b.example"])),
        Flaw.WRONG_NAME,
        ("is for a.example, b.example, and not for localhost",),
    ),
    "wrong address": Case(
        serving(make(issuer=ROOT, names=["127.0.0.2", "localhost"])),
        Flaw.WRONG_NAME,
        ("for localhost, 127.0.0.2, and not for 127.0.0.1",),
        host="127.0.0.1",
    ),
    "common name only": Case(
        serving(make(name="localhost", issuer=ROOT, names=())),
        Flaw.WRONG_NAME,
        ("is for no name, and not for localhost", "common name alone does not count"),
    ),
    "wildcard for one level only": Case(
        serving(make(issuer=ROOT, names=["*.pager.test"])),
        Flaw.WRONG_NAME,
        ("is for *.pager.test, and not for a.b.pager.test",),
        host="a.b.pager.test",
    ),
    "weak key": Case(
        serving(make(issuer=ROOT, key=rsa_key(1024))),
        Flaw.WEAK_KEY,
        ("The receiver's certificate has a key that is too weak (RSA 1024 bits)", "2048"),
    ),
    "weak key of a CA": Case(
        serving(make(issuer=WEAK_CA), WEAK_CA),
        Flaw.WEAK_KEY,
        (
            'The CA "CN=Weak CA" of the receiver\'s chain has a key that is too weak (RSA 1024 bits)',
        ),
    ),
    "SHA-1": Case(
        serving(make_with_sha_1(RSA_ROOT)),
        Flaw.WEAK_SIGNATURE,
        ("signed with a digest that is too weak (SHA-1)", "SHA-256"),
        trusts=RSA_ROOT,
    ),
    "only for clients": Case(
        serving(make(issuer=ROOT, is_for_clients=True)),
        Flaw.NOT_FOR_SERVERS,
        ("may not be used for a server",),
    ),
    "unknown issuer, and expired": Case(
        serving(make(issuer=STRANGER, ends=-DAY)),
        Flaw.MISSING_INTERMEDIATE,
        ('ca_bundle (there is "CN=Test Root")', "Besides: The receiver's certificate expired on"),
        others=(Flaw.EXPIRED,),
    ),
    "two things": Case(
        serving(make(issuer=ROOT, names=["a.example"], ends=-DAY)),
        Flaw.WRONG_NAME,
        ("for a.example, and not for localhost", "Besides: The receiver's certificate expired on"),
        others=(Flaw.EXPIRED,),
    ),
}
FAILED = {
    "plain HTTP": Case(
        None,
        Flaw.NOT_TLS,
        ("plain HTTP", "http://"),
        plainly=b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ),
    "something else": Case(None, Flaw.NOT_TLS, ("b'SSH-2.0-x",), plainly=b"SSH-2.0-x\r\n"),
    "hangs up": Case(None, Flaw.HANDSHAKE_ENDED, ("speaks TLS",)),
    "no safe cipher": Case(
        serving(GOOD, maximum_version=ssl.TLSVersion.TLSv1_2),
        Flaw.NO_COMMON_CIPHER,
        ("no cipher", "chooses ECDHE-ECDSA-AES128-SHA"),
    ),
    "no client certificate, TLS 1.2": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, maximum_version=ssl.TLSVersion.TLSv1_2),
        Flaw.CLIENT_CERTIFICATE_REQUIRED,
        ("demands a client certificate, and the webhook has none", "client_key"),
    ),
    "no client certificate, TLS 1.3": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, minimum_version=ssl.TLSVersion.TLSv1_3),
        Flaw.CLIENT_CERTIFICATE_REQUIRED,
        ("demands a client certificate, and the webhook has none",),
    ),
    "wrong client certificate, TLS 1.2": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, maximum_version=ssl.TLSVersion.TLSv1_2),
        Flaw.CLIENT_CERTIFICATE_REFUSED,
        ("refused the webhook's client certificate: it does not recognise its issuer",),
        shows=client(STRANGER),
    ),
    "wrong client certificate, TLS 1.3": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, minimum_version=ssl.TLSVersion.TLSv1_3),
        Flaw.CLIENT_CERTIFICATE_REFUSED,
        ("refused the webhook's client certificate: it does not recognise its issuer",),
        shows=client(STRANGER),
    ),
    "expired client certificate": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT),
        Flaw.CLIENT_CERTIFICATE_REFUSED,
        ("it says that it has expired",),
        shows=client(ends=-DAY),
    ),
}
FAILED["no safe cipher"].tls.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")  # type: ignore[union-attr]
GOOD_ONES = {
    "whole chain": Case(serving(make(issuer=INTERMEDIATE), INTERMEDIATE), None),
    "whole chain, with its root, in disorder": Case(
        serving(make(issuer=INTERMEDIATE), ROOT, STRANGER, INTERMEDIATE), None
    ),
    "intermediate in the bundle": Case(
        serving(make(issuer=INTERMEDIATE)), None, trusts=INTERMEDIATE
    ),
    "self-signed, in the bundle": Case(serving(SELF := make(name="own")), None, trusts=SELF),
    "address": Case(serving(make(issuer=ROOT, names=["127.0.0.1"])), None, host="127.0.0.1"),
    "wildcard": Case(
        serving(make(issuer=ROOT, names=["*.pager.test"])), None, host="Eu.Pager.test"
    ),
    "final dot": Case(GOOD_TLS := serving(GOOD), None, host="localhost."),
    "TLS 1.3 without a word after the handshake": Case(serving(GOOD, num_tickets=0), None),
    "TLS 1.2": Case(serving(GOOD, maximum_version=ssl.TLSVersion.TLSv1_2), None),
    "client certificate, TLS 1.2": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, maximum_version=ssl.TLSVersion.TLSv1_2),
        None,
        shows=client(),
    ),
    "client certificate, TLS 1.3": Case(
        serving(GOOD, asks_for=CLIENTS_ROOT, minimum_version=ssl.TLSVersion.TLSv1_3),
        None,
        shows=client(),
    ),
    "client certificate that nobody asks for": Case(GOOD_TLS, None, shows=client()),
}


@dataclass
class Found:
    """What the three ways to it say: an attempt, a diagnosis of it, and a check."""

    answer: Answer
    check: Inspection
    diagnosis: list[Refusal] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)


async def look(case: Case, *, now: datetime = NOW) -> Found:
    """Call a receiver, look at it again if that failed, and check it."""
    here = ResolvedAddress(socket.AF_INET, "127.0.0.1")
    async with (
        listening(case.tls, plainly=case.plainly) as receiver,
        sending(resolver=Resolver(lambda host: (here,))) as sender,
    ):
        found = await _look(sender, case.destination(receiver.port), now)
        await sender.close()
    found.heard = [each for each in receiver.heard if each]
    return found


async def _look(sender: Sender, destination: Destination, now: datetime) -> Found:
    answer = await sender.send(to(destination))
    check = await sender.inspector.check(destination, connect_seconds=10.0, now=now)
    found = Found(answer, check)
    if not answer.outcome.is_delivered:
        seen = await sender.inspector.look(destination, answer.address)
        found.diagnosis = list(
            refusals(
                destination,
                error=answer.detail,
                verify_code=answer.verify_code,
                verify_text=answer.verify_text,
                seen=seen,
                now=now,
            )
        )
    return found


def check_said(case: Case, said: list[Refusal]) -> None:
    assert [each.flaw for each in said] == [case.flaw, *case.others]
    text = refusal_text(said)
    for words in case.says:
        assert words in text, text


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_why_a_certificate_was_refused(case: Case) -> None:
    """Told apart and in words that a person can act on, by the attempt and by a check; nothing is sent."""
    found = await look(case)
    assert found.answer.outcome is found.check.outcome is Outcome.CERTIFICATE_REFUSED
    assert found.heard == []
    check_said(case, found.diagnosis)
    check_said(case, list(found.check.refusals))


@pytest.mark.parametrize("case", FAILED.values(), ids=FAILED)
async def test_why_a_handshake_failed(case: Case) -> None:
    """So it is for everything that is not the receiver's certificate."""
    found = await look(case)
    assert found.answer.outcome is found.check.outcome is Outcome.TLS_FAILED
    assert found.heard == []
    check_said(case, found.diagnosis)
    check_said(case, list(found.check.refusals))


@pytest.mark.parametrize("name", OLD_VERSIONS)
async def test_the_old_protocol_that_a_receiver_offers_is_named(name: str) -> None:
    """TLS 1.0 and 1.1 are not spoken; who offers nothing else is told so."""
    tls = old(OLD_VERSIONS[name])
    found = await look(Case(tls, Flaw.OLD_PROTOCOL))
    if found.check.handshake is None or name not in refusal_text(found.diagnosis):
        pytest.skip(f"NOT TESTED: this OpenSSL serves no {name}")
    assert found.answer.outcome is Outcome.TLS_FAILED
    case = Case(tls, Flaw.OLD_PROTOCOL, (f"offers nothing newer than {name}", "TLS 1.2 or 1.3"))
    check_said(case, found.diagnosis)
    check_said(case, list(found.check.refusals))


@pytest.mark.parametrize("case", GOOD_ONES.values(), ids=GOOD_ONES)
async def test_what_is_as_it_should_be_is_let_through(case: Case) -> None:
    """The request is sent once, by the attempt; the check of it is content and sends nothing."""
    found = await look(case)
    assert found.answer.outcome is Outcome.DELIVERED, found.answer
    assert (found.check.outcome, found.check.refusals) == (None, ())
    assert len(found.heard) == 1
    shown = found.check.handshake
    assert shown is not None
    assert found.answer.peer is not None
    assert shown.chain[0].fingerprint == found.answer.peer.fingerprint
    assert shown.chain[0].not_after == found.answer.peer.expires_at


def _matrix() -> Mapping[str, Case]:
    return {**REFUSED, **FAILED, **GOOD_ONES}


def test_the_matrix_has_every_flaw() -> None:
    """A flaw that nothing shows would be one that nobody has seen told."""
    elsewhere = {Flaw.OLD_PROTOCOL, Flaw.UNVERIFIABLE, Flaw.UNKNOWN_HOST, Flaw.HANDSHAKE_REFUSED}
    assert {case.flaw for case in _matrix().values()} == {*Flaw, None} - elsewhere


async def test_a_date_that_no_calendar_has_does_not_keep_a_page_from_leaving() -> None:
    """OpenSSL takes such a certificate; nothing is kept of its dates, and the look at it has none."""
    odd = Case(serving(make_from_year_0(RSA_ROOT)), None, trusts=RSA_ROOT)
    found = await look(odd)
    assert found.answer.outcome is Outcome.DELIVERED
    assert found.answer.peer is None
    assert found.check.outcome is None
