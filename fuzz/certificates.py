"""Certificates and keys: those that operators give, and those that receivers show."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from fuzz.feed import END, Feed
from fuzz.target import Target
from tocsin.domain.certificate_refusal import Asked, certificate_refusals
from tocsin.domain.client_certificate import (
    ClientCertificate,
    read_ca_bundle,
    read_client_certificate,
    read_client_key,
)
from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.handshake_refusal import handshake_refusal
from tocsin.errors import TocsinError
from tocsin.transport.certificates import (
    check_ca_bundle,
    check_client_certificate,
    read_chain,
)
from tocsin.transport.tls import context_for

NOW: Final = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
ASKED: Final = Asked(host="receiver.example", now=NOW, bundle=None)
_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))  # the same in every run
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
_CERTIFICATE: Final = (
    x509.CertificateBuilder()
    .subject_name(_NAME)
    .issuer_name(_NAME)
    .public_key(_KEY.public_key())
    .serial_number(1)
    .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), critical=False)
    .sign(_KEY, None)
)
DER: Final = _CERTIFICATE.public_bytes(serialization.Encoding.DER)
PEM: Final = _CERTIFICATE.public_bytes(serialization.Encoding.PEM)
KEY_PEM: Final = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


def feed_ca_bundle(data: bytes) -> None:
    """What is accepted is what OpenSSL takes, and reads back as itself."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(TocsinError):
        context_for(text)
    with suppress(TocsinError):
        bundle = read_ca_bundle(text)
        assert read_ca_bundle(bundle) == bundle
        check_ca_bundle(bundle, now=NOW)
        context_for(bundle)


def feed_client_certificate(data: bytes) -> None:
    """A chain and a key that are accepted belong together."""
    feed = Feed(data)
    chain, key = feed.text(), feed.text()
    with suppress(TocsinError):
        client = read_client_certificate(chain)
        assert read_client_certificate(client.chain) == ClientCertificate(client.chain)
        check_client_certificate(client, now=NOW)
        whole = replace(client, key=read_client_key(key))
        check_client_certificate(whole, now=NOW)
        context_for(None, whole)


def feed_receiver_certificate(data: bytes) -> None:
    """Whatever a receiver shows, and OpenSSL says of it, it is told in a sentence that can be stored."""
    feed = Feed(data)
    code, error = feed.number(100), feed.text()
    pieces = []
    while feed:
        pieces.append(feed.piece())
    chain = read_chain(pieces)
    seen = SeenHandshake(
        is_complete=False, error=error, chain=chain, verify_code=code, first_bytes=data[:64]
    )
    for refusal in certificate_refusals(seen, ASKED):
        assert refusal.text.isprintable()
    for has_client in (False, True):
        assert handshake_refusal(error, seen, has_client_certificate=has_client).advice


TARGETS: Final = {
    "ca-bundle": Target(
        feed_ca_bundle,
        (
            *(b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"MIIB", b"="),
            *(PEM, PEM[:-30], KEY_PEM),
        ),
    ),
    "client-certificate": Target(
        feed_client_certificate,
        (
            *(PEM, KEY_PEM, END, PEM + END + KEY_PEM, b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
            *(b"Proc-Type: 4,ENCRYPTED\n\n", b"-----BEGIN EC PARAMETERS-----\n"),
        ),
    ),
    "receiver-certificate": Target(
        feed_receiver_certificate,
        (
            *(b"\x14" + END + DER, b"\x0a" + END + DER + END, b"\x3e", DER, DER[:40], DER[40:]),
            *(b"TLSV1_ALERT_UNKNOWN_CA", b"SSLV3_ALERT_HANDSHAKE_FAILURE", END, b"\x30\x82"),
        ),
    ),
}
