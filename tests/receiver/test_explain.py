"""What a signature is of, and which usual mistake it comes from."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.receiver.signed_by_hand import (
    AUTH_CODE,
    FIELDS,
    SIGNATURE,
    URL,
    mistakes,
    signed,
)

from tocsin_receiver import (
    BadSignature,
    MalformedBody,
    MalformedHeader,
    MissingSignature,
    Mistake,
    VerificationError,
    explain,
    sign,
    verify,
)


def test_a_right_signature_is_taken_apart_byte_by_byte() -> None:
    """The URL, then each name and value in signing order, each with its place."""
    fields = {"summary": "", "incident": "8", "entity_id": '"dü-4"'}
    found = explain(URL, fields, AUTH_CODE, sign(URL, fields, AUTH_CODE))
    assert [(part.origin, part.field, part.text) for part in found.parts] == [
        ("url", "", URL),
        ("name", "entity_id", "entity_id"),
        ("value", "entity_id", '"dü-4"'),
        ("name", "incident", "incident"),
        ("value", "incident", "8"),
        ("name", "summary", "summary"),
        ("value", "summary", ""),
    ]
    assert [part.offset for part in found.parts] == [0, 48, 57, 64, 72, 73, 80]
    assert found.length == 80
    assert found.signed == found.parts
    assert (found.is_believed, found.verdict) == (True, "the signature is right")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6))
def test_the_parts_are_what_is_signed(fields: dict[str, str]) -> None:
    """Put together, and signed by hand, they give the signature that is verified."""
    signature = sign(URL, fields, AUTH_CODE)
    found = explain(URL, fields, AUTH_CODE, signature)
    assert found.is_believed
    text = b"".join(part.data for part in found.parts)
    assert signed(text) == signature
    assert found.length == len(text)
    assert all(text[part.offset :].startswith(part.data) for part in found.parts)


def test_what_the_request_says_of_its_url_is_tried() -> None:
    """A proxy's headers, or a path that was rewritten, may show the webhook's URL."""
    arrived = "https://outside.example:8443/deep/hook"
    signature = sign(arrived, FIELDS, AUTH_CODE)
    assert explain(URL, FIELDS, AUTH_CODE, signature).findings == ()
    found = explain(
        URL, FIELDS, AUTH_CODE, signature, seen_urls=["http://outside.example:8443/deep/hook"]
    )
    assert mistakes(found) == ["host", "port", "path"]
    assert f"signed for {arrived} and was verified for {URL}" in found.verdict


def test_another_auth_code_is_found_among_those_given() -> None:
    """By its number, so that the explanation can be shown."""
    codes = ["first of the others", "second of the others"]
    found = explain(URL, FIELDS, AUTH_CODE, sign(URL, FIELDS, codes[1]), other_auth_codes=codes)
    assert mistakes(found) == ["other_auth_code"]
    assert "number 3 of those given" in found.verdict
    assert explain(URL, FIELDS, AUTH_CODE, sign(URL, FIELDS, codes[1])).findings == ()


def test_what_is_not_usual_says_what_to_compare() -> None:
    """Nothing is made up."""
    found = explain(URL, FIELDS, AUTH_CODE, sign(URL, {**FIELDS, "incident": "32"}, AUTH_CODE))
    assert (found.signed, found.findings) == (None, ())
    assert "character by character" in found.verdict
    assert not found.is_believed


@pytest.mark.parametrize("count", range(1, 20))
def test_a_beginning_that_could_be_guessed_is_not_confirmed(count: int) -> None:
    """Nobody finds a signature letter by letter in what a receiver logs."""
    assert explain(URL, FIELDS, AUTH_CODE, SIGNATURE[:count]).findings == ()
    assert explain(URL, FIELDS, AUTH_CODE, SIGNATURE[:20]).findings


def test_a_field_that_was_added_cannot_write_lines_into_a_log() -> None:
    """Its name comes from whoever sent the request."""
    fields = {**FIELDS, "x\n2026-11-02 root logged in": "1"}
    found = explain(URL, fields, AUTH_CODE, SIGNATURE)
    assert mistakes(found) == ["extra_field"]
    assert "\n" not in found.verdict


@given(
    st.text("QXZ~", min_size=8, max_size=40),
    st.dictionaries(st.text("abc"), st.text('abc "+%'), max_size=4),
    st.binary(min_size=20, max_size=20),
)
def test_no_explanation_holds_a_secret(
    auth_code: str, fields: dict[str, str], digest: bytes
) -> None:
    """Neither the auth code nor the signature that would be right: it can be logged and pasted."""
    wrong = base64.b64encode(digest).decode()
    found = explain(URL, fields, auth_code, wrong, other_auth_codes=[auth_code[::-1]])
    with pytest.raises(BadSignature) as refusal:
        verify(URL, fields, auth_code, wrong)
    for shown in (repr(found), found.verdict, repr(refusal.value), repr(refusal.value.findings)):
        assert sign(URL, fields, auth_code) not in shown
        assert auth_code not in shown


# What cannot be explained

any_text = st.text(st.characters(), max_size=20)
garbage = (
    st.none()
    | st.integers()
    | any_text
    | st.binary(max_size=20)
    | st.lists(any_text | st.tuples(any_text, any_text), max_size=3)
    | st.dictionaries(any_text, any_text | st.none(), max_size=3)
)


@given(garbage, garbage, garbage, garbage)
def test_garbage_raises_nothing_but_verification_errors(
    url: Any, form: Any, auth_code: Any, signature: Any
) -> None:
    """Whatever is mixed up."""
    for arguments in (
        (url, form, auth_code, signature),
        (url, FIELDS, AUTH_CODE, SIGNATURE),
        (URL, form, AUTH_CODE, SIGNATURE),
        (URL, FIELDS, auth_code, SIGNATURE),
        (URL, FIELDS, AUTH_CODE, signature),
    ):
        try:
            found = explain(*arguments)
        except VerificationError:
            continue
        assert isinstance(found.verdict, str)


@given(st.dictionaries(any_text, any_text | st.integers() | st.none() | st.lists(any_text)))
def test_json_is_never_a_form(body: dict[str, Any]) -> None:
    """It is named as what it is, whatever it holds."""
    found = explain(URL, json.dumps(body).encode(), AUTH_CODE, SIGNATURE)
    assert mistakes(found) == ["json_body"]


def test_what_is_missing_is_said() -> None:
    """No signature, no form, a signature that is no text."""
    with pytest.raises(MissingSignature):
        explain(URL, FIELDS, AUTH_CODE, None)
    with pytest.raises(MalformedBody):
        explain(URL, b"no form", AUTH_CODE, SIGNATURE)
    with pytest.raises(MalformedHeader):
        explain(URL, FIELDS, AUTH_CODE, SIGNATURE.encode())  # type: ignore[arg-type]


def test_nothing_nests_too_deep() -> None:
    """JSON of a hundred thousand brackets is no form, and no crash."""
    with pytest.raises(MalformedBody):
        explain(URL, b"[" * 100_000, AUTH_CODE, SIGNATURE)


def test_every_mistake_has_a_name_of_its_own() -> None:
    """Programs may count them."""
    assert len({mistake.value for mistake in Mistake}) == len(Mistake)
