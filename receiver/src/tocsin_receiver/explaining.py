"""What a signature is of, byte by byte, and which usual mistake it comes from.

Nothing here holds the auth code or the signature that would be right: an explanation that was
pasted somewhere must not let anybody forge the request that it explains.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tocsin_receiver.errors import MissingSignature
from tocsin_receiver.explanation import Explanation, Scheme, make_explanation
from tocsin_receiver.fields import Fields, decode_form, signed_text, unique_fields
from tocsin_receiver.mistakes import Finding, Mistake
from tocsin_receiver.other_forms import OtherForm, other_forms, with_one_field_changed
from tocsin_receiver.other_keys import keys_of, other_keys
from tocsin_receiver.other_signatures import readings
from tocsin_receiver.other_urls import other_urls, url_findings
from tocsin_receiver.searching import Found, Key, Part, distinct, part, search
from tocsin_receiver.signed_content import Bytes, sorted_form
from tocsin_receiver.signing import AuthCode, is_same, key_of, sign_text

_LONGEST_TEXT = 16 * 1024
"""For an error, of a longer form only the URL and the auth code are tried in other ways."""
_FOR_AN_ERROR = 1_000_000
"""Bytes that are signed at most: some milliseconds."""
_FOR_A_PERSON = 200_000_000
_OTHER_SCHEME = re.compile(r"\s*v1a?,")


def explain(
    url: str,
    form: Fields | bytes,
    auth_code: AuthCode,
    signature: str | None,
    *,
    other_auth_codes: Iterable[AuthCode] = (),
    seen_urls: Iterable[str] = (),
) -> Explanation:
    """Return what `X-VictorOps-Signature` was verified with, and why it does not match.

    `form` is the body's bytes, or the fields as a program has them. `other_auth_codes` are further
    ones that it may be signed with; `seen_urls` are what the request itself says of its URL.
    Raises: VerificationError, if there is nothing to verify: no signature, no form, no auth code.
    """
    if signature is None or signature == "":
        raise MissingSignature("there is no X-VictorOps-Signature to explain")
    is_same("", signature)  # raises what verifying would raise, as the next lines do
    fields, findings = _fields_of(form)
    sign_text(url, signed_text(fields), auth_code)
    key = key_of(auth_code)
    keys = keys_of(key, map(key_of, other_auth_codes), other_keys(key))
    given = part(sorted_form(fields), findings)
    urls = _urls(url, seen_urls)
    body = form if isinstance(form, bytes) else None
    found = _search(urls, _forms(given, fields, url, body), keys, signature, most=3)
    if found is None:  # there may be many fields, so one by one comes last, and alone
        others = with_one_field_changed(fields, is_decoded=body is not None)
        forms = [given, *(_part(other, findings) for other in others)]
        found = _search(urls[:1], forms, keys[:1], signature, most=1)
    pieces = [*urls[0].content.pieces(), *given.content.pieces()]
    return make_explanation(
        Scheme.VICTOROPS, pieces, found, findings or _of_other_scheme(signature)
    )


def bad_signature_findings(
    url: str, fields: dict[str, str], auth_code: AuthCode, signature: str, *, is_decoded: bool
) -> tuple[Finding, ...]:
    """Return which usual mistake makes a signature that does not match; often it is none of them.

    For the message of an error: mistakes are tried alone, and not for long.
    """
    if not readings(signature, algorithm="sha1"):
        return tuple(_of_other_scheme(signature))
    key = key_of(auth_code)
    keys = keys_of(key, (), other_keys(key))
    forms = [part(sorted_form(fields))]
    if len(forms[0].message) <= _LONGEST_TEXT:
        forms = _forms(forms[0], fields, url, b"" if is_decoded else None)
    found = _search(_urls(url, ()), forms, keys, signature, most=1, at_most=_FOR_AN_ERROR)
    return tuple(found.findings if found else _of_other_scheme(signature))


def _search(
    urls: list[Part],
    forms: list[Part],
    keys: list[Key],
    signature: str,
    *,
    most: int,
    at_most: int = _FOR_A_PERSON,
) -> Found | None:
    digests = readings(signature, algorithm="sha1")
    return search(urls, forms, keys, digests, most_mistakes=most, most_bytes=at_most)


def _urls(url: str, seen_urls: Iterable[str]) -> list[Part]:
    others = [*other_urls(url, seen_urls), ""]
    likely = [part(_url(other), url_findings(url, other)) for other in others]
    return [part(_url(url)), *likely]


def _url(url: str) -> Bytes:
    return Bytes("url", url.encode())


def _forms(given: Part, fields: dict[str, str], url: str, body: bytes | None) -> list[Part]:
    """Return the fields, then what may have been signed in their place, each once."""
    query = url.partition("?")[2]
    others = list(other_forms(fields, query=query, is_decoded=body is not None))
    if body:
        what, fix = (
            "the signature was made of the body's bytes",
            "sign the decoded names and values",
        )
        others.insert(0, OtherForm(Bytes("body", body), Finding(Mistake.RAW_BODY, what, fix)))
    return distinct([given, *(_part(other, given.findings) for other in others)])


def _part(form: OtherForm, findings: list[Finding]) -> Part:
    return part(form.content, [*findings, form.finding])


def _fields_of(form: Fields | bytes) -> tuple[dict[str, str], list[Finding]]:
    """Return the fields, and what is wrong with them anyway. Raises: VerificationError."""
    if not isinstance(form, bytes):
        return unique_fields(form), []
    fields = fields_of_json(form)
    return (decode_form(form), []) if fields is None else (fields, [json_finding()])


def json_finding() -> Finding:
    what = "the body is JSON, and webhooks send forms"
    fix = "take the body's bytes as they arrive, before a gateway or framework converts them"
    return Finding(Mistake.JSON_BODY, what, fix)


def fields_of_json(body: bytes) -> dict[str, str] | None:
    """Return the fields of a form that somebody made JSON of; None if it is no JSON object."""
    try:
        found = json.loads(body)
        if not isinstance(found, dict):
            return None
        return {_whole(name): _whole(_as_text(value)) for name, value in found.items()}
    except (ValueError, RecursionError):
        return None


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> str:
    """Replace half characters, which no form can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _of_other_scheme(signature: str) -> list[Finding]:
    if not _OTHER_SCHEME.match(signature):
        return []
    what = "this is the value of webhook-signature, of Standard Webhooks"
    return [Finding(Mistake.OTHER_SCHEME, what, "verify it with verify_standard")]
