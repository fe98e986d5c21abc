"""TLS as it is verified: contexts, and what a refusal or a certificate says."""

import os
import re
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from tocsin.domain.client_certificate import ClientCertificate
from tocsin.transport.certificates import (
    UnreadableCaBundle,
    UnusableClientCertificate,
    written,
)
from tocsin.transport.exchange import PeerCertificate

# Set here, because Python's default changes between versions. VERIFY_X509_STRICT is left out: it
# refuses many a private CA for a missing extension that does no harm.
_VERIFY_FLAGS = (
    ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
)
LEAST_SECURITY_LEVEL: Final = 2
"""112 bits: RSA keys of 2048, no SHA-1. Source: OpenSSL, SSL_CTX_set_security_level(3)."""
# None has a finite-field Diffie-Hellman exchange: its group is the receiver's to choose, and one of 10,000
# bits costs a second of CPU time, in which nobody else is paged.
_CIPHERS: Final = (
    "@SECLEVEL={level}:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
)
_ANY_CIPHERS: Final = "DEFAULT:!aNULL:!eNULL:!kDHE:@SECLEVEL=0"

_MOST_CONTEXTS: Final = 1024
"""So many webhooks may have a CA bundle or a client certificate of their own; each costs memory."""
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # openssl-rehash(1)


@lru_cache(maxsize=_MOST_CONTEXTS)
def context_for(ca_bundle: str | None, client: ClientCertificate | None = None) -> ssl.SSLContext:
    """Return the context that trusts the CAs of this PEM text, or the system's CAs when None.

    It shows the client certificate to receivers that ask for one.
    Raises: UnreadableCaBundle, UnusableClientCertificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # requires a certificate and checks the name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = _VERIFY_FLAGS
    context.hostname_checks_common_name = False
    # A system may ask for more, and never for less.
    level = max(LEAST_SECURITY_LEVEL, context.security_level)
    context.set_ciphers(_CIPHERS.format(level=level))
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_bundle(context, ca_bundle)
    if client is not None:
        _load_client(context, client)
    return context


@lru_cache(maxsize=1)
def unverified_context() -> ssl.SSLContext:
    """Return a context that shakes hands with anybody, in any version: to look, never to send."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers(_ANY_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load_bundle(context: ssl.SSLContext, ca_bundle: str) -> None:
    # Certificates are ASCII; their names in the comments between them need not be.
    plain = ca_bundle.encode("ascii", "replace").decode()
    try:
        context.load_verify_locations(cadata=plain)
    except (ssl.SSLError, ValueError) as error:
        raise UnreadableCaBundle(
            "the CA bundle has no readable certificate: give PEM text that begins with "
            "-----BEGIN CERTIFICATE-----",
            cause=str(error),
        ) from None


def _load_client(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Python takes certificates from files only: the key is in one encrypted, and for a moment."""
    passphrase = token_bytes(32)
    try:
        key = serialization.load_pem_private_key(_key_text(client).encode(), password=None)
        sealed = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase),
        )
        with _file_of(client.chain.encode() + sealed) as path:
            context.load_cert_chain(path, password=passphrase)
    except (OSError, ValueError, TypeError) as error:  # OpenSSL's errors are of the first kind
        raise UnusableClientCertificate(
            f"the client certificate and its key cannot be used ({error}): save them anew"
        ) from None


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """Give the path of a file that nobody else can read, which is gone in the end."""
    if sys.platform == "linux":  # in memory, because a container may have no disk to write to
        with os.fdopen(os.memfd_create("tocsin"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="tocsin-") as file:
            file.write(content)
            file.flush()
            yield file.name


def _key_text(client: ClientCertificate) -> str:
    if client.key is None:
        raise ValueError("there is no key")
    return client.key.reveal()


def system_ca_count() -> int:
    """Return how many CA certificates this system trusts; 0 means that no https webhook can work.

    Those of a directory are read only when a chain asks for one, so they are counted by name.
    """
    loaded = context_for(None).cert_store_stats()["x509_ca"]
    directory = ssl.get_default_verify_paths().capath
    if loaded or directory is None:
        return loaded
    return sum(bool(_HASHED_NAME.fullmatch(path.name)) for path in Path(directory).iterdir())


def server_name(host: str) -> str:
    """Return the name to ask for and to check; a certificate never has the final dot of a URL's."""
    return host.removesuffix(".")


_REFUSALS: Mapping[int, str] = {
    9: "the certificate is not yet valid",
    10: "the certificate has expired",
    18: "the certificate is self-signed, and no recognised CA stands behind it",
    19: "the chain ends in a CA that is not recognised here",
    20: "its issuer is unknown here: the chain lacks an intermediate, or its CA is not recognised",
    21: "its issuer is unknown here: the chain lacks an intermediate, or its CA is not recognised",
    23: "the certificate is revoked",
    26: "the certificate is not one for servers",
    66: "the certificate's key is too weak",
    67: "a CA's key in the chain is too weak",
    68: "a signature in the chain uses a digest that is too weak",
}
_NAME_REFUSALS = frozenset({62, 64})


def explain_refusal(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Return why a certificate was refused, with OpenSSL's own words and number.

    Source: OpenSSL, X509_STORE_CTX_get_error(3).
    """
    code, message = error.verify_code, error.verify_message
    if code in _NAME_REFUSALS:
        return f"the certificate is not for {host} (OpenSSL {code}: {message})"
    sentence = _REFUSALS.get(code, "the certificate does not verify")
    return f"{sentence} (OpenSSL {code}: {message})"


def read_peer(secured: ssl.SSLObject) -> PeerCertificate | None:
    """Return what is kept of the certificate that a receiver was verified by.

    None for a connection that has ended since: nothing will be sent over it. Also for a certificate
    whose dates cannot be read, which does not keep anybody from being paged.
    """
    try:
        certificate: Mapping[str, Any] | None = secured.getpeercert()
        whole = secured.getpeercert(binary_form=True)
    except ValueError:
        return None
    if not certificate or not whole:
        return None
    try:
        starts_at, expires_at = map(_instant, (certificate["notBefore"], certificate["notAfter"]))
    except (ValueError, OverflowError):  # a year that no calendar here has
        return None
    names = dict(pair for rdn in certificate.get("issuer", ()) for pair in rdn)
    parts = (names.get("organizationName"), names.get("commonName"))
    return PeerCertificate(
        issuer=written(", ".join(part for part in parts if part)) or "unnamed",
        starts_at=starts_at,
        expires_at=expires_at,
        fingerprint=sha256(whole).hexdigest(),
    )


def _instant(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
