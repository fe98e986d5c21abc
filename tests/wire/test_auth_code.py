"""What an auth code looks like, whoever made it."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.auth_code import (
    RANDOM_BYTES,
    InvalidAuthCode,
    check_auth_code,
    make_auth_code,
    standard_secret,
)
from tocsin.secret import Secret

visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_a_made_code_has_the_shape_of_victorops(random_bytes: bytes) -> None:
    """36 characters of `A-Z a-z 0-9 - ~`, which it may be imported with again."""
    code = make_auth_code(random_bytes)
    assert re.fullmatch(r"[A-Za-z0-9~-]{36}", code.reveal())
    assert check_auth_code(code.reveal()) == code


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_random_bit_counts(random_bytes: bytes) -> None:
    """The bytes can be read back from the code: no two give one code, so all are as likely."""
    text = make_auth_code(random_bytes).reveal()
    assert base64.b64decode(text, altchars=b"-~") == random_bytes


@pytest.mark.parametrize("length", [0, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
def test_too_little_randomness_makes_no_code(length: int) -> None:
    """A short code, or one with padding, is never handed out."""
    with pytest.raises(ValueError, match="27 random bytes"):
        make_auth_code(bytes(length))


@given(
    st.builds("".join, st.tuples(visible, st.text(printable, min_size=14, max_size=253), visible))
)
def test_an_imported_code_is_kept_as_it_is(text: str) -> None:
    """16 to 255 printable characters, spaces inside included, come back unchanged."""
    if not text.startswith("whsec_"):
        assert check_auth_code(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 15,
        "x" * 256,
        " " + "x" * 20,
        "x" * 20 + " ",
        "x" * 20 + "\n",
        "x" * 8 + "\t" + "x" * 8,
        "x" * 8 + "\x7f" + "x" * 8,
        "x" * 20 + "é",
        "whsec_" + "A" * 20,
    ],
)
def test_what_is_no_auth_code_is_refused_and_not_repeated(text: str) -> None:
    """The refusal says what an auth code is, and keeps the text to itself."""
    with pytest.raises(InvalidAuthCode) as refusal:
        check_auth_code(text)
    shown = f"{refusal.value.message} {refusal.value.fields}"
    assert text == "" or text not in shown


def test_the_limits_are_inside() -> None:
    """16 and 255 characters will do."""
    for length in (16, 255):
        assert check_auth_code("x" * length).reveal() == "x" * length


def test_the_standard_spelling_is_the_same_bytes() -> None:
    """`whsec_` and the base64 of the characters, as Standard Webhooks libraries take it."""
    code = Secret("plain ASCII characters ~")
    prefix, _, encoded = standard_secret(code).partition("_")
    assert prefix == "whsec"
    assert base64.b64decode(encoded, validate=True) == b"plain ASCII characters ~"
