"""From how an attempt failed, and what a second handshake showed, to the reasons."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.domain.certificate_refusal import Asked, certificate_refusals
from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.handshake_refusal import handshake_refusal, is_about_our_certificate
from tocsin.domain.tls_refusal import Refusal
from tocsin.transport.certificates import read_pem
from tocsin.transport.exchange import Destination
from tocsin.transport.tls import server_name

_NOTHING = SeenHandshake(is_complete=False)


def needs_evidence(error: str, verify_code: int) -> bool:
    """Return whether a second handshake could tell more than the error itself."""
    return bool(verify_code) or not is_about_our_certificate(error)


def refusals(
    destination: Destination,
    *,
    error: str,
    verify_code: int,
    verify_text: str,
    seen: SeenHandshake | None,
    now: datetime,
) -> Sequence[Refusal]:
    """Return why there was no TLS, the main reason first; at least one.

    `error`, `verify_code` and `verify_text` are those of the handshake that mattered; `seen` is the
    one that was made to look, or None.
    """
    if not verify_code:
        has_client = destination.client is not None
        return [handshake_refusal(error, seen, has_client_certificate=has_client)]
    bundle = destination.ca_bundle
    asked = Asked(
        host=server_name(destination.host),
        now=now,
        bundle=None if bundle is None else frozenset(each.subject for each in read_pem(bundle)),
    )
    shown = replace(seen or _NOTHING, verify_code=verify_code, verify_text=verify_text)
    return certificate_refusals(shown, asked)


def refusal_text(found: Sequence[Refusal]) -> str:
    """Return what a person should read: the main reason with its advice, and what else is wrong."""
    main, *others = found
    more = f" Besides: {' '.join(other.sentence for other in others)}" if others else ""
    return f"{main.text}{more}"
