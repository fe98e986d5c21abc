"""What a receiver asks of a request: did the owner of this auth code sign it, for this URL?"""

from __future__ import annotations

from tocsin_receiver.errors import BadSignature, MissingSignature
from tocsin_receiver.explaining import bad_signature_findings
from tocsin_receiver.explanation import NOTHING_USUAL, Scheme
from tocsin_receiver.fields import Fields, decode_form, signed_text, unique_fields
from tocsin_receiver.headers import Headers, find_header
from tocsin_receiver.mistakes import sentence
from tocsin_receiver.signing import AuthCode, is_same, sign_text

SIGNATURE_HEADER = "X-VictorOps-Signature"


def read(url: str, headers: Headers, body: bytes, auth_code: AuthCode) -> dict[str, str]:
    """Return the fields of a request that the owner of `auth_code` signed for `url`.

    `url` is the one configured in the webhook, character by character, and not the one that a
    framework makes up from the request; `body` is the bytes that arrived.
    Raises: VerificationError, and nothing else.
    """
    signature = find_header(headers, SIGNATURE_HEADER.lower())
    fields = decode_form(body)
    _verify(url, fields, auth_code, signature, is_decoded=True)
    return fields


def verify(url: str, fields: Fields, auth_code: AuthCode, signature: str | None) -> None:
    """Return if `signature` is that of `fields` for `url`; otherwise raise.

    `fields` are decoded, and keep the double quotes around their values. The form object of
    Flask, Django, Starlette or aiohttp will do.
    Raises: VerificationError, and nothing else.
    """
    _verify(url, fields, auth_code, signature, is_decoded=False)


def _verify(
    url: str, fields: Fields, auth_code: AuthCode, signature: str | None, *, is_decoded: bool
) -> None:
    if signature is None or signature == "":
        raise MissingSignature(f"the request has no {SIGNATURE_HEADER}: whoever sent it, refuse it")
    known = unique_fields(fields)
    if is_same(sign_text(url, signed_text(known), auth_code), signature):
        return
    findings = bad_signature_findings(url, known, auth_code, signature, is_decoded=is_decoded)
    wrong = sentence(findings) if findings else NOTHING_USUAL[Scheme.VICTOROPS]
    raise BadSignature(wrong, findings)
