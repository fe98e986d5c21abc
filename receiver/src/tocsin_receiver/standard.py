"""The signature of Standard Webhooks: it binds the delivery, the second and the body's bytes.

Source: the Standard Webhooks specification, "Webhook Signature" (symmetric, `v1`). Tocsin sends
it beside VictorOps' own, keyed with the same auth code.
"""

import hmac

from tocsin_receiver.errors import BadSignature, StaleTimestamp
from tocsin_receiver.explaining_standard import (
    TOLERANCE_SECONDS,
    bad_standard_findings,
    stale_findings,
)
from tocsin_receiver.explanation import NOTHING_USUAL, Scheme
from tocsin_receiver.headers import Headers
from tocsin_receiver.mistakes import sentence
from tocsin_receiver.signing import AuthCode, base64_text, is_same, standard_key_of
from tocsin_receiver.standard_message import StandardMessage, make_message, read_message


def verify_standard(
    auth_code: AuthCode,
    headers: Headers,
    body: bytes,
    *,
    now: float,
    tolerance: float = TOLERANCE_SECONDS,
) -> str:
    """Return the delivery's id (the same for each of its attempts) if `body` is authentic and fresh.

    `auth_code` may also be spelled `whsec_` and base64, as Standard Webhooks libraries take it.
    Units: `now` is Unix time in seconds, `time.time()`; a signature made more than `tolerance`
    seconds before or after it is stale.
    Raises: VerificationError, and nothing else.
    """
    message, signatures = read_message(headers, body)
    expected = _token(auth_code, message)
    # A token in a version or form that is unknown here hides no other.
    if not any(is_same(expected, token) for token in signatures.split(" ")):
        findings = bad_standard_findings(message, signatures, auth_code)
        wrong = sentence(findings) if findings else NOTHING_USUAL[Scheme.STANDARD]
        raise BadSignature(wrong, findings)
    stale = stale_findings(message, now=now, tolerance=tolerance)
    if stale:
        raise StaleTimestamp(sentence(stale))
    return message.head.message_id


def sign_standard(auth_code: AuthCode, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`.

    Units: `timestamp` is whole Unix seconds.
    Raises: MalformedHeader, MalformedBody, UnusableAuthCode.
    """
    return _token(auth_code, make_message(message_id, str(timestamp), body))


def _token(auth_code: AuthCode, message: StandardMessage) -> str:
    signed = message.head.message() + message.body
    return "v1," + base64_text(hmac.digest(standard_key_of(auth_code), signed, "sha256"))
