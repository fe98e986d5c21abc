"""From several addresses to one connection: the first that answers, and nothing else left open."""

import asyncio
import socket
from functools import partial

import pytest
from tests.transport.directory import NAME, Directory, address
from tests.transport.servers import (
    Conversation,
    free_port,
    full_backlog,
    open_descriptors,
    plain,
    receiving,
    sending,
    to,
)

from tocsin.domain.outcome import Outcome
from tocsin.transport.dial import Dialled, check_far_end, connect_to, dial
from tocsin.transport.exchange import NotConnected
from tocsin.transport.resolve import ResolvedAddress, Resolver


async def test_a_port_that_answers_itself_is_closed() -> None:
    """TCP can connect a free port of this machine to itself; nobody listens there."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.connect(sock.getsockname())
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=sock)
    with pytest.raises(NotConnected) as refusal:
        check_far_end(transport)
    assert refusal.value.outcome is Outcome.CONNECTION_REFUSED
    transport.close()


async def test_a_free_port_that_answered_itself_gets_no_request() -> None:
    """The sender looks at both ends before it says anything."""
    port = free_port()
    loop = asyncio.get_running_loop()
    ours = ("127.0.0.1", port)
    connect = partial(
        loop.create_connection, local_addr=ours
    )  # the port that the system might take
    loop.create_connection = connect  # type: ignore[method-assign]
    async with sending() as sender:
        answer = await sender.send(to(plain(port)))
    assert answer.outcome is Outcome.CONNECTION_REFUSED
    assert answer.detail == f"nothing listens on port {port}"
    assert not answer.wrote_first_byte


async def test_the_next_address_is_tried_when_one_is_refused() -> None:
    """Of several addresses one that works is enough, and it is tried at once."""
    port = free_port()
    directory = Directory(("127.0.0.2", "::1", "127.0.0.1"))
    async with (
        receiving(Conversation.answer_all, port=port) as receiver,
        sending(resolver=Resolver(directory)) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=NAME))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.1")


async def test_the_next_address_is_tried_beside_a_silent_one() -> None:
    """An address that says nothing costs a quarter of a second, not the connect limit."""
    directory = Directory(("127.0.0.2", "127.0.0.1"))
    async with (
        receiving(Conversation.answer_all) as receiver,
        sending(resolver=Resolver(directory)) as sender,
    ):
        with full_backlog("127.0.0.2", receiver.port):
            answer = await sender.send(receiver.exchange(host=NAME))
            assert sender.open_count == 1
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.1")
    assert 250_000 <= answer.connect_us < 5_000_000


async def test_when_all_addresses_fail_the_most_telling_failure_is_told() -> None:
    """That one address cannot be reached from here says less than that another refused."""
    addresses = [address("255.255.255.255"), address("127.0.0.1")]
    with pytest.raises(NotConnected) as refusal:
        await dial(addresses, connect_to(free_port(), asyncio.Protocol))
    assert refusal.value.outcome is Outcome.CONNECTION_REFUSED
    with pytest.raises(NotConnected) as refusal:
        await dial(addresses[:1], connect_to(80, asyncio.Protocol))
    assert refusal.value.outcome is Outcome.UNREACHABLE


async def test_of_addresses_that_answer_together_one_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that came too late is closed, and takes nothing with it."""
    monkeypatch.setattr("tocsin.transport.dial.HEAD_START_SECONDS", 0.0)
    directory = Directory(("127.0.0.2", "127.0.0.3", "127.0.0.1"))
    async with (
        receiving(Conversation.answer_all) as one,
        receiving(Conversation.answer_all, host="127.0.0.2", port=one.port) as two,
        receiving(Conversation.answer_all, host="127.0.0.3", port=one.port) as three,
        sending(resolver=Resolver(directory)) as sender,
    ):
        exchange = one.exchange(host=NAME, is_fresh=True)
        answers = [await sender.send(exchange) for _ in range(20)]
        await sender.close()
        assert sender.open_count == 0
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}
    assert one.accepted + two.accepted + three.accepted > 20  # they did answer together


async def test_whoever_gives_up_loses_no_connection() -> None:
    """Cancelled at whatever step, dialling leaves nothing open."""
    loop = asyncio.get_running_loop()
    async with receiving(Conversation.until_closed) as receiver:
        direct = connect_to(receiver.port, asyncio.Protocol)
        both = [address("127.0.0.2"), address("127.0.0.1")]
        before = open_descriptors()
        for steps in range(30):
            dialling = loop.create_task(dial(both, direct))
            for _ in range(steps):
                await asyncio.sleep(0)
            dialling.cancel()
            for ended in await asyncio.gather(dialling, return_exceptions=True):
                if isinstance(ended, Dialled):
                    ended.transport.abort()
        while receiver.scripts:  # each ends when its connection does
            await receiver.scripts.pop()
    assert open_descriptors() - before == set()


async def test_the_late_are_hung_up_on_when_the_winner_is_cancelled() -> None:
    """The one that won is not lost while the others are ended: ending them waits for nothing."""
    won, late = _Line(), _Line()
    may_connect = asyncio.Event()

    async def connect(to: ResolvedAddress) -> Dialled:
        if to.ip == "127.0.0.1":
            try:
                await may_connect.wait()
            except asyncio.CancelledError:
                return Dialled(late, asyncio.Protocol(), to.ip)  # it was connected already
        return Dialled(won, asyncio.Protocol(), to.ip)

    found = await dial([address("127.0.0.1"), address("127.0.0.2")], connect)
    assert found.transport is won
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (won.is_over, late.is_over) == (False, True)


class _Line(asyncio.Transport):
    is_over = False

    def abort(self) -> None:
        self.is_over = True
