"""The receiver library: whatever comes, it raises `VerificationError` and nothing else."""

from contextlib import suppress
from typing import Final

from fuzz.feed import END, Feed
from fuzz.target import Target
from tocsin.domain.captured_request import NotARequest, read_captured_request
from tocsin_receiver import (
    Explanation,
    VerificationError,
    decode_form,
    explain,
    explain_standard,
    read,
    sign,
    verify,
    verify_standard,
)

URL: Final = "https://pager.example:8443/hook/?a=b"
AUTH_CODE: Final = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
FORM: Final = b"incident=8&entity_id=%22db+4%22&summary=&x=%C3%BC"
SIGNED_AT: Final = 1_767_225_600
FORM_WORDS: Final = (b"incident=", b"&", b"=", b"+", b"%22", b"%C3%BC", b"%FF", b"%", b"%E2%82%AC")
SIGNATURE_WORDS: Final = (b"v1,", b"v1=", b"sha1=", b"=", b"0a" * 20, b"A" * 27 + b"=", END)


def feed_form(data: bytes) -> None:
    """A form that is read gives the same when it is written and read again."""
    with suppress(VerificationError):
        fields = decode_form(data)
        assert all(name.encode() + value.encode() is not None for name, value in fields.items())
        sign(URL, fields, AUTH_CODE)


def feed_verify(data: bytes) -> None:
    feed = Feed(data)
    url, auth_code, signature = feed.text(), feed.piece(), feed.text()
    with suppress(VerificationError):
        verify(url, feed.pairs(), auth_code, signature)


def feed_read(data: bytes) -> None:
    """Headers as ASGI gives them, then the body."""
    feed = Feed(data)
    headers = [(feed.piece(), feed.piece()) for _ in range(feed.number(4))]
    known = (b"x-victorops-signature", feed.piece())
    with suppress(VerificationError):
        read(URL, [*headers, known], feed.rest(), AUTH_CODE)


def feed_verify_standard(data: bytes) -> None:
    feed = Feed(data)
    auth_code = feed.text()
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: feed.text() for name in names}
    with suppress(VerificationError):
        verify_standard(auth_code, headers, feed.rest(), now=SIGNED_AT)


def feed_explain(data: bytes) -> None:
    """Fields or a body, other auth codes, and what a request says of its URL."""
    feed = Feed(data)
    is_body = feed.number(2) == 1
    url, auth_code, signature = feed.text() or URL, feed.piece() or AUTH_CODE, feed.text()
    others, seen = [feed.piece() or b"x"], [feed.text()]
    form = feed.rest() if is_body else feed.pairs()
    with suppress(VerificationError):
        _check(explain(url, form, auth_code, signature, other_auth_codes=others, seen_urls=seen))


def feed_explain_standard(data: bytes) -> None:
    feed = Feed(data)
    auth_code, signature = feed.piece() or AUTH_CODE, feed.text()
    headers = {
        "webhook-id": feed.text() or "dlv_1",
        "webhook-timestamp": feed.text() or str(SIGNED_AT),
        "webhook-signature": signature,
    }
    with suppress(VerificationError):
        _check(explain_standard(auth_code, headers, feed.rest(), now=SIGNED_AT))


def _check(found: Explanation) -> None:
    assert found.verdict.isprintable() or not found.verdict.isascii() or "\n" not in found.verdict
    assert found.length == sum(len(part.data) for part in found.parts)
    assert all(isinstance(part.text, str) for part in found.parts)


def feed_capture(data: bytes) -> None:
    """A captured request is read, or refused."""
    with suppress(NotARequest):
        found = read_captured_request(data)
        assert all(isinstance(url, str) for url in found.seen_urls)


TARGETS: Final = {
    "form": Target(feed_form, FORM_WORDS),
    "verify": Target(feed_verify, (*FORM_WORDS, *SIGNATURE_WORDS, URL.encode())),
    "read": Target(feed_read, (*FORM_WORDS, *SIGNATURE_WORDS, b"X-VictorOps-Signature", FORM)),
    "verify-standard": Target(
        feed_verify_standard, (*SIGNATURE_WORDS, b"whsec_", b"dlv_1", b"1767225600", b" ")
    ),
    "explain": Target(
        feed_explain,
        (
            *FORM_WORDS,
            *SIGNATURE_WORDS,
            FORM,
            b'{"a":"b"}',
            b"http://",
            b":80",
            b"[::1]",
            b"whsec_",
        ),
    ),
    "explain-standard": Target(
        feed_explain_standard, (*FORM_WORDS, *SIGNATURE_WORDS, FORM, b"whsec_", b'{"a":1}', b"\r\n")
    ),
    "capture": Target(
        feed_capture,
        (
            *(b"POST /hook HTTP/1.1", b"\r\n", b"\n\n", b": ", b"Host: ", b"Content-Length: "),
            *(b"Transfer-Encoding: chunked", b"5;x\r\n", b"0\r\n\r\n", b"X-Forwarded-Host: "),
        ),
    ),
}
