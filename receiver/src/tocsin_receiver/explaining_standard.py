"""What a Standard Webhooks signature is of, and which usual mistake it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tocsin_receiver.errors import VerificationError
from tocsin_receiver.explaining import fields_of_json, json_finding
from tocsin_receiver.explanation import Explanation, Scheme, make_explanation
from tocsin_receiver.fields import decode_form
from tocsin_receiver.headers import Headers
from tocsin_receiver.mistakes import Finding, Mistake
from tocsin_receiver.other_forms import as_sent
from tocsin_receiver.other_keys import keys_of, other_standard_keys
from tocsin_receiver.other_signatures import Reading, readings
from tocsin_receiver.searching import Found, Part, distinct, part, search
from tocsin_receiver.signed_content import Bytes
from tocsin_receiver.signing import AuthCode, key_of, standard_key_of
from tocsin_receiver.standard_message import StandardMessage, read_message

TOLERANCE_SECONDS = 300.0

_PREFIX = "v1,"
_MOST_TOKENS = 16
_FOR_AN_ERROR = 1_000_000
_FOR_A_PERSON = 200_000_000
_VICTOROPS = re.compile(r"\s*[A-Za-z0-9+/]{27}=\s*")


def explain_standard(
    auth_code: AuthCode,
    headers: Headers,
    body: bytes,
    *,
    now: float,
    tolerance: float = TOLERANCE_SECONDS,
    other_auth_codes: Iterable[AuthCode] = (),
) -> Explanation:
    """Return what `webhook-signature` was verified with, and why it is not believed.

    Units: `now` is Unix time in seconds.
    Raises: VerificationError, if there is nothing to verify: no signature, no auth code.
    """
    message, signatures = read_message(headers, body)
    found = _search(
        message,
        signatures,
        auth_code,
        map(standard_key_of, other_auth_codes),
        most=2,
        at_most=_FOR_A_PERSON,
    )
    if found is not None:
        found.findings.extend(stale_findings(message, now=now, tolerance=tolerance))
    pieces = [*message.head.pieces(), *Bytes("body", message.body).pieces()]
    return make_explanation(Scheme.STANDARD, pieces, found, _of_other_scheme(signatures))


def bad_standard_findings(
    message: StandardMessage, signatures: str, auth_code: AuthCode
) -> tuple[Finding, ...]:
    """Return which usual mistake makes a signature that does not match; often it is none of them."""
    found = _search(message, signatures, auth_code, (), most=1, at_most=_FOR_AN_ERROR)
    return tuple(found.findings if found else _of_other_scheme(signatures))


def stale_findings(message: StandardMessage, *, now: float, tolerance: float) -> list[Finding]:
    """Return whether a message is too old, or too far ahead: a replay, or a clock that is wrong."""
    age = now - int(message.head.timestamp)
    if abs(age) <= tolerance:
        return []
    signed = f"{-age:.0f} s ahead" if age < 0 else f"{age:.0f} s ago"  # also inf, and NaN
    what = (
        f"signed {signed}, and {tolerance:.0f} s are allowed, so it is a replay or a clock is wrong"
    )
    fix = "set the clocks by NTP, and refuse what is really old"
    return [Finding(Mistake.STALE_TIMESTAMP, what, fix)]


def _search(
    message: StandardMessage,
    signatures: str,
    auth_code: AuthCode,
    others: Iterable[bytes],
    *,
    most: int,
    at_most: int,
) -> Found | None:
    keys = keys_of(standard_key_of(auth_code), others, other_standard_keys(key_of(auth_code)))
    digests = _readings(signatures)
    if not digests:
        return None
    bodies = [part(Bytes("body", message.body))]
    if len(message.body) * len(keys) <= at_most:
        bodies = distinct(_bodies(message.body))
    return search(
        [part(message.head)], bodies, keys, digests, most_mistakes=most, most_bytes=at_most
    )


def _readings(signatures: str) -> list[Reading]:
    found: list[Reading] = []
    for token in signatures.split(" ")[:_MOST_TOKENS]:
        whole = readings(token.removeprefix(_PREFIX), algorithm="sha256")
        if whole and not token.startswith(_PREFIX) and whole[0].finding is None:
            what, fix = "the signature has lost its v1,", "compare the header as it is"
            finding = Finding(Mistake.SIGNATURE_SPELLING, what, fix)
            whole = [each._replace(finding=finding) for each in whole]
        found += whole
    return sorted(found, key=lambda reading: reading.finding is not None)


def _bodies(body: bytes) -> Iterator[Part]:
    """Yield the body as it is, then what it may have been."""
    yield part(Bytes("body", body))
    what, fix = "a line's end was added after the body", "verify the bytes as they arrived"
    finding = Finding(Mistake.BODY_CHANGED, what, fix)
    yield part(Bytes("body", body.rstrip(b"\r\n")), [finding])
    fields = fields_of_json(body)
    if fields is not None:
        yield part(Bytes("body", _as_sent(fields)), [json_finding()])
        return
    try:
        again = _as_sent(decode_form(body))
    except VerificationError:
        return
    finding = Finding(Mistake.BODY_CHANGED, "the body was parsed and put together again", fix)
    yield part(Bytes("body", again), [finding])


def _as_sent(fields: dict[str, str]) -> bytes:
    pairs = (f"{as_sent(name)}={as_sent(value)}" for name, value in fields.items())
    return "&".join(pairs).encode()


def _of_other_scheme(signatures: str) -> list[Finding]:
    if not _VICTOROPS.fullmatch(signatures):
        return []
    what = "this is the value of X-VictorOps-Signature"
    return [Finding(Mistake.OTHER_SCHEME, what, "verify it with verify")]
