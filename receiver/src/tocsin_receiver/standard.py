"""The signature of Standard Webhooks: it binds the delivery, the second and the body's bytes.

Source: the Standard Webhooks specification, "Webhook Signature" (symmetric, `v1`). Tocsin sends
it beside VictorOps' own, keyed with the same auth code.
"""

import base64
import hmac
import re

from tocsin_receiver.errors import (
    BadSignature,
    MalformedBody,
    MalformedHeader,
    MissingSignature,
    StaleTimestamp,
    UnusableAuthCode,
)
from tocsin_receiver.headers import Headers, find_header
from tocsin_receiver.signing import AuthCode, base64_text, is_same, key_of

TOLERANCE_SECONDS = 300.0

_SECRET_PREFIX = b"whsec_"
_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,255}")  # visible ASCII; a full stop would be a delimiter
_WHOLE_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")


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
    message_id = _required(headers, "webhook-id")
    timestamp = _required(headers, "webhook-timestamp")
    signatures = _required(headers, "webhook-signature")
    expected = _token(auth_code, message_id, timestamp, body)
    # A token in a version or form that is unknown here hides no other.
    if not any(is_same(expected, token) for token in signatures.split(" ")):
        raise BadSignature(
            "no signature matches: verify the body's bytes as they arrived, with this webhook's "
            "auth code"
        )
    age = now - int(timestamp)
    if not abs(age) <= tolerance:  # so that NaN is refused, too
        raise StaleTimestamp(
            f"signed {age:.0f} s ago, and {tolerance:.0f} s are allowed: a replay, or a wrong clock"
        )
    return message_id


def sign_standard(auth_code: AuthCode, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`.

    Units: `timestamp` is whole Unix seconds.
    Raises: MalformedHeader, MalformedBody, UnusableAuthCode.
    """
    return _token(auth_code, message_id, str(timestamp), body)


def _required(headers: Headers, name: str) -> str:
    value = find_header(headers, name)
    if not value:
        raise MissingSignature(f"the request has no {name} header; it is not a standard webhook")
    return value


def _token(auth_code: AuthCode, message_id: str, timestamp: str, body: bytes) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MalformedHeader("webhook-id is not up to 255 visible characters without a full stop")
    if not _WHOLE_SECONDS.fullmatch(timestamp):
        raise MalformedHeader("webhook-timestamp is not whole Unix seconds")
    if not isinstance(body, bytes):
        raise MalformedBody("give the body as the bytes that arrived, before anything parsed them")
    message = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    return "v1," + base64_text(hmac.digest(_standard_key(auth_code), message, "sha256"))


def _standard_key(auth_code: AuthCode) -> bytes:
    key = key_of(auth_code)
    if not key.startswith(_SECRET_PREFIX):
        return key
    try:
        return key_of(base64.b64decode(key[len(_SECRET_PREFIX) :], validate=True))
    except ValueError as error:
        raise UnusableAuthCode(
            "what follows whsec_ is not base64; copy the secret again"
        ) from error
