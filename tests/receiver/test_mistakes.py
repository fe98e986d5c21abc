"""The usual mistakes are named: by explanations, and by the errors of verifying."""

import base64
import hmac
import json
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote

import pytest
from tests.receiver.signed_by_hand import (
    AUTH_CODE,
    FIELDS,
    FORM,
    SIGNATURE,
    URL,
    mistakes,
    signed,
    together,
    with_values,
)

from tocsin_receiver import (
    BadSignature,
    MalformedBody,
    explain,
    read,
    sign,
    signing_order,
    verify,
)
from tocsin_receiver.other_signatures import Reading
from tocsin_receiver.searching import Key, part, search
from tocsin_receiver.signed_content import Bytes

# What receivers do wrong: they verify something else than what was signed.

RECEIVERS: dict[str, tuple[list[str], str, Any, str | bytes]] = {
    "slash added": (["trailing_slash"], URL + "/", FIELDS, AUTH_CODE),
    "port added": (["port"], URL.replace(".example", ".example:443"), FIELDS, AUTH_CODE),
    "behind a proxy": (
        ["scheme", "port"],
        "http" + URL[5:].replace(".example", ".example:8000"),
        FIELDS,
        AUTH_CODE,
    ),
    "query added": (["query"], URL + "?team=a", FIELDS, AUTH_CODE),
    "host in capitals": (["host"], URL.replace("pager", "PAGER"), FIELDS, AUTH_CODE),
    "slash twice": (["path"], URL.replace("/hooks/", "/hooks//"), FIELDS, AUTH_CODE),
    "line's end after the URL": (["url_whitespace"], URL + "\n", FIELDS, AUTH_CODE),
    "quotes stripped": (
        ["quotes_stripped"],
        URL,
        with_values(lambda value: value.strip('"')),
        AUTH_CODE,
    ),
    "not decoded": (["not_decoded"], URL, with_values(quote_plus), AUTH_CODE),
    "empty fields dropped": (
        ["missing_field"],
        URL,
        {name: value for name, value in FIELDS.items() if value},
        AUTH_CODE,
    ),
    "a framework's field": (["extra_field"], URL, {**FIELDS, "_token": "x"}, AUTH_CODE),
    "some field": (["extra_field"], URL, {**FIELDS, "whatever": "x"}, AUTH_CODE),
    "PHP's names": (
        ["field_names"],
        URL,
        {name.replace(".", "_"): value for name, value in FIELDS.items()},
        AUTH_CODE,
    ),
    "Latin-1": (
        ["charset"],
        URL,
        with_values(lambda value: value.encode().decode("latin-1")),
        AUTH_CODE,
    ),
    "one empty field dropped": (
        ["missing_field"],
        URL,
        {name: value for name, value in FIELDS.items() if name != "message"},
        AUTH_CODE,
    ),
    "the other one": (
        ["missing_field"],
        URL,
        {name: value for name, value in FIELDS.items() if name != "summary"},
        AUTH_CODE,
    ),
    "taken apart": (
        ["charset"],
        URL,
        with_values(lambda value: unicodedata.normalize("NFD", value)),
        AUTH_CODE,
    ),
    "JSON": (["json_body"], URL, json.dumps(FIELDS).encode(), AUTH_CODE),
    "code with a line's end": (["auth_code_whitespace"], URL, FIELDS, AUTH_CODE + "\n"),
    "code in quotes": (["auth_code_quoted"], URL, FIELDS, f'"{AUTH_CODE}"'),
    "whsec_": (
        ["auth_code_spelling"],
        URL,
        FIELDS,
        "whsec_" + base64.b64encode(AUTH_CODE.encode()).decode(),
    ),
    "proxy and quotes": (
        ["scheme", "quotes_stripped"],
        "http" + URL[5:],
        with_values(lambda value: value.strip('"')),
        AUTH_CODE,
    ),
    "slash, JSON and whitespace": (
        ["trailing_slash", "json_body", "auth_code_whitespace"],
        URL + "/",
        json.dumps(FIELDS).encode(),
        f" {AUTH_CODE}",
    ),
}


@pytest.mark.parametrize("case", RECEIVERS.values(), ids=RECEIVERS)
def test_what_a_receiver_does_wrong_is_named(case: tuple[list[str], str, Any, str]) -> None:
    """Alone and together; and what was really signed is shown."""
    expected, url, form, auth_code = case
    found = explain(url, form, auth_code, SIGNATURE)
    assert mistakes(found) == expected
    assert not found.is_believed
    assert found.signed
    assert signed(b"".join(part.data for part in found.signed)) == SIGNATURE
    for finding in found.findings:
        assert finding.what in found.verdict
        assert finding.fix in found.verdict


def test_spaces_that_were_left_as_plus_signs_are_named() -> None:
    """A form is not decoded as a path is."""
    fields = {"summary": "disk is full", "entity_id": '"db-4"'}
    as_a_path = {**fields, "summary": "disk+is+full"}
    found = explain(URL, as_a_path, AUTH_CODE, sign(URL, fields, AUTH_CODE))
    assert mistakes(found) == ["plus_signs"]


def test_a_form_that_was_read_as_windows_reads_it_is_named() -> None:
    """Which is not Latin-1."""
    fields = {"state_message": '"5 \u20ac"'}
    misread = {name: value.encode().decode("cp1252") for name, value in fields.items()}
    assert mistakes(explain(URL, misread, AUTH_CODE, sign(URL, fields, AUTH_CODE))) == ["charset"]


DECODED_TWICE = {
    "a zone": {"timestamp": '"2026-11-02T03:00:00+01:00"', "summary": "a b"},
    "everywhere": {"entity_id": '"a+b"', "summary": "c+d"},
    "in one value": {"entity_id": '"a+b"', "summary": "c d"},
}


@pytest.mark.parametrize("fields", DECODED_TWICE.values(), ids=DECODED_TWICE)
def test_a_form_that_was_decoded_twice_is_named(fields: dict[str, str]) -> None:
    """Its plus signs have become spaces."""
    twice = {name: value.replace("+", " ") for name, value in fields.items()}
    assert mistakes(explain(URL, twice, AUTH_CODE, sign(URL, fields, AUTH_CODE))) == [
        "decoded_twice"
    ]


# What senders do wrong, such as a test that signs by itself.

ORDERED = signing_order(FIELDS)
SENDERS: dict[str, tuple[list[str], str]] = {
    "order of arrival": (["sort_order"], signed(together(list(FIELDS)))),
    "small letters first": (["sort_order"], signed(together(sorted(FIELDS, key=str.lower)))),
    "dictionary order": (
        ["sort_order"],
        signed(together(sorted(FIELDS, key=lambda name: name.lower().strip("_").replace("_", "")))),
    ),
    "backwards": (["sort_order"], signed(together(ORDERED[::-1]))),
    "without quotes": (
        ["quotes_not_signed"],
        signed(together(ORDERED, with_values(lambda value: value.strip('"')))),
    ),
    "encoded": (["not_decoded"], signed(together(ORDERED, with_values(quote_plus)))),
    "decoded twice": (
        ["decoded_twice"],
        signed(together(ORDERED, with_values(lambda value: unquote(value.replace("+", " "))))),
    ),
    "without the URL": (["url_left_out"], signed(together(ORDERED)[len(URL) :])),
    "the body": (["raw_body"], signed(URL.encode() + FORM)),
    "the body alone": (["url_left_out", "raw_body"], signed(FORM)),
    "put together again": (
        ["raw_body"],
        signed(URL + "&".join(f"{name}={FIELDS[name]}" for name in ORDERED)),
    ),
    "without empty fields": (
        ["missing_field"],
        signed(together([name for name in ORDERED if FIELDS[name]])),
    ),
    "Latin-1": (["charset"], signed(together(ORDERED).encode("latin-1"))),
    "code with a line's end": (
        ["auth_code_whitespace"],
        signed(together(ORDERED), key=AUTH_CODE + "\n"),
    ),
    "whsec_ as the key": (
        ["auth_code_spelling"],
        signed(
            together(ORDERED),
            key=b"whsec_" + base64.b64encode(AUTH_CODE.encode()),
        ),
    ),
    "SHA-256": (["other_digest"], signed(together(ORDERED), digest="sha256")),
    "hexadecimal": (["signature_spelling"], base64.b64decode(SIGNATURE).hex()),
    "hexadecimal with a label": (
        ["other_digest"],
        f"sha256={hmac.new(AUTH_CODE.encode(), together(ORDERED).encode(), 'sha256').hexdigest()}",
    ),
    "without padding": (["signature_spelling"], SIGNATURE.rstrip("=")),
    "for URLs": (["signature_spelling"], SIGNATURE.translate(str.maketrans("+/", "-_")) + " "),
    "in quotes": (["signature_spelling"], f'"{SIGNATURE}"'),
    "cut off": (["signature_truncated"], SIGNATURE[:24]),
    "the other signature": (["other_scheme"], "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
}


@pytest.mark.parametrize("case", SENDERS.values(), ids=SENDERS)
def test_what_a_sender_does_wrong_is_named(case: tuple[list[str], str]) -> None:
    """Who signs by hand in a test learns what is different."""
    expected, signature = case
    assert mistakes(explain(URL, FORM, AUTH_CODE, signature)) == expected


@pytest.mark.parametrize("decode", [base64.b64decode, base64.urlsafe_b64decode, bytes.fromhex])
def test_an_auth_code_that_was_decoded_is_named(decode: Callable[[str], bytes]) -> None:
    """It is text, and not base64 or hexadecimal, even where it could be."""
    code = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    signature = signed(together(ORDERED), key=decode(code))
    assert mistakes(explain(URL, FIELDS, code, signature)) == ["auth_code_decoded"]


# The errors say the same.

ONE_BY_ONE = [
    name
    for name, (expected, _, form, _) in RECEIVERS.items()
    if len(expected) <= 2
    and isinstance(form, dict)
    and name not in ("some field", "proxy and quotes")
]


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_the_error_says_what_the_explanation_says(name: str) -> None:
    """`verify` finds the same mistakes, where there is one alone."""
    expected, url, form, auth_code = RECEIVERS[name]
    with pytest.raises(BadSignature) as refusal:
        verify(url, form, auth_code, SIGNATURE)
    assert [finding.mistake.value for finding in refusal.value.findings] == expected
    assert str(refusal.value) == explain(url, form, auth_code, SIGNATURE).verdict


@pytest.mark.parametrize(
    "name", ["order of arrival", "cut off", "the other signature", "decoded twice"]
)
def test_the_error_of_a_raw_request_says_the_same(name: str) -> None:
    """`read` knows that the form was decoded once."""
    expected, signature = SENDERS[name]
    with pytest.raises(BadSignature) as refusal:
        read(URL, {"X-VictorOps-Signature": signature}, FORM, AUTH_CODE)
    assert [finding.mistake.value for finding in refusal.value.findings] == expected


def test_of_a_long_form_the_error_tells_less() -> None:
    """Whoever sends nonsense must not order work; `explain` is asked by a person, and has time."""
    long = {**FIELDS, "state_message": '"' + 20_000 * "x" + '"'}
    stripped = {name: value.strip('"') for name, value in long.items()}
    signature = sign(URL, long, AUTH_CODE)
    with pytest.raises(BadSignature) as refusal:
        verify(URL, stripped, AUTH_CODE, signature)
    assert refusal.value.findings == ()
    assert mistakes(explain(URL, stripped, AUTH_CODE, signature)) == ["quotes_stripped"]
    with pytest.raises(BadSignature, match="slash"):
        verify(URL + "/", long, AUTH_CODE, signature)


def test_the_search_ends_when_it_has_signed_enough() -> None:
    """However much there is to try."""
    digest = hmac.digest(b"key", b"ac", "sha1")
    tried = [part(Bytes("body", text)) for text in (b"a", b"b", b"c")]
    begin, keys = [part(Bytes("url", b"a"))], [Key(b"key", [])]
    readings = [Reading(digest, "sha1", None)]
    assert search(begin, tried, keys, readings, most_mistakes=1, most_bytes=4)
    assert search(begin, tried, keys, readings, most_mistakes=1, most_bytes=3) is None
    assert search(begin, tried, keys, readings, most_mistakes=0, most_bytes=9) is None


@pytest.mark.parametrize("body", [b'{"incident": "8"}', b" [1, 2]", b'{"a": "x&y"}'])
def test_the_error_about_json_says_that_it_is_json(body: bytes) -> None:
    """Whoever reads it looks for what converts the body, and not at their form parser."""
    with pytest.raises(MalformedBody, match="the body is JSON, and webhooks send forms"):
        read(URL, {"X-VictorOps-Signature": SIGNATURE}, body, AUTH_CODE)
