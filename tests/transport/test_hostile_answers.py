"""Answers that lie about where they end, or are none: read in one way, or not at all."""

import gzip
import zlib

import pytest
from tests.transport.ordeal import answer_all, hear, misbehaving, saying, undergo
from tests.transport.servers import OK, plain, sending, to

from tocsin.domain.outcome import Outcome
from tocsin.transport.connection import KEPT_BODY

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 0.3
"""Seconds, for answers of which the end does not come."""

INTERIM = b"HTTP/1.1 103 Hints\r\nLink: </x>\r\n\r\n"
NOT_AN_ANSWER = {
    "garbage": (b"SSH-2.0-OpenSSH_9.6\r\n", "it began with b'SSH-2.0-OpenSSH_9.6"),
    "a page": (b"<html>200 OK</html>", "it began with b'<html>"),
    "an empty line": (b"\r\n\r\n" + OK, "it began with b'\\r\\n"),
    "zeroes": (b"\0" * 100, "it began with b'\\x00"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x0a", "it speaks TLS"),
    "HTTP/2 frames": (
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00@\x00",
        "it speaks HTTP/2 only",
    ),
    "HTTP/2.0": (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "it began with b'HTTP/2.0"),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", "it began with b'HTTP/2 200"),
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", "Invalid HTTP version"),
    "HTTP/0.9": (b"HTTP/0.9 200 OK\r\n\r\n", "it began with b'HTTP/0.9"),
    "RTSP": (b"RTSP/1.0 200 OK\r\n\r\n", "it began with b'RTSP"),
    "ICY": (b"ICY 200 OK\r\n\r\n", "it began with b'ICY"),
    "status 20": (b"HTTP/1.1 20 OK\r\n\r\n", "Invalid status code"),
    "status 1000": (b"HTTP/1.1 1000 OK\r\n\r\n", "Invalid response status"),
    "status -20": (b"HTTP/1.1 -20 OK\r\n\r\n", "Invalid status code"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "Invalid status code"),
    "two spaces": (b"HTTP/1.1  200 OK\r\n\r\n", "Invalid status code"),
    "status 099": (b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", ""),
    "status 000": (b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", ""),
    "both framings": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length can't be present with",
    ),
    "both framings, turned": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "Transfer-Encoding can't be present with",
    ),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "Duplicate Content-Length",
    ),
    "a list of lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
        "Invalid character in Content-Length",
    ),
    "a negative length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "Invalid character in Content-Length",
    ),
    "a length with a sign": (
        b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "Invalid character in Content-Length",
    ),
    "a length in hexadecimal": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\nabc",
        "Invalid character in Content-Length",
    ),
    "an empty length": (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "Empty Content-Length"),
    "a length beyond 64 bits": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "Content-Length overflow",
    ),
    "a folded header": (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "Unexpected whitespace"),
    "NUL in a value": (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "Invalid header value char"),
    "NUL in a name": (b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n", "Invalid header token"),
    "a space before the colon": (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "Invalid header token"),
    "a header without a name": (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "Invalid header token"),
    "a header without a colon": (b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "Invalid header token"),
    "lines without CR": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "Missing expected CR"),
    "a body in an interim answer": (
        b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok" + OK,
        "it began with b'okHTTP/",
    ),
    "HTTP/2.0 behind an interim answer": (INTERIM + b"HTTP/2.0 200 OK\r\n\r\n", "it began with"),
    "HTTP/0.9 behind an interim answer": (INTERIM + b"HTTP/0.9 200 OK\r\n\r\n", "it began with"),
    "RTSP/1.0 behind an interim answer": (INTERIM + b"RTSP/1.0 200 OK\r\n\r\n", "it began with"),
}


@pytest.mark.parametrize(("reply", "detail"), NOT_AN_ANSWER.values(), ids=NOT_AN_ANSWER)
async def test_what_is_not_an_http_answer_is_named_so(reply: bytes, detail: str) -> None:
    """Another protocol, or an answer that could be read in two ways, delivers nothing."""
    (answer,) = await undergo(saying(reply))
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert answer.detail.startswith(detail)
    assert answer.total_us < 4_000_000


DELIVERED = {
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
    "an empty reason phrase": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", b"ok", True),
    "a reason phrase of bytes": (
        b"HTTP/1.1 200 \xc3\xa4\xff\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    "HTTP/1.0 kept": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "close": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        False,
    ),
    "CLOSE": (
        b"HTTP/1.1 200 OK\r\nCONNECTION: CLOSE\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        False,
    ),
    "keep-alive, close": (
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        False,
    ),
    "close, then keep-alive": (
        b"HTTP/1.1 200 A\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        False,
    ),
    "closed is not close": (
        b"HTTP/1.1 200 OK\r\nConnection: closed\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "an upgrade that is offered": (
        b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "204 of length 0": (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", b"", True),
    "204 with a length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"", False),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", b"", False),
    "204 with chunks": (
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"",
        False,
    ),
    "chunked": (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"ok", True),
    "chunks with extensions": (CHUNKED + b'2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n', b"ok", True),
    "chunks with trailers": (CHUNKED + b"2\r\nok\r\n0\r\nRetry-After: 9\r\n\r\n", b"ok", True),
    "gzip, chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"ok",
        True,
    ),
    "too short a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok", b"o", False),
    "two answers": (OK + b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", b"ok", False),
    "an answer and a byte": (OK + b"H", b"ok", False),
    "an answer and a word": (OK + b"stray", b"ok", False),
    "an answer and an empty line": (OK + b"\r\n", b"ok", True),
    "an interim answer": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </x>\r\n\r\n" + OK,
        b"ok",
        True,
    ),
}


@pytest.mark.parametrize(("reply", "body", "is_kept"), DELIVERED.values(), ids=DELIVERED)
async def test_a_strange_answer_delivers(reply: bytes, body: bytes, is_kept: bool) -> None:  # noqa: FBT001 - named by the table
    """What can be read in one way is read so, and what follows it never answers the next request."""
    with misbehaving(lambda sock: answer_all(sock, reply)) as receiver:
        async with sending() as sender:
            answers = [await sender.send(to(plain(receiver.port))) for _ in range(2)]
    for answer in answers:
        assert (answer.outcome, answer.body) == (Outcome.DELIVERED, body)
        assert b"Retry-After" not in dict(answer.headers)
        assert b"Link" not in dict(answer.headers)
    assert answers[1].is_reused is is_kept
    await undergo(saying(reply))


BROKEN_BODIES = {
    "a bad chunk size": (CHUNKED + b"4\r\nhalf\r\nzz\r\n", "Invalid character in chunk size"),
    "a negative chunk size": (CHUNKED + b"4\r\nhalf\r\n-1\r\n", "Invalid character in chunk size"),
    "a chunk size beyond 64 bits": (
        CHUNKED + b"4\r\nhalf\r\n" + b"f" * 17 + b"\r\n",
        "Chunk size overflow",
    ),
    "a chunk that does not end": (CHUNKED + b"4\r\nhalfmore", "Expected LF after chunk data"),
    "a bad trailer": (CHUNKED + b"4\r\nhalf\r\n0\r\nno colon\r\n\r\n", "Invalid header token"),
    "a length in a trailer": (
        CHUNKED + b"4\r\nhalf\r\n0\r\nContent-Length: 9\r\n\r\n",
        "Content-Length can't be present",
    ),
    "chunks that stop": (CHUNKED + b"4\r\nhalf\r\n", "no whole answer within"),
    "trailers that stop": (CHUNKED + b"4\r\nhalf\r\n0\r\nT: x\r\n", "no whole answer within"),
    "a length that is not reached": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "no whole answer within",
    ),
    "a length of 64 bits": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhalf",
        "no whole answer within",
    ),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\nhalf", "no whole answer within"),
    "a framing that is unknown": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhalf",
        "no whole answer within",
    ),
    "chunked, gzip": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nhalf",
        "no whole answer within",
    ),
}


@pytest.mark.parametrize(("reply", "detail"), BROKEN_BODIES.values(), ids=BROKEN_BODIES)
async def test_a_broken_body_does_not_undo_a_delivery(reply: bytes, detail: str) -> None:
    """200 was said; only the connection is not used again, and the answer says what was wrong."""
    answer, again = await undergo(saying(reply), times=2, total_timeout=LIMIT)
    assert (answer.outcome, answer.status, answer.body) == (Outcome.DELIVERED, 200, b"half")
    assert answer.detail.startswith(detail)
    assert not again.is_reused


async def test_a_broken_body_does_not_mend_a_rejection() -> None:
    """500 was said, and stays said."""
    reply = b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf"
    (answer,) = await undergo(saying(reply), total_timeout=LIMIT)
    assert (answer.outcome, answer.status, answer.body) == (Outcome.REJECTED, 500, b"half")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nanything",
        b"HTTP/1.1 101 Switching\r\n\r\n" + OK,
    ],
    ids=["with what", "and then 200"],
)
async def test_a_change_of_protocol_is_a_rejection(reply: bytes) -> None:
    """101 is no 2xx, and what follows it is not read."""
    answer, again = await undergo(saying(reply), times=2)
    assert (answer.outcome, answer.status) == (Outcome.REJECTED, 101)
    assert "changed to another protocol" in answer.reason
    assert not again.is_reused


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Outcome.REDIRECTED) for status in (300, 301, 302, 303, 307, 308)),
        *((status, Outcome.REJECTED) for status in (304, 305, 306, 399)),
    ],
)
@pytest.mark.parametrize("header", [b"Location", b"Refresh"])
async def test_a_redirect_is_not_followed(header: bytes, status: int, outcome: Outcome) -> None:
    """The signature binds the URL: nobody else is called, of whatever kind the redirect is."""
    with misbehaving(answer_all) as elsewhere:
        url = b"http://127.0.0.1:%d/page" % elsewhere.port
        value = url if header == b"Location" else b"0; url=" + url
        reply = b"HTTP/1.1 %d X\r\n%s: %s\r\nContent-Length: 0\r\n\r\n" % (status, header, value)
        (answer,) = await undergo(saying(reply))
        assert elsewhere.accepted == 0
    assert (answer.outcome, answer.status) == (outcome, status)
    assert answer.header_values(header.lower()) == [value]


async def test_a_redirect_to_itself_is_no_circle() -> None:
    """One exchange, one request."""
    reply = b"HTTP/1.1 307 X\r\nLocation: /page\r\nContent-Length: 0\r\n\r\n"
    requests = []

    def script(sock: object) -> None:
        while heard := hear(sock):  # type: ignore[arg-type]
            requests.append(heard)
            sock.sendall(reply)  # type: ignore[attr-defined]

    (answer,) = await undergo(script)
    assert answer.outcome is Outcome.REDIRECTED
    assert "give the webhook the final URL" in answer.reason
    assert len(requests) == 1


BOMBS = {
    "gzip": gzip.compress(b"\0" * 50_000_000),
    "deflate": zlib.compress(b"\0" * 50_000_000),
}


@pytest.mark.parametrize("encoding", BOMBS)
async def test_a_compressed_bomb_is_not_unpacked(encoding: str) -> None:
    """Nobody asked for compression; what comes is kept as it is, and no more of it than of any other."""
    bomb = BOMBS[encoding]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    (answer,) = await undergo(saying(head % (encoding.encode(), len(bomb)) + bomb))
    assert answer.outcome is Outcome.DELIVERED
    assert answer.body == bomb[:KEPT_BODY]
