"""A captured request is read in whatever state people have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.captured_request import CapturedRequest, NotARequest, read_captured_request

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name.lower() not in {"content-length", "content-encoding", "transfer-encoding"}
)
VALUES = st.from_regex(r"[!-~]?", fullmatch=True)


def read(head: str, body: bytes = b"") -> CapturedRequest:
    return read_captured_request(head.encode() + b"\r\n\r\n" + body)


@given(
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
    st.binary(max_size=60),
    st.binary(max_size=10),
)
def test_a_request_is_read_as_it_was_sent(
    line_end: bytes, headers: list[tuple[str, str]], body: bytes, more: bytes
) -> None:
    """Target, headers in order, and as much of the body as was sent, whatever comes after it."""
    sent = [*headers, ("Content-Length", str(len(body)))]
    lines = ["POST /hook?a=b HTTP/1.1", *(f"{name}: {value}" for name, value in sent)]
    data = line_end.join([*(line.encode() for line in lines), b"", body + more])
    found = read_captured_request(data)
    assert (found.target, list(found.headers), found.body) == ("/hook?a=b", sent, body)
    assert len(found.notes) == bool(more)


@given(
    st.binary(max_size=300) | st.binary(max_size=80).map(lambda more: b"POST /a HTTP/1.1\n" + more)
)
def test_no_bytes_break_it(data: bytes) -> None:
    """It is a request, or it is refused."""
    try:
        found = read_captured_request(data)
    except NotARequest:
        return
    assert all(isinstance(url, str) for url in found.seen_urls)


def test_a_capture_that_was_cut_off_says_so() -> None:
    """A signature of half a body is wrong for that reason."""
    found = read("POST / HTTP/1.1\r\nContent-Length: 9", b"a=1")
    assert (found.body, found.notes) == (
        b"a=1",
        ("Of the 9 bytes of Content-Length only 3 were captured.",),
    )


@pytest.mark.parametrize("head", ["POST / HTTP/1.1", "POST / HTTP/1.1\r\nContent-Length: x"])
def test_without_a_length_only_line_ends_are_left_out(head: str) -> None:
    """No form ends with one."""
    found = read(head, b"a=1\r\n")
    assert found.body == b"a=1"
    assert len(found.notes) == 1
    assert read(head, b"a=1").notes == ()


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n", b"a=1&b=2"),
        (b"3\na=1\n4\n&b=2\n0\n\n", b"a=1&b=2"),
        (b"3;x=y\r\na=1\r\n0\r\n\r\n", b"a=1"),
        (b"3\r\na=1\r\n", b"a=1"),
        (b"9\r\na=1", b"a=1"),
        (b"fffffff\r\na=1", b"a=1"),
        (b"no chunk", b""),
    ],
)
def test_chunks_are_put_together(sent: bytes, body: bytes) -> None:
    """Some proxies send them; what is signed is what they hold."""
    found = read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", sent)
    assert found.body == body
    assert "chunks" in found.notes[0]


@pytest.mark.parametrize(
    ("headers", "urls"),
    [
        ("Host: a.example", ["https://a.example/h?q"]),
        (
            "Host: inner:8000\r\nX-Forwarded-Host: a.example\r\nX-Forwarded-Port: 8443",
            [
                "https://a.example/h?q",
                "https://a.example:8443/h?q",
                "https://inner:8000/h?q",
                "https://inner:8443/h?q",
            ],
        ),
        ("host: a.example\r\nx-forwarded-prefix: /api/", ["https://a.example/api/h?q"]),
        ("X-Forwarded-Host: a.example, b.example", ["https://a.example/h?q"]),
        ("Accept: */*", []),
    ],
)
def test_what_a_request_says_of_its_url(headers: str, urls: list[str]) -> None:
    """By its own host, and by what proxies add."""
    assert list(read(f"POST /h?q HTTP/1.1\r\n{headers}").seen_urls) == urls


def test_a_target_that_is_a_url_says_it_all() -> None:
    """As a request to a proxy has it."""
    found = read("POST https://a.example/h HTTP/1.1\r\nHost: b.example")
    assert found.seen_urls == ("https://a.example/h",)


@pytest.mark.parametrize(
    "line", ["POST /h HTTP/1.1", "POST /h HTTP/2", "POST /h", "POST /h HTTP/1.1 "]
)
def test_the_request_line_may_be_of_any_version(line: str) -> None:
    """Tools write it as they like."""
    assert read(line).target == "/h"
