"""Names, addresses, and which of them are dialled: nothing gets inside that may not."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest
from tests.transport.directory import NAME, Directory, address
from tests.transport.servers import (
    LOOPBACK,
    Conversation,
    plain,
    receiving,
    sending,
    to,
)

from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import NotConnected
from tocsin.transport.resolve import (
    MOST_STUCK,
    MOST_THREADS,
    THREADS_FOR_SLOW,
    Addresses,
    Resolver,
    look_up,
    read_literal,
)


def raising(error: Exception) -> Callable[[str], Addresses]:
    def look_up(host: str) -> Addresses:
        raise error

    return look_up


async def test_a_name_is_resolved_and_called() -> None:
    """The look-up is on record with its time, and the name is remembered for a few seconds."""
    directory = Directory(("127.0.0.1",))
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=Resolver(directory)) as sender,
    ):
        exchange = receiver.exchange(host=NAME, is_fresh=True)
        answers = [await sender.send(exchange) for _ in range(2)]
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2
    assert answers[0].address == "127.0.0.1"
    assert answers[0].resolve_us > 0
    assert directory.questions == [NAME]


async def test_the_systems_resolver_is_asked() -> None:
    """localhost is a name like any other."""
    async with receiving(Conversation.answer_all) as receiver, sending() as sender:
        answer = await sender.send(receiver.exchange(host="localhost"))
    assert answer.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "0x7f.1", "2130706433", "017700000001", "127.1", "::ffff:127.0.0.1"],
)
async def test_a_refused_address_is_never_dialled(host: str) -> None:
    """However it is spelt, what it comes to is judged before anything is sent to it."""
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(networks=DEFAULT_NETWORKS) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=host))
        assert receiver.accepted == 0
    assert answer.outcome is Outcome.ADDRESS_REFUSED
    assert "TOCSIN_WEBHOOK_NETWORKS=public,private,loopback" in answer.detail
    assert answer.address == ""
    assert answer.connect_us == 0


async def test_a_strange_spelling_is_called_where_it_may() -> None:
    """A literal goes where the system would take it; no resolver is asked."""
    directory = Directory(())
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=Resolver(directory)) as sender,
    ):
        answer = await sender.send(receiver.exchange(host="0x7f.1"))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.1")
    assert directory.questions == []


async def test_of_many_addresses_only_the_allowed_are_dialled() -> None:
    """A name that leads to a forbidden address too leads only to the others."""
    directory = Directory(("127.0.0.1", "127.0.0.2"))
    async with (
        receiving(Conversation.answer_all) as inside,
        receiving(Conversation.answer_all, host="127.0.0.2", port=inside.port) as receiver,
        sending(resolver=Resolver(directory), networks=Networks.parse("127.0.0.2")) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=NAME))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.2")
    assert (inside.accepted, receiver.accepted) == (0, 1)


async def test_one_look_up_serves_all_who_wait_for_it() -> None:
    """A hundred pages to one host ask its name once."""
    may_answer = threading.Event()
    asked: list[str] = []

    def slow(host: str) -> Addresses:
        asked.append(host)
        may_answer.wait(10)
        return (address("127.0.0.1"),)

    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=Resolver(slow)) as sender,
    ):
        exchange = receiver.exchange(host=NAME)
        sent = [asyncio.create_task(sender.send(exchange)) for _ in range(20)]
        await asyncio.sleep(0)
        may_answer.set()
        answers = await asyncio.gather(*sent)
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}
    assert asked == [NAME]


async def test_a_look_up_that_does_not_end_is_given_up() -> None:
    """A dead DNS server costs its limit, its name, and no other name's look-up."""
    may_answer = threading.Event()

    def slow(host: str) -> Addresses:
        if host == NAME:
            may_answer.wait(10)
        return (address("127.0.0.1"),)

    resolver = Resolver(slow)
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=resolver, resolve_seconds=0.05) as hasty,
        sending(resolver=resolver) as patient,
    ):
        answer = await hasty.send(receiver.exchange(host=NAME))
        other = await patient.send(receiver.exchange(host="other.test"))
        may_answer.set()
    assert other.outcome is Outcome.DELIVERED
    assert answer.outcome is Outcome.NAME_TIMED_OUT
    assert answer.detail == f"no answer about {NAME} within 0.05 s"


async def test_names_that_hang_do_not_hold_up_others() -> None:
    """A zone that went dark, of more names than threads, leaves some for the rest; all are bounded."""
    may_answer = threading.Event()

    def slow(host: str) -> Addresses:
        if host != NAME:
            may_answer.wait(10)
        return (address("127.0.0.1"),)

    resolver = Resolver(slow)
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=resolver, resolve_seconds=0.5) as sender,
    ):

        async def send_to(*hosts: str) -> set[Outcome]:
            exchanges = [receiver.exchange(host=host) for host in hosts]
            return {each.outcome for each in await asyncio.gather(*map(sender.send, exchanges))}

        dark = [f"{number}.dark.test" for number in range(2 * MOST_THREADS)]
        assert await send_to(*dark) == {Outcome.NAME_TIMED_OUT}
        assert await send_to(NAME) == {Outcome.DELIVERED}
        more = [f"{number}.darker.test" for number in range(2 * MOST_STUCK)]
        assert await send_to(*more) == {Outcome.NAME_TIMED_OUT}
        assert len(resolver._threads) <= MOST_THREADS + MOST_STUCK
        may_answer.set()


async def test_names_that_timed_out_lately_wait_for_each_other() -> None:
    """Asked again, they take few threads, and one that has not timed out takes none of those."""
    timed_out, may_answer = threading.Event(), threading.Event()

    def slow(host: str) -> Addresses:
        if host != NAME:
            if not timed_out.is_set():
                raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")
            may_answer.wait(10)
        return (address("127.0.0.1"),)

    resolver = Resolver(slow)
    dark = [f"{number}.dark.test" for number in range(MOST_THREADS + MOST_STUCK)]
    for host in dark:
        with pytest.raises(NotConnected):
            await resolver.resolve(host)
    timed_out.set()
    waiting = [asyncio.ensure_future(resolver.resolve(host)) for host in dark]
    await asyncio.sleep(0)
    assert await resolver.resolve(NAME) == (address("127.0.0.1"),)
    assert len(resolver._slow_threads) == THREADS_FOR_SLOW
    may_answer.set()
    assert set(await asyncio.gather(*waiting)) == {(address("127.0.0.1"),)}
    assert await resolver.resolve(dark[0]) == (address("127.0.0.1"),)
    resolver.close()
    for thread in (*resolver._threads, *resolver._slow_threads):
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def test_a_look_up_takes_no_longer_than_the_whole_attempt() -> None:
    """The whole limit covers the name too, and its threads end with the sender."""
    may_answer = threading.Event()

    def slow(host: str) -> Addresses:
        may_answer.wait(10)
        return ()

    resolver = Resolver(slow)
    async with sending(resolver=resolver) as sender:
        answer = await sender.send(to(plain(80, NAME), total_timeout=0.05))
    assert answer.outcome is Outcome.NAME_TIMED_OUT
    assert answer.total_us < 5_000_000
    may_answer.set()
    (thread,) = resolver._threads
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


async def test_few_names_are_remembered() -> None:
    """The memory of names is bounded."""
    resolver = Resolver()
    for number in range(1100):
        assert resolver.recall(f"127.1.{number // 256}.{number % 256}")
    assert len(resolver._remembered) <= 1024
    resolver.close()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name unknown"), Outcome.NAME_NOT_FOUND),
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), Outcome.NAME_TIMED_OUT),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), Outcome.NAME_TIMED_OUT),
        (OSError(24, "Too many open files"), Outcome.NAME_TIMED_OUT),
    ],
)
async def test_a_look_up_that_fails_is_named(error: OSError, outcome: Outcome) -> None:
    """A name that does not exist is told apart from a DNS server that does not work."""
    async with sending(resolver=Resolver(raising(error))) as sender:
        answers = [await sender.send(to(plain(80, NAME))) for _ in range(2)]
    assert [answer.outcome for answer in answers] == [outcome] * 2
    assert answers[0].detail == f"{NAME}: {error.strerror}"


async def test_a_name_without_addresses_is_not_found() -> None:
    """An empty answer of a DNS server is no address."""
    async with sending(resolver=Resolver(Directory(()))) as sender:
        answer = await sender.send(to(plain(80, NAME)))
    assert (answer.outcome, answer.detail) == (Outcome.NAME_NOT_FOUND, f"{NAME} has no address")


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "two..dots", "nul\0nul"])
async def test_what_cannot_be_a_name_is_not_found(host: str) -> None:
    """The system's own complaints about a name are an outcome, never an exception."""
    async with sending(networks=LOOPBACK) as sender:
        answer = await sender.send(to(plain(80, host)))
    assert answer.outcome is Outcome.NAME_NOT_FOUND


async def test_cancelled_while_its_name_is_looked_up() -> None:
    """Acknowledged before a connection was even tried: the receiver hears not a byte."""
    cancelled = asyncio.Event()
    loop = asyncio.get_running_loop()
    heard: list[bytes] = []

    def cancelling(host: str) -> Addresses:
        loop.call_soon_threadsafe(cancelled.set)
        return (address("127.0.0.1"),)

    async def script(one: Conversation) -> None:
        heard.append(await one.until_closed())

    async with (
        receiving(script) as receiver,
        sending(resolver=Resolver(cancelling)) as sender,
    ):
        exchange = receiver.exchange(host=NAME, is_cancelled=cancelled.is_set)
        answer = await sender.send(exchange)
    assert answer.outcome is Outcome.CANCELLED
    assert not answer.wrote_first_byte
    assert b"".join(heard) == b""


def test_a_look_up_gives_each_address_once() -> None:
    """What the system repeats for each kind of socket is one address."""
    found = look_up("localhost")
    assert found
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("text", "ip"),
    [("127.0.0.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("::1", "::1"), ("0:0::1", "::1")],
)
def test_a_literal_is_read_as_the_system_reads_it(text: str, ip: str) -> None:
    """The judge sees the address that a connect would use."""
    assert read_literal(text) == (address(ip),)


@pytest.mark.parametrize("text", ["localhost", "receiver.test", "", "1.2.3.4.5", "x" * 300])
def test_a_name_is_no_literal(text: str) -> None:
    """A name is left for the resolver."""
    assert read_literal(text) == ()
