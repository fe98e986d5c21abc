"""The sender and well-behaved receivers: what goes over the wire, and over which connection."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.transport.servers import (
    BODY,
    HEAD,
    OK,
    Conversation,
    open_descriptors,
    receiving,
    sending,
)

from tocsin.domain.outcome import Outcome
from tocsin.transport.connection import Connection
from tocsin.transport.exchange import Answer


async def test_the_receiver_gets_exactly_the_bytes_it_was_sent() -> None:
    """Head and body arrive as they were given: no header is added, dropped, moved or respelt."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert receiver.requests == [HEAD + BODY]
    assert answer.outcome is Outcome.DELIVERED


async def test_an_answer_tells_all_that_is_known() -> None:
    """Status, headers, body, address and the time of each phase are on record."""
    reply = b"HTTP/1.1 202 Fine\r\nServer: x\r\nX-Empty:\r\nContent-Length: 4\r\n\r\nnoted"[:-1]
    async with receiving(lambda one: one.answer_all(reply)) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.status == 202
    assert answer.headers == ((b"Server", b"x"), (b"X-Empty", b""), (b"Content-Length", b"4"))
    assert answer.header_values(b"server") == [b"x"]
    assert answer.header_values(b"retry-after") == []
    assert answer.body == b"note"
    assert answer.address == "127.0.0.1"
    assert answer.peer is None
    assert answer.tls_us == 0
    assert answer.wrote_first_byte
    assert answer.sent_after_us is not None
    assert 0 < answer.resolve_us + answer.connect_us <= answer.sent_after_us
    assert 0 < answer.first_byte_us <= answer.total_us - answer.sent_after_us
    assert answer.total_us < 10_000_000


async def test_connections_are_kept_alive() -> None:
    """Exchanges one after the other share a connection, and only the first pays for it."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        answers = [await sender.send(receiver.exchange()) for _ in range(5)]
    assert receiver.accepted == 1
    assert [answer.is_reused for answer in answers] == [False, True, True, True, True]
    assert answers[0].connect_us > 0
    assert answers[1].connect_us == answers[1].resolve_us == 0


async def test_exchanges_at_once_have_a_connection_each() -> None:
    """Nothing is pipelined: a request never waits for the answer to another."""
    everybody_is_here = asyncio.Barrier(3)

    async def script(one: Conversation) -> None:
        await one.request()
        await everybody_is_here.wait()
        await one.answer(OK)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        answers = await asyncio.gather(*(sender.send(receiver.exchange()) for _ in range(3)))
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 3
    assert receiver.accepted == 3


async def test_a_fresh_connection_can_be_demanded() -> None:
    """After a stale connection the next try must not meet another one."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        answer = await sender.send(receiver.exchange(is_fresh=True))
    assert receiver.accepted == 2
    assert not answer.is_reused


async def test_destinations_do_not_share_connections() -> None:
    """Another name for the same address may be another virtual host, with another certificate."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        await sender.send(receiver.exchange(host="localhost"))
    assert receiver.accepted == 2


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """An answer of the old kind is whole when the receiver closes."""

    async def script(one: Conversation) -> None:
        await one.request()
        await one.answer(b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\nup to ")
        await one.answer(b"here")

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"up to here")


async def test_of_two_answers_the_first_counts() -> None:
    """A second answer is nobody's."""
    second = b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"
    async with receiving(lambda one: one.answer_all(OK + second)) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers == ((b"Content-Length", b"2"),)


async def test_trailers_are_no_headers() -> None:
    """What comes after the body says nothing about it any more."""
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nRetry-After: 9\r\n\r\n"
    async with receiving(lambda one: one.answer_all(reply)) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert answer.headers == ((b"Transfer-Encoding", b"chunked"),)


async def test_interim_answers_are_skipped() -> None:
    """100 and 103 announce the answer; neither they nor their headers are it."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    async with (
        receiving(lambda one: one.answer_all(interim + OK)) as receiver,
        sending() as sender,
    ):
        answers = [await sender.send(receiver.exchange()) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].headers == ((b"Content-Length", b"2"),)
    assert receiver.accepted == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (299, Outcome.DELIVERED),
        (302, Outcome.REDIRECTED),
        (307, Outcome.REDIRECTED),
        (304, Outcome.REJECTED),
        (404, Outcome.REJECTED),
        (410, Outcome.GONE),
        (500, Outcome.REJECTED),
        (999, Outcome.REJECTED),
    ],
)
async def test_only_2xx_is_delivered(status: int, outcome: Outcome) -> None:
    """Every other status is an outcome of its own kind, and a redirect is not followed."""
    reply = b"HTTP/1.1 %d X\r\nLocation: /page\r\nContent-Length: 0\r\n\r\n" % status
    async with receiving(lambda one: one.answer_all(reply)) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.status) == (outcome, status)
    assert len(receiver.requests) == 1


async def test_a_cancelled_exchange_sends_nothing() -> None:
    """Acknowledged just before: not a byte of the request leaves, and the connection stays good."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        fresh = await sender.send(receiver.exchange(is_cancelled=lambda: True))
        kept = await sender.send(receiver.exchange(is_cancelled=lambda: True))
        after = await sender.send(receiver.exchange())
    assert fresh.outcome is kept.outcome is Outcome.CANCELLED
    assert not fresh.wrote_first_byte
    assert not kept.wrote_first_byte
    assert after.outcome is Outcome.DELIVERED
    assert receiver.requests == [HEAD + BODY]
    assert receiver.accepted == 1


async def test_an_exchange_under_way_is_not_cancelled() -> None:
    """Once a byte has left, the acknowledgement may come from that very receiver."""
    cancelled = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.request()
        cancelled.set()
        await one.answer(OK)

    async with receiving(script) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(is_cancelled=cancelled.is_set))
    assert answer.outcome is Outcome.DELIVERED


async def test_start_calls_back_once_and_never_at_once() -> None:
    """Whoever starts an exchange can finish its own work before the answer is there."""
    answers: list[Answer] = []
    answered = asyncio.Event()

    def on_answer(answer: Answer) -> None:
        answers.append(answer)
        answered.set()

    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        for is_cancelled in (lambda: False, lambda: True, lambda: False):
            before = len(answers)
            answered.clear()
            sender.start(receiver.exchange(is_cancelled=is_cancelled), on_answer)
            assert len(answers) == before
            await answered.wait()
    outcomes = [answer.outcome for answer in answers]
    assert outcomes == [Outcome.DELIVERED, Outcome.CANCELLED, Outcome.DELIVERED]


async def test_an_idle_connection_is_ended_in_time() -> None:
    """A connection that nobody uses does not stay for ever."""
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(idle_seconds=0.01) as sender,
    ):
        await sender.send(receiver.exchange())
        await sender._pool.drained()
        answer = await sender.send(receiver.exchange())
    assert (answer.outcome, answer.is_reused) == (Outcome.DELIVERED, False)


async def test_idle_connections_are_bounded() -> None:
    """Beyond the limit a connection ends with its exchange, and room comes back with use."""
    async with receiving(Conversation.answer_all) as receiver, sending(most_idle=2) as sender:
        for _ in range(3):
            await asyncio.gather(*(sender.send(receiver.exchange()) for _ in range(4)))
        assert len(sender._pool._idle[receiver.exchange().destination]) == 2
        assert sender._pool._room == 0


async def test_closing_waits_for_what_runs() -> None:
    """Within its grace, an exchange under way ends as it would have."""
    closing = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.request()
        closing.set()
        await one.answer(OK)
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        sent = asyncio.create_task(sender.send(receiver.exchange()))
        await closing.wait()
        async with asyncio.timeout(10):
            await sender.close(grace_seconds=60)
        assert (await sent).outcome is Outcome.DELIVERED
        assert sender.open_count == 0
        with pytest.raises(RuntimeError):
            await sender.send(receiver.exchange())


async def test_closing_interrupts_what_does_not_end() -> None:
    """When the grace is over, what still runs is answered as interrupted, whatever it was at."""
    asked = asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.request()
        asked.set()
        await one.until_closed()

    async with receiving(script) as receiver, sending() as sender:
        waiting = asyncio.create_task(sender.send(receiver.exchange()))
        await asked.wait()
        opening = asyncio.create_task(sender.send(receiver.exchange(is_fresh=True)))
        await asyncio.sleep(0)
        await sender.close()
        answers = await asyncio.gather(waiting, opening)
    assert [answer.outcome for answer in answers] == [Outcome.INTERRUPTED] * 2
    assert [answer.wrote_first_byte for answer in answers] == [True, False]


async def test_closing_does_not_wait_for_idle_connections() -> None:
    """The grace is for what runs; where nothing does, closing is done."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        async with asyncio.timeout(5):
            await sender.close(grace_seconds=60)


@pytest.mark.parametrize("end", [Connection.eof_received, Connection.close, Connection.interrupt])
async def test_a_connection_that_ends_is_offered_no_more(end: Callable[[Connection], None]) -> None:
    """Between the end of a connection and the news of it no exchange begins on it."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        destination = receiver.exchange().destination
        await sender.send(receiver.exchange())
        (connection,) = sender._pool._idle[destination]
        end(connection)
        assert sender._pool.take(destination) is None
        assert not connection.is_idle


async def test_a_deadline_that_moved_on_ends_nothing() -> None:
    """A connection that began another exchange while the deadlines were looked at goes on."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        await sender.send(receiver.exchange())
        (connection,) = sender._pool._open
        connection.expire(connection.deadline - 1)
        assert (await sender.send(receiver.exchange())).is_reused


async def test_closing_at_once_answers_too() -> None:
    """Nobody is left without an answer, not even who began a moment ago."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        sender.start(receiver.exchange(), answered.set_result)
        await sender.close()
        assert (await answered).outcome is Outcome.INTERRUPTED


async def test_whoever_waits_may_be_cancelled() -> None:
    """A caller that goes away leaves a request that was sent, and nothing breaks."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(one: Conversation) -> None:
        await one.request()
        asked.set()
        await left.wait()
        await one.answer(OK)
        await one.answer_all()

    async with receiving(script) as receiver, sending() as sender:
        waiting = asyncio.create_task(sender.send(receiver.exchange()))
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        left.set()
        answer = await sender.send(receiver.exchange(is_fresh=True))
    assert answer.outcome is Outcome.DELIVERED


async def test_no_socket_leaks() -> None:
    """After 2,000 exchanges of every kind, as many descriptors are open as before."""

    async def script(one: Conversation) -> None:
        await one.request()
        match one.number % 4:
            case 0:
                await one.answer(OK)
                await one.answer_all()
            case 1:
                await one.answer(OK)
            case 2:
                await one.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            case 3:
                one.reset()

    async def exchange_many(sender: Any, receiver: Any) -> list[Outcome]:
        return [
            (await sender.send(receiver.exchange(is_fresh=number % 2 == 0))).outcome
            for number in range(100)
        ]

    async with receiving(script) as receiver, sending() as sender:
        await sender.send(receiver.exchange())  # loops open some of their own on first use
    before = open_descriptors()
    async with receiving(script) as receiver, sending(most_idle=4) as sender:
        outcomes = await asyncio.gather(*(exchange_many(sender, receiver) for _ in range(20)))
        await sender.close()
    kinds = {outcome for one in outcomes for outcome in one}
    assert kinds == {Outcome.DELIVERED, Outcome.CONNECTION_LOST}
    assert open_descriptors() - before == set()
