"""No secret of ours, and none of the receiver's, survives in what is kept of its answer."""

import base64
import html
import json
from collections.abc import Callable
from time import process_time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.auth_code import standard_secret
from tocsin.domain.redaction import (
    MASK,
    is_sensitive,
    may_hold_signature,
    redact,
    secrets_of,
    signatures_in,
    sought,
)
from tocsin.secret import Secret

CODE = "Hh2~jK9-pQ4rS5tU6vW7xY8zA1bC2dE3fG4h"
URL = "https://pager.example/hook/T0K3N-of-24-characters-x?team=ops"
HEAD = (
    b"POST /hook HTTP/1.1\r\n"
    b"X-VictorOps-Signature: IJF/wQ0T8V+BahVd05vcXtcpb1c=\r\n"
    b"Content-Length: 9\r\n"
    b"webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,second+one/AAAA=\r\n\r\n"
)
codes = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=40)
around = st.binary(max_size=30)


def percent(text: str) -> str:
    return quote(text, safe="")


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    percent,
    lambda text: "".join(c if c.isalnum() else percent(c).lower() for c in text),
    lambda text: percent(percent(text)),
    quote_plus,
    html.escape,
    lambda text: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in text),
    lambda text: "".join(f"\\u00{ord(c):02x}" if not c.isalnum() else c for c in text),
)


@given(codes, st.sampled_from(SPELLINGS), around, around)
def test_a_secret_is_found_however_it_is_spelled(
    code: str, spelled: Callable[[str], str], before: bytes, after: bytes
) -> None:
    """As it is, in JSON, in a form, in HTML: whatever is around it stays, and it does not."""
    echoed = before + spelled(code).encode() + after
    kept = redact(echoed, [sought(code)])
    assert MASK in kept
    assert spelled(code.rstrip("=")).encode() not in kept.replace(MASK, b"")


def test_what_is_no_secret_stays_as_it_is() -> None:
    """An answer without secrets is kept to the byte."""
    answer = b'{"error": "no such team: ops", "path": "/hook"}'
    assert redact(answer, secrets_of(URL, (Secret(CODE),))) == answer
    assert redact(b"", secrets_of(URL, (Secret(CODE),))) == b""


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        standard_secret(Secret(CODE)),
        standard_secret(Secret(CODE)).removeprefix("whsec_"),
        "/hook/T0K3N-of-24-characters-x?team=ops",
        "/hook/T0K3N-of-24-characters-x",
        "T0K3N-of-24-characters-x",
        "team=ops",
    ],
)
def test_a_webhook_s_secrets_are_sought(text: str) -> None:
    """Its auth code, in both spellings, and what is long enough in its URL to be one."""
    kept = redact(f"Cannot POST {text}!".encode(), secrets_of(URL, (Secret(CODE),)))
    assert kept in (b"Cannot POST ***!", b"Cannot POST whsec_***!")


def test_every_auth_code_of_a_webhook_is_sought() -> None:
    """Also the one that it had before."""
    secrets = secrets_of(URL, (Secret(CODE), Secret("the-code-before-this-one")))
    assert redact(b"not the-code-before-this-one", secrets) == b"not ***"


def test_short_parts_of_a_url_are_no_secrets() -> None:
    """A path such as /hook would be found where nobody means it."""
    secrets = secrets_of("https://pager.example/hook?a=b", ())
    assert [secret.text for secret in secrets] == ["/hook?a=b"]
    assert secrets_of("https://pager.example", ()) == ()


def test_the_signatures_of_a_request_are_sought() -> None:
    """Each of them, with its padding and without."""
    texts = [secret.text for secret in signatures_in(HEAD)]
    assert texts == [
        "IJF/wQ0T8V+BahVd05vcXtcpb1c",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "second+one/AAAA",
    ]
    echo = json.dumps({"got": "IJF/wQ0T8V+BahVd05vcXtcpb1c="}).replace("/", "\\/").encode()
    assert redact(echo, signatures_in(HEAD)) == b'{"got": "***"}'
    safe = b"g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE"  # the other alphabet of base64
    assert redact(safe, signatures_in(HEAD)) == MASK


@given(st.binary(min_size=20, max_size=20), st.sampled_from(SPELLINGS), around, around)
def test_what_cannot_hold_a_signature_holds_none(
    digest: bytes, spelled: Callable[[str], str], before: bytes, after: bytes
) -> None:
    """The cheap look never overlooks one."""
    signature = base64.b64encode(digest).decode()
    assert may_hold_signature(before + spelled(signature).encode() + after)


def test_usual_answers_hold_no_signature() -> None:
    """So that a plain success costs a look at most."""
    usual = b"Mon, 23 Nov 2026 21:05:00 GMT\nnginx/1.25.3\napplication/json\n15\nkeep-alive\nok"
    assert not may_hold_signature(usual)


def test_a_secret_that_goes_on_beyond_the_limit_is_masked() -> None:
    """No beginning of it is kept, and nothing after the limit."""
    secret = sought(CODE)
    raw = b"x" * 90 + CODE.encode() + b"y" * 90
    assert redact(raw, [secret], limit=100) == b"x" * 90 + MASK
    assert redact(raw, [secret], limit=90) == b"x" * 90
    assert redact(raw, [secret], limit=130) == b"x" * 90 + MASK + b"yyyy"
    assert redact(raw, [], limit=10) == b"x" * 10


@pytest.mark.parametrize(
    "name",
    [
        *(b"Set-Cookie", b"Authorization", b"WWW-Authenticate", b"Proxy-Authorization"),
        *(b"X-Api-Key", b"x-auth-token", b"X-VictorOps-Signature", b"webhook-signature"),
        *(b"X-CSRF-TOKEN", b"X-Session-Id", b"Client-Secret", b"X-Password"),
    ],
)
def test_headers_that_hold_secrets_are_known_by_name(name: bytes) -> None:
    """Whatever case they are in."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [b"Content-Type", b"Date", b"Location", b"Server", b"Retry-After", b"X-Request-Id", b"Allow"],
)
def test_other_headers_are_not(name: bytes) -> None:
    """They say what went wrong."""
    assert not is_sensitive(name)


def test_what_is_sought_costs_next_to_nothing() -> None:
    """Every request has signatures of its own, and a URL may be of punctuation: others wait meanwhile."""
    url = "https://pager.example/" + "!$-" * 600
    heads = [HEAD.replace(b"IJF/", b"%04d" % number) for number in range(200)]
    began = process_time()
    assert redact(b"Cannot POST " + url.encode(), secrets_of(url, ())).endswith(
        b"https://pager.example***"
    )
    for head in heads:
        assert b"wQ0T8V" not in redact(head, signatures_in(head))
    assert process_time() - began < 0.25


def test_a_path_is_found_as_its_receiver_reads_it() -> None:
    """Without the escapes that its URL has."""
    secrets = secrets_of("https://pager.example/hook%2Ft0k3n%20of%20some%20length", ())
    assert redact(b"no such path: /hook/t0k3n of some length", secrets) == b"no such path: ***"
    assert (
        redact(b"&quot;/hook&#37;2Ft0k3n%2520of+some+length&quot;", secrets) == b"&quot;***&quot;"
    )


def test_a_secret_behind_half_an_escape_is_masked() -> None:
    """What stands before it makes no other mark of its beginning."""
    assert redact(b"%" + b"2fabcdefghijklmnop-", [sought("2fabcdefghijklmnop-")]) == b"%***"
