"""Why a receiver believes a request, or does not: each of its signatures explained, for whoever asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from tocsin.domain.captured_request import CapturedRequest
from tocsin.domain.masking import MASK
from tocsin.errors import TocsinError
from tocsin_receiver import (
    Explanation,
    Mistake,
    Scheme,
    SignedPart,
    VerificationError,
    explain,
    explain_standard,
)
from tocsin_receiver.headers import find_header
from tocsin_receiver.receiving import SIGNATURE_HEADER

HEADERS: Final = {
    Scheme.VICTOROPS: (SIGNATURE_HEADER, "base64 of HMAC-SHA1, keyed with the auth code"),
    Scheme.STANDARD: (
        "webhook-signature",
        "v1, and base64 of HMAC-SHA256, keyed with the auth code",
    ),
}
_NONE: Final = "(none)"


class NothingToExplain(TocsinError):
    """What was given cannot be verified at all."""

    code: ClassVar[str] = "nothing_to_explain"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be explained. `request` is None if the fields were given one by one."""

    url: str
    fields: list[tuple[str, str]]
    request: CapturedRequest | None
    signature: str | None
    auth_codes: list[bytes]
    received_at: datetime


def explain_signatures(given: Given) -> list[Explanation]:
    """Explain each signature that there is. Raises: NothingToExplain."""
    try:
        return list(_explain(given))
    except VerificationError as refusal:
        raise NothingToExplain(str(refusal)) from None


def _explain(given: Given) -> Iterator[Explanation]:
    """Explain each signature that there is. Raises: VerificationError, NothingToExplain."""
    first, *others = given.auth_codes
    request = given.request
    headers = request.headers if request else ()
    shown = [find_header(headers, name) for name in (SIGNATURE_HEADER.lower(), "webhook-signature")]
    sent, standard = (None if value and MASK in value else value for value in shown)
    signature, has_standard = given.signature or sent, standard is not None
    if signature is None and not has_standard and any(shown):
        raise NothingToExplain(
            "the signatures in this request are masked, as a delivery shows them afterwards: give the "
            "request that the receiver got, or the --signature that it got"
        )
    if signature is not None or not has_standard:
        yield explain(
            given.url,
            given.fields if request is None else request.body,
            first,
            signature,
            other_auth_codes=others,
            seen_urls=request.seen_urls if request else (),
        )
    if request is not None and has_standard:
        yield explain_standard(
            first,
            headers,
            request.body,
            now=given.received_at.timestamp(),
            other_auth_codes=others,
        )


def is_stale(found: Explanation) -> bool:
    """Return whether its timestamp is too far from when it came."""
    return any(finding.mistake is Mistake.STALE_TIMESTAMP for finding in found.findings)


def origin_of(part: SignedPart) -> str:
    """Return where some signed bytes come from."""
    return "URL" if part.origin == "url" else part.origin


def differences(found: Explanation) -> Iterator[tuple[str, str, str]]:
    """Yield the parts that were signed otherwise than verified, in whatever order."""
    if found.signed is None:
        return
    verified = {(part.origin, part.field): part.text for part in found.parts}
    signed = {(part.origin, part.field): part.text for part in found.signed}
    for place in dict.fromkeys([*verified, *signed]):
        ours, theirs = verified.get(place, _NONE), signed.get(place, _NONE)
        if ours != theirs:
            yield "URL" if place[0] == "url" else " of ".join(filter(None, place)), ours, theirs
    if verified == signed and found.parts != found.signed:
        yield "order", _names(found.parts), _names(found.signed)


def _names(parts: tuple[SignedPart, ...]) -> str:
    return ", ".join(part.field for part in parts if part.origin == "name")
