"""Time limits: each exchange has its own, and nobody is heard out of turn."""

import asyncio
from time import monotonic_ns

from tests.transport.servers import OK, Conversation, receiving, sending

from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import Answer, Route


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
        sender._pool.add(connection)
        await spoke.wait()
        await sender._pool.drained()
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        connection.begin(exchange, answered.set_result, monotonic_ns())
        answer = await answered
    assert answer.outcome is Outcome.MALFORMED_ANSWER
    assert not answer.wrote_first_byte
