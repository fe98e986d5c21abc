"""What the receiver library believes, and what it says when it does not."""

import json
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings  # type: ignore[import-untyped]
from django.http import QueryDict  # type: ignore[import-untyped]
from hypothesis import assume, example, given
from hypothesis import strategies as st
from multidict import MultiDict as AiohttpForm
from starlette.datastructures import FormData
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from werkzeug.datastructures import MultiDict

from tocsin_receiver import (
    BadSignature,
    DuplicateField,
    MalformedBody,
    MalformedField,
    MalformedHeader,
    MissingSignature,
    UnusableAuthCode,
    UnusableUrl,
    VerificationError,
    decode_form,
    read,
    sign,
    sign_text,
    signed_text,
    signing_order,
    verify,
)

VECTORS = json.loads(
    (Path(__file__).parent.parent / "wire" / "vectors.json").read_text(encoding="utf-8")
)
BODIES = {vector["name"]: vector for vector in VECTORS["bodies"]}

URL = "https://pager.nordhafen.example/escalation"
AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
FIELDS = {"incident": "8", "entity_id": '"db-4"', "summary": ""}
FORM = b"incident=8&entity_id=%22db-4%22&summary="
SIGNATURE = sign(URL, FIELDS, AUTH_CODE)
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "X-VictorOps-Signature": SIGNATURE}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_text = st.text(st.characters(), max_size=20)
fields_of_text = st.dictionaries(text, text, max_size=8)
garbage = (
    st.none()
    | st.integers()
    | any_text
    | st.binary(max_size=20)
    | st.lists(any_text | st.tuples(any_text, any_text) | st.integers(), max_size=4)
    | st.dictionaries(any_text | st.integers(), any_text | st.none() | st.lists(any_text))
)


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["url"])
def test_recorded_requests_are_believed(vector: dict[str, str]) -> None:
    """A body and a signature that another program made are verified, and give the fields."""
    recorded = BODIES[vector["body"]]
    headers = {"x-victorops-signature": vector["signature"]}
    fields = read(vector["url"], headers, recorded["form"].encode(), vector["auth_code"])
    assert [list(pair) for pair in fields.items()] == recorded["pairs"]


@given(text.filter(bool), fields_of_text, text.filter(bool))
def test_another_library_computes_the_same_signature(
    url: str, fields: dict[str, str], auth_code: str
) -> None:
    """Twilio's library knows the same construction.

    Where the two differ: it sorts by code points and not by UTF-16 code units, and takes a name
    that occurs twice, each value once, in the order of the values.
    """
    assume(sorted(fields) == signing_order(fields))
    expected = RequestValidator(auth_code).compute_signature(url, fields)
    assert sign(url, fields, auth_code) == expected
    verify(url, list(fields.items()), auth_code, expected)


def test_names_are_sorted_by_utf_16_code_units() -> None:
    """U+1F525 begins with the unit D83D, and so comes before U+FF21 and after U+D7A3."""
    assert signing_order(["\uff21", "\U0001f525", "\ud7a3", "b", "_", "B"]) == [
        *["B", "_", "b", "\ud7a3", "\U0001f525", "\uff21"]
    ]
    assert signed_text({"\uff21": "1", "\U0001f525": "2"}) == "\U0001f5252\uff211"


@given(fields_of_text, st.data())
@example({"a": "b"}, None)
def test_any_other_byte_needs_another_signature(fields: dict[str, str], data: Any) -> None:
    """Flip one bit of the URL, the auth code or the signed text: the signature is no more right."""
    parts = [URL.encode(), AUTH_CODE.encode(), signed_text(fields).encode()]
    which, at, bit = 0, 8, 1
    if data is not None:
        which = data.draw(st.sampled_from([number for number in range(3) if parts[number]]))
        at = data.draw(st.integers(0, len(parts[which]) - 1))
        bit = 1 << data.draw(st.integers(0, 6))
    changed = bytearray(parts[which])
    changed[at] ^= bit
    parts[which] = bytes(changed)
    try:
        url, signed = parts[0].decode(), parts[2].decode()
    except UnicodeDecodeError:
        return  # such bytes are no text, and cannot be given to sign
    assert sign_text(url, signed, parts[1]) != sign(URL, fields, AUTH_CODE)


@given(st.integers(0, 27), st.integers(0, 7))
def test_a_signature_that_is_nearly_right_is_wrong(at: int, bit: int) -> None:
    """Each of the 28 characters counts."""
    changed = bytearray(SIGNATURE.encode())
    changed[at] ^= 1 << bit
    with pytest.raises(BadSignature):
        verify(URL, FIELDS, AUTH_CODE, changed.decode("latin-1"))


@pytest.mark.parametrize(
    "signature", [SIGNATURE[:-1], SIGNATURE + "=", SIGNATURE + "\n", "é", "\ud800"]
)
def test_a_signature_of_another_form_is_wrong(signature: str) -> None:
    """Cut off, longer, or no ASCII at all: refused like any other."""
    with pytest.raises(BadSignature):
        verify(URL, FIELDS, AUTH_CODE, signature)


@given(garbage, garbage, garbage, garbage)
def test_garbage_raises_nothing_but_verification_errors(
    url: Any, fields: Any, auth_code: Any, signature: Any
) -> None:
    """Whatever arrives, and whatever a caller mixes up, the caller has one error to catch."""
    with pytest.raises(VerificationError):
        verify(url, fields, auth_code, signature)
    with pytest.raises(VerificationError):
        verify(URL, FIELDS, AUTH_CODE, signature)
    with pytest.raises(VerificationError):
        verify(URL, fields, AUTH_CODE, SIGNATURE)
    with pytest.raises(VerificationError):
        read(url, fields, signature, auth_code)


@given(garbage | st.just(HEADERS), garbage | st.binary() | st.just(FORM))
def test_garbage_requests_raise_nothing_but_verification_errors(headers: Any, body: Any) -> None:
    """No header and no body gets another exception out of `read`."""
    assume((headers, body) != (HEADERS, FORM))
    with pytest.raises(VerificationError):
        read(URL, headers, body, AUTH_CODE)


@pytest.mark.parametrize(
    "name", ["X-VictorOps-Signature", "x-victorops-signature", "X-VICTOROPS-SIGNATURE"]
)
@pytest.mark.parametrize(
    "shape",
    [
        lambda name: {name: SIGNATURE},
        lambda name: [("Host", "h"), (name, SIGNATURE)],
        lambda name: [(b"host", b"h"), (name.encode(), SIGNATURE.encode())],
        lambda name: iter([(name, SIGNATURE)]),
    ],
    ids=["mapping", "pairs", "asgi", "iterator"],
)
def test_the_header_is_found_in_any_case_and_shape(shape: Callable[[str], Any], name: str) -> None:
    """A proxy may spell it another way, and each framework keeps headers its own way."""
    assert read(URL, shape(name), FORM, AUTH_CODE) == FIELDS


def test_headers_of_the_standard_library_will_do() -> None:
    """`http.server` gives an email message."""
    headers = Message()
    headers["X-Victorops-Signature"] = SIGNATURE
    assert read(URL, headers, FORM, AUTH_CODE) == FIELDS


def test_two_signatures_are_none() -> None:
    """Nobody signs twice; a second header was put there by somebody else."""
    headers = [("X-VictorOps-Signature", SIGNATURE), ("x-victorops-signature", SIGNATURE)]
    with pytest.raises(MalformedHeader, match="2 times"):
        read(URL, headers, FORM, AUTH_CODE)


@pytest.mark.parametrize("signature", [None, ""])
def test_a_request_without_a_signature_is_refused(signature: str | None) -> None:
    """Nothing, and an empty header, are the same."""
    with pytest.raises(MissingSignature):
        verify(URL, FIELDS, AUTH_CODE, signature)
    with pytest.raises(MissingSignature):
        read(URL, {}, FORM, AUTH_CODE)


@pytest.mark.parametrize("auth_code", ["", b"", None, "\ud800", 7])
def test_an_auth_code_that_is_none_believes_nobody(auth_code: Any) -> None:
    """A missing setting must not become an empty key, with which anybody can sign."""
    with pytest.raises(UnusableAuthCode):
        verify(URL, FIELDS, auth_code, SIGNATURE)


@pytest.mark.parametrize("url", ["", None, b"https://h.example/"])
def test_a_url_that_is_none_is_said_to_be(url: Any) -> None:
    """A missing setting is told from a bad signature."""
    with pytest.raises(UnusableUrl):
        verify(url, FIELDS, AUTH_CODE, SIGNATURE)


@pytest.mark.parametrize("form_type", [MultiDict, FormData, AiohttpForm, list])
def test_a_name_that_occurs_twice_is_refused(form_type: Any) -> None:
    """In pairs, and in form objects that would show the first of its values, or the last."""
    pairs = [*FIELDS.items(), ("incident", "9")]
    verify(URL, form_type(FIELDS.items()), AUTH_CODE, SIGNATURE)
    for signed in (FIELDS, {**FIELDS, "incident": "9"}):
        with pytest.raises(DuplicateField, match="incident"):
            verify(URL, form_type(pairs), AUTH_CODE, sign(URL, signed, AUTH_CODE))
    with pytest.raises(DuplicateField, match="incident"):
        sign(URL, form_type(pairs), AUTH_CODE)


def test_a_django_form_is_verified_and_checked_for_names_that_occur_twice() -> None:
    """Django's form shows the last of several values."""
    if not django_settings.configured:
        django_settings.configure()
    verify(URL, QueryDict(FORM), AUTH_CODE, SIGNATURE)
    with pytest.raises(DuplicateField):
        verify(URL, QueryDict(b"incident=9&" + FORM), AUTH_CODE, SIGNATURE)


def test_a_body_with_a_name_twice_is_refused() -> None:
    """However the name is spelled in the body."""
    with pytest.raises(DuplicateField, match="incident"):
        read(URL, HEADERS, FORM + b"&inciden%74=9", AUTH_CODE)


def test_many_names_one_of_them_twice_are_refused_in_time() -> None:
    """100 000 names and a repeated one take no square of them."""
    body = b"&".join([b"n%d=" % number for number in range(100_000)]) + b"&n99999="
    with pytest.raises(DuplicateField, match="n99999"):
        decode_form(body)


@pytest.mark.parametrize(
    "body", [b"incident", b"a=1&", b"&", b"a=%FF", b"\xff=1", b"caf\xc3\xa9=1"]
)
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    """A part without `=`, bytes that are not UTF-8, bytes that should have been escaped."""
    with pytest.raises(MalformedBody):
        read(URL, HEADERS, body, AUTH_CODE)


def test_a_body_that_was_parsed_already_is_refused() -> None:
    """Text, or a form, in place of the bytes: the message says what to give."""
    body: Any = FORM.decode()
    with pytest.raises(MalformedBody, match="before anything parsed"):
        read(URL, HEADERS, body, AUTH_CODE)


@pytest.mark.parametrize(
    "fields", [{"a": ["1"]}, {"a": None}, {1: "a"}, [("a",)], [(["a"], "1")], {"a": "\ud800"}, 5]
)
def test_fields_that_are_no_text_are_said_to_be(fields: Any) -> None:
    """`parse_qs` gives lists: that is told from a bad signature."""
    with pytest.raises(MalformedField):
        verify(URL, fields, AUTH_CODE, SIGNATURE)


def test_an_empty_form_can_be_signed() -> None:
    """No fields, no text: then it is the URL alone that is signed."""
    assert read(URL, {"X-VictorOps-Signature": sign(URL, {}, AUTH_CODE)}, b"", AUTH_CODE) == {}


@pytest.mark.parametrize(
    ("signed_url", "given_url"),
    [
        ("https://h.example", "https://h.example/"),
        ("https://h.example/hook/", "https://h.example/hook"),
        ("https://h.example/hook?team=a", "http://h.example/hook?team=a"),
        ("https://h.example/hook", "http://h.example:8000/hook"),
        ("https://h.example:443/hook", "https://h.example/hook"),
        ("https://h.example:8443/hook", "http://h.example:8443/hook"),
        ("https://[2001:db8::1]/hook?/", "http://[2001:db8::1]:80/hook?/"),
    ],
)
def test_a_url_that_is_nearly_right_is_named(signed_url: str, given_url: str) -> None:
    """The message says for which URL the request was signed, and it is refused all the same."""
    signature = sign(signed_url, FIELDS, AUTH_CODE)
    with pytest.raises(BadSignature) as refusal:
        verify(given_url, FIELDS, AUTH_CODE, signature)
    assert f"signed for {signed_url} and was verified for {given_url}:" in str(refusal.value)


def test_stripped_quotes_are_named() -> None:
    """Receivers like their values bare; they must be verified first."""
    stripped = {name: value.strip('"') for name, value in FIELDS.items()}
    with pytest.raises(BadSignature, match="lost their double quotes"):
        verify(URL, stripped, AUTH_CODE, SIGNATURE)


def test_a_signature_wrong_for_no_known_reason_says_what_to_compare() -> None:
    """Another auth code cannot be guessed; the message lists what to look at, and keeps it."""
    with pytest.raises(BadSignature, match="character by character") as refusal:
        verify(URL, FIELDS, "another auth code", SIGNATURE)
    assert "another auth code" not in str(refusal.value)


def test_every_error_has_a_code_of_its_own() -> None:
    """A receiver may count refusals by reason; the reasons are told apart."""
    kinds: list[type[VerificationError]] = [VerificationError, *VerificationError.__subclasses__()]
    assert len({kind.code for kind in kinds}) == len(kinds) == 10
