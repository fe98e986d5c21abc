"""Why a TLS handshake failed over something else than the receiver's certificate."""

import re
from collections.abc import Mapping
from typing import Final

from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.tls_refusal import Flaw, Refusal

_ALERT: Final = "ALERT_"
_OLD_VERSIONS: Final = {"SSLv3": "SSL 3", "TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1"}
_RECORDS: Final = (b"\x15", b"\x16")  # an alert, a handshake: how TLS begins

# What a receiver says of the certificate that we showed, or did not show. Source: RFC 8446, 6.2.
_ABOUT_OURS: Final[Mapping[str, str]] = {
    "BAD_CERTIFICATE": "it finds it bad",
    "UNSUPPORTED_CERTIFICATE": "it does not take this kind of certificate",
    "CERTIFICATE_REVOKED": "it says that it is revoked",
    "CERTIFICATE_EXPIRED": "it says that it has expired",
    "CERTIFICATE_UNKNOWN": "it does not accept it",
    "UNKNOWN_CA": "it does not recognise its issuer, or lacks an intermediate of its chain",
    "ACCESS_DENIED": "it knows it, but does not let it in",
    "DECRYPT_ERROR": "it could not verify what was signed with its key",
    "CERTIFICATE_REQUIRED": "it says that it got none",
}
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_/ ]+")  # OpenSSL's, not the system's
_HANDSHAKE_FAILURE: Final = "HANDSHAKE_FAILURE"
_UNRECOGNIZED_NAME: Final = "UNRECOGNIZED_NAME"


def is_about_our_certificate(error: str) -> bool:
    """Return whether this error alone says that the receiver refused the client certificate."""
    return _alert(error) in _ABOUT_OURS


def handshake_refusal(
    error: str, seen: SeenHandshake | None, *, has_client_certificate: bool
) -> Refusal:
    """Return why a handshake failed with `error`, as OpenSSL calls it.

    `seen` is another handshake, that would take any version and any certificate and shows none of
    ours; None if there was none.
    """
    alert = _alert(error)
    if alert in _ABOUT_OURS:
        return _about_ours(alert, has_client_certificate=has_client_certificate)
    if alert == _UNRECOGNIZED_NAME:
        return Refusal(
            Flaw.UNKNOWN_HOST,
            "The receiver knows no host of the name in the URL.",
            "Check the URL's host, and that the receiver is set up for it.",
        )
    found = seen and _from_evidence(error, seen, has_client_certificate=has_client_certificate)
    return found or _unexplained(error)


def _unexplained(error: str) -> Refusal:
    if _alert(error):
        return Refusal(
            Flaw.HANDSHAKE_REFUSED,
            f"The receiver refused the handshake ({error}).",
            "Its own log says why; it must speak TLS 1.2 or later.",
        )
    return Refusal(
        Flaw.HANDSHAKE_ENDED,
        f"The handshake failed ({error}).",
        "Check that the port speaks TLS, and whether it demands a client certificate; the receiver's "
        "own log says more.",
    )


def _alert(error: str) -> str:
    """Return which alert OpenSSL names: `TLSV1_ALERT_UNKNOWN_CA` is UNKNOWN_CA."""
    _, _, name = error.partition(_ALERT)
    if not name and error.endswith(_UNRECOGNIZED_NAME):  # OpenSSL's name for it has no such word
        return _UNRECOGNIZED_NAME
    return name


def _about_ours(alert: str, *, has_client_certificate: bool) -> Refusal:
    if not has_client_certificate:
        return _required()
    return Refusal(
        Flaw.CLIENT_CERTIFICATE_REFUSED,
        f"The receiver refused the webhook's client certificate: {_ABOUT_OURS[alert]}.",
        "Give the webhook one that this receiver accepts, with its whole chain; the receiver's own log "
        "says more.",
    )


def _required() -> Refusal:
    return Refusal(
        Flaw.CLIENT_CERTIFICATE_REQUIRED,
        "The receiver demands a client certificate, and the webhook has none.",
        "Give the webhook its client_certificate and client_key.",
    )


def _from_evidence(
    error: str, seen: SeenHandshake, *, has_client_certificate: bool
) -> Refusal | None:
    if seen.first_bytes and not seen.first_bytes.startswith(_RECORDS):
        return _not_tls(seen.first_bytes)
    if seen.version in _OLD_VERSIONS:
        return Refusal(
            Flaw.OLD_PROTOCOL,
            f"The receiver offers nothing newer than {_OLD_VERSIONS[seen.version]}; TLS 1.2 is the least "
            "that is safe.",
            "Let it speak TLS 1.2 or 1.3.",
        )
    theirs = _alert(seen.error)
    # Alerted when it had agreed on everything: it misses something in what we sent. RFC 5246, 7.4.6.
    wants_ours = theirs == _HANDSHAKE_FAILURE and seen.is_after_our_reply
    if wants_ours or theirs in _ABOUT_OURS:
        return _refused_ours() if has_client_certificate else _required()
    if _alert(error) == _HANDSHAKE_FAILURE or (seen.is_complete and _REASON.fullmatch(error)):
        return _too_weak(error, seen)
    if seen.is_complete:
        return Refusal(
            Flaw.HANDSHAKE_ENDED,
            f"The handshake failed ({error}), and a second one, right after it, did not.",
            "It may have been for a moment only; the receiver's own log says more.",
        )
    return None


def _too_weak(error: str, seen: SeenHandshake) -> Refusal:
    chosen = f"; with weaker ones allowed it chooses {seen.cipher}" if seen.is_complete else ""
    return Refusal(
        Flaw.NO_COMMON_CIPHER,
        f"The receiver offers no cipher and key exchange that is safe ({error}){chosen}.",
        "Let it offer the usual ones of TLS 1.2 or 1.3, of 112 bits of security or more.",
    )


def _refused_ours() -> Refusal:
    return Refusal(
        Flaw.CLIENT_CERTIFICATE_REFUSED,
        "The receiver demands a client certificate and did not take the webhook's.",
        "Give the webhook one that this receiver accepts; the receiver's own log says more.",
    )


def _not_tls(first_bytes: bytes) -> Refusal:
    if first_bytes.startswith(b"HTTP/"):
        return Refusal(
            Flaw.NOT_TLS,
            "The port speaks plain HTTP, not TLS.",
            "Give the webhook a URL with http:// or with the receiver's TLS port.",
        )
    return Refusal(
        Flaw.NOT_TLS,
        f"The port does not speak TLS: its answer began with {first_bytes[:16]!r}.",
        "Check the URL's port.",
    )
