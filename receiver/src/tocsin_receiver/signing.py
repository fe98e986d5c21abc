"""The signature of VictorOps: base64 of HMAC-SHA1 over the URL and the sorted form.

Source: Splunk On-Call documentation, "Escalation webhooks". The scheme has no timestamp and no
delimiters; the one of `tocsin_receiver.standard` has both.
"""

import base64
import binascii
import hmac
from typing import Union

from tocsin_receiver.errors import MalformedField, MalformedHeader, UnusableAuthCode, UnusableUrl
from tocsin_receiver.fields import Fields, signed_text

AuthCode = Union[str, bytes]
SECRET_PREFIX = b"whsec_"


def sign(url: str, fields: Fields, auth_code: AuthCode) -> str:
    """Return the value of `X-VictorOps-Signature`: 28 characters of base64.

    Raises: DuplicateField, MalformedField, UnusableAuthCode, UnusableUrl.
    """
    return sign_text(url, signed_text(fields), auth_code)


def sign_text(url: str, text: str, auth_code: AuthCode) -> str:
    """Return the signature for `text`, the `signed_text` that a server makes once for each body.

    Raises: MalformedField, UnusableAuthCode, UnusableUrl.
    """
    if not isinstance(url, str) or not url:
        raise UnusableUrl("the URL is missing; give the one configured in the webhook")
    try:
        message = (url + text).encode()
    except UnicodeEncodeError as error:
        raise MalformedField("the URL or a field holds half a character (a surrogate)") from error
    return base64_text(hmac.digest(key_of(auth_code), message, "sha1"))


def key_of(auth_code: AuthCode) -> bytes:
    """Return the auth code's own characters as bytes; nothing in it is decoded.

    Raises: UnusableAuthCode. An empty one above all: anybody could sign with that.
    """
    try:
        key = auth_code if isinstance(auth_code, bytes) else auth_code.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise UnusableAuthCode(
            "the auth code is not text; give it as the webhook shows it"
        ) from error
    if not key:
        raise UnusableAuthCode("the auth code is empty; is the setting that holds it missing?")
    return key


def standard_key_of(auth_code: AuthCode) -> bytes:
    """Return the key of a Standard Webhooks signature: what follows `whsec_` is base64 of it.

    Raises: UnusableAuthCode.
    """
    key = key_of(auth_code)
    if not key.startswith(SECRET_PREFIX):
        return key
    try:
        return key_of(base64.b64decode(key[len(SECRET_PREFIX) :], validate=True))
    except ValueError as error:
        raise UnusableAuthCode(
            "what follows whsec_ is not base64; copy the secret again, without a space or a line's "
            "end around it"
        ) from error


def base64_text(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).decode()


def is_same(expected: str, given: str) -> bool:
    """Compare in constant time. Raises: MalformedHeader, if `given` is not text."""
    if not isinstance(given, str):
        raise MalformedHeader("the signature is not text; give the header's value")
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
