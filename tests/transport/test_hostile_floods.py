"""Answers without end, at full speed or drop by drop: they cost what their cap or their limit allows."""

import asyncio
import socket

import pytest
from tests.transport.ordeal import Script, drip, hear, misbehaving, pour, saying, undergo
from tests.transport.servers import OK, plain, sending, to

from tocsin.domain.outcome import Outcome
from tocsin.transport.connection import KEPT_BODY
from tocsin.transport.reading import (
    ANSWER_CAP,
    HEAD_CAP,
    KEPT_HEADER_BYTES,
    KEPT_HEADERS,
    KEPT_VALUE,
)

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 0.5


def pouring(begin: bytes, rest: bytes) -> Script:
    """Return a script that answers with `begin`, then `rest` without end."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(begin)
        pour(sock, rest)

    return script


def dripping(data: bytes, *, seconds: float = 0.005) -> Script:
    """Return a script that answers with `data`, a byte at a time."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        drip(sock, data, seconds=seconds)

    return script


ENDLESS_HEADERS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 1000 + b"\r\n"),
    "small headers": (b"HTTP/1.1 200 OK\r\n", b"a:\r\n" * 1000),
    "one header": (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"y" * 1000),
    "one name": (b"HTTP/1.1 200 OK\r\n", b"y" * 1000),
    "a reason phrase": (b"HTTP/1.1 200 ", b"y" * 1000),
    "spaces": (b"HTTP/1.1 200 OK\r\nX:", b" " * 1000),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20),
    "small interim answers": (b"", b"HTTP/1.1 100\r\n\r\n" * 100),
}


@pytest.mark.parametrize(("begin", "rest"), ENDLESS_HEADERS.values(), ids=ENDLESS_HEADERS)
async def test_endless_headers_are_cut_off(begin: bytes, rest: bytes) -> None:
    """No end of headers within the cap: the answer is given up, whatever more would come."""
    (answer,) = await undergo(pouring(begin, rest))
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert answer.detail == "its headers do not end within 32 KiB"
    assert answer.total_us < 4_000_000


ENDLESS_BODIES = {
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 1000),
    "a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", b"z" * 1000),
    "chunks": (CHUNKED, b"3e8\r\n" + b"z" * 1000 + b"\r\n"),
    "small chunks": (CHUNKED, b"1\r\nz\r\n" * 1000),
    "one chunk": (CHUNKED + b"ffffffff\r\n", b"z" * 1000),
}


@pytest.mark.parametrize(("begin", "rest"), ENDLESS_BODIES.values(), ids=ENDLESS_BODIES)
async def test_an_endless_body_is_cut_off(begin: bytes, rest: bytes) -> None:
    """A delivery stands, its beginning is kept, the rest is not read."""
    (answer,) = await undergo(pouring(begin, rest))
    assert answer.outcome is Outcome.DELIVERED
    assert answer.body == b"z" * KEPT_BODY
    assert answer.detail == "the answer is longer than 64 KiB; the rest was not read"
    assert answer.total_us < 4_000_000


ENDLESS_ENDS = {
    "trailers": (CHUNKED + b"0\r\n", b"T: u\r\n" * 100),
    "one trailer": (CHUNKED + b"0\r\nT: ", b"u" * 1000),
    "chunk extensions": (CHUNKED, b"0;a=b" + b";a=b" * 1000),
    "one chunk extension": (CHUNKED + b"2;a=", b"b" * 1000),
    "a chunk size of zeroes": (CHUNKED, b"0" * 1000),
}


@pytest.mark.parametrize(("begin", "rest"), ENDLESS_ENDS.values(), ids=ENDLESS_ENDS)
async def test_an_endless_end_is_cut_off(begin: bytes, rest: bytes) -> None:
    """What belongs to the framing counts towards the cap as the body does."""
    (answer,) = await undergo(pouring(begin, rest))
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"")
    assert answer.headers == ((b"Transfer-Encoding", b"chunked"),)
    assert answer.total_us < 4_000_000


async def test_a_kept_connection_that_pours_is_cut_off() -> None:
    """After its answer a receiver has nothing to say, so none of it is read."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(OK)
        pour(sock, b"z" * 1000)

    answers = await undergo(script, times=5, is_fresh=True)
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}


SLOW = {
    "a beginning": (b"HTTP", Outcome.TIMED_OUT),
    "headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, Outcome.TIMED_OUT),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, Outcome.TIMED_OUT),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 10_000, Outcome.DELIVERED),
    "chunks": (CHUNKED + b"1\r\nz\r\n" * 10_000, Outcome.DELIVERED),
    "trailers": (CHUNKED + b"0\r\n" + b"T: u\r\n" * 10_000, Outcome.DELIVERED),
}


@pytest.mark.parametrize(("data", "outcome"), SLOW.values(), ids=SLOW)
async def test_a_dripping_answer_ends_at_the_limit(data: bytes, outcome: Outcome) -> None:
    """A byte now and then keeps nobody waiting: the limit is that of the whole attempt."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        head, end, rest = data.partition(b"\r\n\r\n")
        if outcome is Outcome.DELIVERED:
            sock.sendall(head + end)
            drip(sock, rest)
        else:
            drip(sock, data)
        while sock.recv(1000):
            pass

    (answer,) = await undergo(script, total_timeout=LIMIT)
    assert answer.outcome is outcome
    assert answer.detail == "no whole answer within 0.5 s"
    assert answer.total_us >= LIMIT * 1e6
    assert answer.first_byte_us < LIMIT * 1e6


async def test_an_answer_may_come_byte_by_byte() -> None:
    """Each byte in a packet of its own is still an answer, and its connection is used again."""

    def script(sock: socket.socket) -> None:
        while hear(sock):
            drip(sock, b"HTTP/1.1 100\r\n\r\n" + OK, seconds=0.0005)

    answers = await undergo(script, times=2)
    assert [(answer.outcome, answer.body) for answer in answers] == [(Outcome.DELIVERED, b"ok")] * 2
    assert answers[1].is_reused


async def test_a_long_header_byte_by_byte_burns_no_time() -> None:
    """The parser copies what it cannot finish: the cap keeps that from growing with the square."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
        pour_slices(sock, b"y" * HEAD_CAP)

    (answer,) = await undergo(script, total_timeout=5.0)
    assert answer.outcome is Outcome.MALFORMED_ANSWER


def pour_slices(sock: socket.socket, data: bytes, *, size: int = 16) -> None:
    for at in range(0, len(data), size):
        sock.sendall(data[at : at + size])


@pytest.mark.parametrize("extra", [0, 1], ids=["at the cap", "one beyond"])
async def test_headers_may_fill_their_cap(extra: int) -> None:
    """The cap is exact: what fits is read, one byte more is not."""
    begin, end = b"HTTP/1.1 204 No Content\r\nX-Fill: ", b"\r\n\r\n"
    reply = begin + b"y" * (HEAD_CAP - len(begin + end) + extra) + end
    (answer,) = await undergo(saying(reply))
    assert answer.outcome is (Outcome.MALFORMED_ANSWER if extra else Outcome.DELIVERED)


@pytest.mark.parametrize("extra", [0, 1], ids=["at the cap", "one beyond"])
async def test_an_answer_may_fill_its_cap(extra: int) -> None:
    """An answer of just the cap is whole, and its connection stays; one byte more ends it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    length = ANSWER_CAP - len(head % ANSWER_CAP) + extra
    reply = head % length + b"z" * length

    def script(sock: socket.socket) -> None:
        while hear(sock):
            sock.sendall(reply)

    answers = await undergo(script, times=2)
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2
    assert answers[1].is_reused is (extra == 0)
    assert bool(answers[0].detail) is (extra == 1)


async def test_of_many_headers_the_first_are_kept() -> None:
    """An answer with hundreds of headers is read, and not all of it kept."""
    many = b"".join(b"X-%d: y\r\n" % number for number in range(300))
    reply = b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 0\r\n\r\n"
    (answer,) = await undergo(saying(reply))
    assert answer.outcome is Outcome.DELIVERED
    assert answer.headers == tuple((b"X-%d" % number, b"y") for number in range(KEPT_HEADERS))


async def test_of_long_headers_little_is_kept() -> None:
    """What goes on record is bounded, and a long header does not push out a short one after it."""
    long = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 3000) for number in range(9))
    name = b"N" * 5000
    reply = (
        b"HTTP/1.1 503 Busy\r\n"
        + long
        + name
        + b": z\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"
    )
    (answer,) = await undergo(saying(reply))
    assert answer.outcome is Outcome.REJECTED
    assert answer.headers[0] == (b"X-0", b"y" * 2 * KEPT_VALUE)
    assert answer.header_values(b"retry-after") == [b"9"]
    kept = sum(len(name) + len(value[:KEPT_VALUE]) for name, value in answer.headers)
    assert kept <= KEPT_HEADER_BYTES


async def test_many_that_pour_at_once_harm_nobody() -> None:
    """A hundred hostile receivers cost a hundred caps, and no more."""
    with misbehaving(pouring(b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 60_000)) as receiver:
        async with sending() as sender:
            exchange = to(plain(receiver.port))
            answers = await asyncio.gather(*(sender.send(exchange) for _ in range(100)))
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}
