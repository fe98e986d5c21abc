"""Certificates and keys, read: those that receivers show, and those that webhooks are given."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PrivateKeyTypes,
)
from cryptography.x509.oid import AuthorityInformationAccessOID

from tocsin.domain.certificate import Certificate
from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.wording import date_text, days_text
from tocsin.errors import TocsinError

_LEAST_BITS: Final = 2048  # RSA and DSA, 112 bits of security: OpenSSL's level 2
_LEAST_CURVE_BITS: Final = 224
_WEAK_DIGESTS: Final = frozenset({"md5", "sha1"})
_LONGEST_NAME: Final = 256
UNREADABLE: Final = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType),
)
"""What reading a certificate raises when somebody made a bad one."""


class UnreadableCaBundle(TocsinError):
    """The PEM text of a private CA cannot be used."""

    code: ClassVar[str] = "unreadable_ca_bundle"
    status_hint: ClassVar[int] = 422


class UnusableClientCertificate(TocsinError):
    """The client certificate, or its key, could not be shown to any receiver."""

    code: ClassVar[str] = "unusable_client_certificate"
    status_hint: ClassVar[int] = 422


def read_chain(chain: Iterable[bytes]) -> tuple[Certificate, ...]:
    """Return what certificates say, each in DER; one that cannot be read is passed over."""
    found = []
    for der in chain:
        try:
            found.append(_certificate(x509.load_der_x509_certificate(der)))
        except UNREADABLE:
            continue
    return tuple(found)


@lru_cache(maxsize=256)
def read_pem(text: str) -> tuple[Certificate, ...]:
    """Return what the certificates of a PEM text say. Raises: one of UNREADABLE."""
    return tuple(map(_certificate, x509.load_pem_x509_certificates(text.encode())))


def check_ca_bundle(text: str, *, now: datetime | None) -> None:
    """Refuse a bundle by which no receiver could be verified; without `now` it may have expired.

    Raises: UnreadableCaBundle.
    """
    try:
        found = read_pem(text)
    except UNREADABLE:
        raise UnreadableCaBundle(
            "the CA bundle has a certificate that cannot be read; copy it again, as PEM text"
        ) from None
    last = max(each.not_after for each in found)
    if now is not None and last < now:
        raise UnreadableCaBundle(
            f"every certificate of the CA bundle has expired, the last on {date_text(last)}; "
            "give the CA's present one"
        )


def check_client_certificate(client: ClientCertificate, *, now: datetime | None) -> None:
    """Refuse what no receiver would take; without `now` it may have expired.

    Raises: UnusableClientCertificate.
    """
    try:
        chain = x509.load_pem_x509_certificates(client.chain.encode())
        leaf = _certificate(chain[0])
    except UNREADABLE:
        raise UnusableClientCertificate(
            "the client certificate cannot be read; copy it again, as PEM text"
        ) from None
    if client.key is not None:
        _check_key(chain, _private_key(client.key.reveal()))
    if leaf.is_key_weak:
        raise UnusableClientCertificate(
            f"the client certificate's key is too weak ({leaf.key}); have it issued anew, with an RSA "
            "key of 2048 bits or more, or an EC key"
        )
    if now is not None:
        _check_time(leaf, now)


def _check_key(chain: list[x509.Certificate], key: PrivateKeyTypes) -> None:
    ours = key.public_key()
    if chain[0].public_key() == ours:
        return
    if any(each.public_key() == ours for each in chain):
        raise UnusableClientCertificate(
            "the client key belongs to another certificate of the chain than the first; put that one "
            "first, and its issuers behind it"
        )
    raise UnusableClientCertificate(
        "the client key is not that of the client certificate; give the two that were made together"
    )


def _check_time(leaf: Certificate, now: datetime) -> None:
    if leaf.not_after < now:
        ago = days_text(now - leaf.not_after)
        raise UnusableClientCertificate(
            f"the client certificate expired on {date_text(leaf.not_after)}, {ago} ago; have it renewed"
        )
    if leaf.not_before > now:
        raise UnusableClientCertificate(
            f"the client certificate is valid only from {date_text(leaf.not_before)} on; give it then, "
            "or correct this machine's clock"
        )


def _private_key(text: str) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableClientCertificate(
            "the client key cannot be read; copy it again, as PEM text without a passphrase"
        ) from None


def _certificate(found: x509.Certificate) -> Certificate:
    """Raises: one of UNREADABLE, when a part of it cannot be read."""
    public_key = found.public_key()
    key, is_key_weak = _strength(public_key)
    digest = found.signature_hash_algorithm
    return Certificate(
        subject=written(found.subject.rfc4514_string()),
        issuer=written(found.issuer.rfc4514_string()),
        names=_names(found),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        key=key,
        is_key_weak=is_key_weak,
        signature=digest.name.upper().replace("SHA", "SHA-") if digest else key,
        is_signature_weak=digest is not None and digest.name in _WEAK_DIGESTS,
        is_self_signed=_is_self_signed(found),
        is_ca=_is_ca(found),
        issuer_urls=_issuer_urls(found),
        fingerprint=sha256(found.public_bytes(serialization.Encoding.DER)).hexdigest(),
    )


def _strength(key: CertificatePublicKeyTypes) -> tuple[str, bool]:
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size} bits", key.key_size < _LEAST_BITS
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size} bits", key.key_size < _LEAST_BITS
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}", key.curve.key_size < _LEAST_CURVE_BITS
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey"), False


def _is_self_signed(found: x509.Certificate) -> bool:
    if found.issuer != found.subject:
        return False
    try:
        found.verify_directly_issued_by(found)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return True  # its name is all that can be compared
    return True


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    domains = map(written, names.get_values_for_type(x509.DNSName))
    return (*domains, *map(str, names.get_values_for_type(x509.IPAddress)))


def _is_ca(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _issuer_urls(found: x509.Certificate) -> tuple[str, ...]:
    try:
        access = found.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        written(each.access_location.value)
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    )


def written(text: str) -> str:
    """Return what a stranger wrote, short enough to be shown and without what no database can hold."""
    cut = text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."
    return "".join(each if each.isprintable() else "\ufffd" for each in cut)
