"""The control: a secret that was planted is found, so that finding none means something."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.secrets.hunting import Find, forms, hunt

from tocsin.domain.auth_code import standard_secret
from tocsin.secret import Secret

SECRET = "a 'quoted' \"secret\" of <odd> % characters & 36"
PLANTING: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "in capitals": lambda text: text.upper().encode(),
    "in a JSON log": lambda text: json.dumps({"cause": f"no {text}"}).encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})).encode(),
    "repr": lambda text: repr({text: 1}).encode(),
    "in a path": lambda text: f"/api/{quote(text)}/x".encode(),
    "in a form": lambda text: f"a=b&c={quote_plus(text)}".encode(),
    "hexadecimal, as PostgreSQL shows bytes": lambda text: f"\\x00{text.encode().hex()}".encode(),
    "standard spelling": lambda text: standard_secret(Secret(text)).encode(),
    "in a basic authorization": lambda text: base64.b64encode(f"user:{text}".encode()),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(f"xy{text}zz".encode()),
    "its first half": lambda text: text[: len(text) // 2].encode(),
    "its second half": lambda text: text[len(text) // 2 :].encode(),
    "among bytes": lambda text: b"\x00\xff" * 500 + text.encode() + b"\xfe" * 500,
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("how", PLANTING)
def test_a_planted_secret_is_found(how: str) -> None:
    """In any of the forms in which something may have written it down."""
    planted = {"log": b"nothing", "database": b"before " + PLANTING[how](SECRET) + b" after"}
    finds = hunt(planted, {"auth code": SECRET, "another": "not-in-any-of-them-1"})
    assert {(find.place, find.secret) for find in finds} == {("database", "auth code")}


@given(st.binary(min_size=12, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_is_found_at_any_place(secret: bytes, before: bytes, after: bytes) -> None:
    """Whatever stands before and after it in the text that was encoded."""
    text = secret.hex()
    planted = base64.b64encode(before + text.encode() + after)
    assert hunt({"here": planted}, {"it": text})


def test_what_is_not_there_is_not_found() -> None:
    """Also not when most of it is."""
    assert hunt({"here": SECRET.replace("secret", "").encode()[5:-4]}, {"it": SECRET}) == []


def test_a_find_says_where_and_how() -> None:
    """So that whoever has to mend it need not search."""
    assert hunt({"log": b"x=abcdefgh"}, {"key": "abcdefgh"}) == [Find("log", "key", "as it is")]
    assert len(list(forms("abcdefgh"))) == len({needle for _, needle in forms("abcdefgh")})
