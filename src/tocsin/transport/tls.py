"""TLS as it is verified: contexts, and what a refusal or a certificate says."""

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from tocsin.errors import TocsinError
from tocsin.transport.exchange import PeerCertificate

# Set here, because Python's default changes between versions. VERIFY_X509_STRICT is left out: it
# refuses many a private CA for a missing extension that does no harm.
_VERIFY_FLAGS = (
    ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
)


_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # openssl-rehash(1)


class UnreadableCaBundle(TocsinError):
    """The PEM text of a private CA cannot be read."""

    code: ClassVar[str] = "unreadable_ca_bundle"


@lru_cache(maxsize=256)
def context_for(ca_bundle: str | None) -> ssl.SSLContext:
    """Return the context that trusts the CAs of this PEM text, or the system's CAs when None.

    Raises: UnreadableCaBundle.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # requires a certificate and checks the name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = _VERIFY_FLAGS
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_bundle(context, ca_bundle)
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


def read_peer(certificate: Mapping[str, Any] | None) -> PeerCertificate | None:
    """Return what is kept of a verified certificate, as `ssl.SSLSocket.getpeercert` gives it."""
    if not certificate:
        return None
    names = dict(pair for rdn in certificate.get("issuer", ()) for pair in rdn)
    parts = (names.get("organizationName"), names.get("commonName"))
    seconds = ssl.cert_time_to_seconds(certificate["notAfter"])
    return PeerCertificate(
        issuer=", ".join(part for part in parts if part) or "unnamed",
        expires_at=datetime.fromtimestamp(seconds, UTC),
    )
