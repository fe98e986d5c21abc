"""Certificates made for tests: good ones, and every kind of bad one."""

import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - OpenSSL judges by the real time
_SHA_256, _SHA_1 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
_LEVELS = "ALL:@SECLEVEL=0"


@dataclass(frozen=True)
class Made:
    """A certificate with its key, and who issued it; None: itself."""

    certificate: x509.Certificate
    key: Any
    issuer: "Made | None" = None

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> str:
        return self.write_key()

    def write_key(
        self,
        how: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
        passphrase: bytes = b"",
    ) -> str:
        seal: Any = serialization.NoEncryption()
        if passphrase:
            seal = serialization.BestAvailableEncryption(passphrase)
        return str(self.key.private_bytes(serialization.Encoding.PEM, how, seal).decode())


@dataclass(frozen=True)
class Wish:
    """What a certificate is to be like; all else is as it should be."""

    name: str = "receiver"
    names: Sequence[str] = ("localhost",)
    issuer: Made | None = None
    is_ca: bool = False
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    starts: timedelta = timedelta(days=-100)
    ends: timedelta = timedelta(days=100)
    issuer_url: str = ""
    is_for_clients: bool = False


def make(**wish: Any) -> Made:
    """Return a certificate; see `Wish`."""
    wanted = Wish(**wish)
    builder = _builder(wanted)
    signer = wanted.issuer.key if wanted.issuer else wanted.key
    return Made(builder.sign(signer, hashes.SHA256()), wanted.key, wanted.issuer)


def make_ca(name: str, issuer: Made | None = None, **wish: Any) -> Made:
    return make(name=name, issuer=issuer, is_ca=True, names=(), **wish)


def make_with_sha_1(issuer: Made) -> Made:
    """Return a certificate that is signed with SHA-1, which no library makes any more."""
    good = make(issuer=issuer)
    inner = good.certificate.tbs_certificate_bytes.replace(_SHA_256, _SHA_1)
    signature = issuer.key.sign(inner, padding.PKCS1v15(), hashes.SHA1())
    return _signed(good, issuer, inner, signature, _SHA_1)


def make_from_year_0(issuer: Made) -> Made:
    """Return a certificate that is valid since a year before all calendars."""
    first = datetime(2050, 1, 1, tzinfo=UTC)  # from then on dates are written with four digits
    good = make(issuer=issuer, starts=first - NOW, ends=first.replace(year=2051) - NOW)
    inner = good.certificate.tbs_certificate_bytes.replace(b"20500101", b"00000101")
    signature = issuer.key.sign(inner, padding.PKCS1v15(), hashes.SHA256())
    return _signed(good, issuer, inner, signature, _SHA_256)


def _signed(good: Made, issuer: Made, inner: bytes, signature: bytes, digest: bytes) -> Made:
    algorithm = b"\x30\x0d\x06\x09" + digest + b"\x05\x00"
    whole = _der(0x30, inner + algorithm + _der(0x03, b"\x00" + signature))
    return Made(x509.load_der_x509_certificate(whole), good.key, issuer)


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def _builder(wanted: Wish) -> x509.CertificateBuilder:
    issuer = wanted.issuer.certificate.subject if wanted.issuer else _name(wanted.name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(wanted.name))
        .issuer_name(issuer)
        .public_key(wanted.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + wanted.starts)
        .not_valid_after(NOW + wanted.ends)
        .add_extension(x509.BasicConstraints(wanted.is_ca, None), critical=True)
    )
    if wanted.names:
        names = x509.SubjectAlternativeName([_general(each) for each in wanted.names])
        builder = builder.add_extension(names, critical=False)
    if wanted.issuer_url:
        where = x509.UniformResourceIdentifier(wanted.issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if wanted.is_for_clients:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return builder


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def serving(
    made: Made, *sent: Made, asks_for: Made | None = None, **settings: Any
) -> ssl.SSLContext:
    """Return the context of a receiver that shows a certificate, and sends others with it.

    It takes whatever OpenSSL can do. `asks_for` is the CA of the clients that it lets in.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_LEVELS)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(made.pem + "".join(each.pem for each in sent) + made.key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    if asks_for is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=asks_for.pem)
    for name, value in settings.items():
        setattr(context, name, value)
    return context
