"""Receivers that close, stall, lie or babble: each ends in time, by name, and harms nothing."""

import asyncio
from contextlib import suppress
from time import monotonic_ns

import pytest
from tests.transport.servers import (
    OK,
    Conversation,
    free_port,
    full_backlog,
    plain,
    receiving,
    sending,
    to,
)

from tocsin.domain.outcome import Outcome
from tocsin.transport.connection import ANSWER_CAP, HEAD_CAP, KEPT_BODY, KEPT_HEADERS
from tocsin.transport.exchange import Answer, Route


async def test_nothing_listens() -> None:
    """A closed port is refused at once, and the answer says where."""
    port = free_port()
    async with sending() as sender:
        answer = await sender.send(to(plain(port)))
    assert answer.outcome is Outcome.CONNECTION_REFUSED
    assert answer.detail == f"127.0.0.1 port {port}: Connection refused"
    assert not answer.wrote_first_byte
    assert answer.status == 0


async def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    """A host that drops packets costs the connect limit, not the whole one."""
    with full_backlog() as port:
        async with sending() as sender:
            exchange = to(plain(port), connect_timeout=0.05)
            answer = await sender.send(exchange)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert answer.detail == "no connection within 0.05 s"
    assert 50_000 <= answer.total_us < 5_000_000


async def test_connecting_takes_no_longer_than_the_whole_attempt() -> None:
    """A connect limit beyond the whole one gains nothing."""
    with full_backlog() as port:
        async with sending() as sender:
            answer = await sender.send(to(plain(port), total_timeout=0.3))
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert answer.total_us < 5_000_000


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    """The limit covers the whole attempt, and the connection is not used again."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(total_timeout=0.3))
        assert answer.outcome is Outcome.TIMED_OUT
        assert answer.detail == "no whole answer within 0.3 s"
        assert answer.wrote_first_byte
        assert answer.first_byte_us == 0
        assert 300_000 <= answer.total_us < 5_000_000
        await sender._pool.drained()


async def test_time_limits_hold_on_a_reused_connection() -> None:
    """The limit of an exchange is its own, whatever limit the connection had before."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(OK)
        await one.request()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        answer = await sender.send(receiver.exchange(total_timeout=0.3))
    assert (answer.outcome, answer.is_reused) == (Outcome.TIMED_OUT, True)


async def test_each_exchange_has_its_own_limit() -> None:
    """When one has timed out, the next is still watched."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        limits = (0.3, 0.2, 0.4)
        exchanges = [receiver.exchange(total_timeout=limit) for limit in limits]
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*map(sender.send, exchanges))
    assert {answer.outcome for answer in answers} == {Outcome.TIMED_OUT}


@pytest.mark.parametrize(
    ("status", "outcome"), [(b"200", Outcome.DELIVERED), (b"500", Outcome.REJECTED)]
)
async def test_a_body_that_does_not_end_does_not_undo_the_status(
    status: bytes, outcome: Outcome
) -> None:
    """Once status and headers are in, they decide, however slow the rest is."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(b"HTTP/1.1 " + status + b" X\r\nContent-Length: 9\r\n\r\nhalf")
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(total_timeout=0.3))
    assert (answer.outcome, answer.body) == (outcome, b"half")
    assert answer.detail == "no whole answer within 0.3 s"


async def test_a_reused_connection_that_had_ended_says_so() -> None:
    """A receiver that drops an idle connection makes an outcome that can be tried again at once."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(OK)
        await one.request()  # and closes without a word

    async with receiving(script) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        stale = await sender.send(receiver.exchange())
        again = await sender.send(receiver.exchange(is_fresh=True))
    assert (stale.outcome, stale.is_reused) == (Outcome.CONNECTION_LOST, True)
    assert stale.detail == "closed before any byte of an answer"
    assert stale.first_byte_us == 0
    assert (again.outcome, again.is_reused) == (Outcome.DELIVERED, False)


async def test_an_idle_connection_that_ends_is_dropped_at_once() -> None:
    """A receiver may close after its answer without announcing it; the next exchange opens anew."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(OK)

    async with receiving(script) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        await sender._pool.drained()
        assert sender._pool._idle == {}
        answer = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.is_reused) == (Outcome.DELIVERED, False)


async def test_an_idle_connection_that_speaks_is_dropped_at_once() -> None:
    """What nobody asked for must not be there to answer the next request."""
    speak = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(OK)
        await speak.wait()
        await one.answer(OK)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        speak.set()
        await sender._pool.drained()


async def test_a_reset_before_the_answer() -> None:
    """A receiver that crashes is an outcome, with the system's own word for it."""

    async def script(one: Conversation) -> None:
        await one.request()
        one.reset()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.is_reused) == (Outcome.CONNECTION_LOST, False)
    assert "reset by peer before any byte" in answer.detail


async def test_an_end_in_the_middle_of_the_headers() -> None:
    """Half an answer is none."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(b"HTTP/1.1 200 OK\r\nContent-Le")

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.CONNECTION_LOST
    assert answer.detail == "closed in the middle of the answer's headers"
    assert answer.first_byte_us > 0


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ],
    ids=["short", "bad chunk"],
)
async def test_a_broken_body_does_not_undo_a_delivery(reply: bytes) -> None:
    """200 was said; only the connection is not used again."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(reply)

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
        again = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"half")
    assert not again.is_reused


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"<html>200 OK</html>",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
    ],
)
async def test_what_is_not_an_http_answer_is_named_so(reply: bytes) -> None:
    """Another protocol, or an answer that could be read in two ways, delivers nothing."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(reply)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
        await sender._pool.drained()
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert answer.reason


async def test_a_change_of_protocol_is_a_rejection() -> None:
    """101 is no 2xx, and what follows it is not read."""
    reply = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nanything"

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(reply)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
        await sender._pool.drained()
    assert (answer.outcome, answer.status) == (Outcome.REJECTED, 101)


async def pour(one: Conversation, data: bytes) -> int:
    """Send `data` over and over until the sender has had enough; return how many bytes it took."""
    sent = 0
    with suppress(ConnectionError):
        while True:
            await one.answer(data)
            sent += len(data)
    return sent


@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"y" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20),
    ],
    ids=["headers", "one header", "interim answers"],
)
async def test_endless_headers_are_cut_off(begin: bytes, rest: bytes) -> None:
    """No end of headers within the cap: the answer is given up, whatever more would come."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(begin)
        await pour(one, rest)

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
        await sender._pool.drained()
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert answer.detail == "its headers do not end within 32 KiB"


async def test_an_endless_body_is_cut_off() -> None:
    """A delivery stands, its beginning is kept, the rest is not read."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        await pour(one, b"z" * 1000)

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
        await sender._pool.drained()
    assert answer.outcome is Outcome.DELIVERED
    assert answer.body == b"z" * KEPT_BODY
    assert answer.detail == "the answer is longer than 64 KiB; the rest was not read"


@pytest.mark.parametrize("extra", [0, 1], ids=["at the cap", "one beyond"])
async def test_headers_may_fill_their_cap(extra: int) -> None:
    """The cap is exact: what fits is read, one byte more is not."""
    begin, end = b"HTTP/1.1 204 No Content\r\nX-Fill: ", b"\r\n\r\n"
    reply = begin + b"y" * (HEAD_CAP - len(begin + end) + extra) + end

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(reply)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is (Outcome.MALFORMED_ANSWER if extra else Outcome.DELIVERED)


@pytest.mark.parametrize("extra", [0, 1], ids=["at the cap", "one beyond"])
async def test_an_answer_may_fill_its_cap(extra: int) -> None:
    """An answer of just the cap is whole, and its connection stays; one byte more ends it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    length = ANSWER_CAP - len(head % ANSWER_CAP) + extra
    reply = head % length + b"z" * length
    async with receiving(lambda one: one.answer_all(reply)) as receiver, sending() as sender:
        answers = [await sender.send(receiver.exchange()) for _ in range(2)]
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2
    assert answers[1].is_reused is (extra == 0)
    assert bool(answers[0].detail) is (extra == 1)


async def test_of_many_headers_the_first_are_kept() -> None:
    """An answer with hundreds of headers is read, and not all of it kept."""
    many = b"".join(b"X-%d: y\r\n" % number for number in range(300))
    reply = b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 0\r\n\r\n"
    async with receiving(lambda one: one.answer_all(reply)) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.outcome is Outcome.DELIVERED
    assert answer.headers == tuple((b"X-%d" % number, b"y") for number in range(KEPT_HEADERS))


async def test_an_answer_before_the_request_is_read() -> None:
    """A receiver may refuse a request that it does not want to read; we do not wait until it does."""
    huge = b"i" * 32_000_000
    is_over = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.reader.read(1)
        await one.answer(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await is_over.wait()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(body=huge))
        await sender._pool.drained()
        is_over.set()
    assert (answer.outcome, answer.status) == (Outcome.REJECTED, 413)


async def test_a_receiver_that_speaks_first_answers_nothing() -> None:
    """An answer that was there before the request cannot be the answer to it."""
    spoke = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.answer(OK)
        spoke.set()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        exchange = receiver.exchange()
        connection = await sender._open(exchange, Route(), monotonic_ns())
        await spoke.wait()
        await sender._pool.drained()
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        connection.begin(exchange, answered.set_result, monotonic_ns())
        answer = await answered
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert not answer.wrote_first_byte
