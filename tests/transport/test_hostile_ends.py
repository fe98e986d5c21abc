"""Receivers that do not let us in, hang up, or do not read: each ends in time, by name."""

import asyncio
import errno
import socket
import threading

import pytest
from tests.transport.ordeal import (
    Script,
    answer_all,
    hear,
    misbehaving,
    reset,
    undergo,
    until_closed,
    until_reset,
)
from tests.transport.servers import (
    OK,
    descriptors_used_up,
    free_port,
    full_backlog,
    plain,
    sending,
    to,
)

from tocsin.domain.outcome import Outcome
from tocsin.transport.dial import outcome_of

SOON_US = 4_000_000
HUGE = b"i" * 8_000_000
HUGE_PEAK = 4 * len(HUGE)


async def test_nothing_listens() -> None:
    """A closed port is refused at once, and the answer says where."""
    port = free_port()
    (answer,) = await undergo(answer_all, at=lambda _: plain(port))
    assert answer.outcome is Outcome.CONNECTION_REFUSED
    assert answer.detail == f"127.0.0.1 port {port}: Connection refused"
    assert not answer.wrote_first_byte
    assert answer.status == 0


async def test_packets_that_are_dropped_cost_the_connect_limit() -> None:
    """A host behind a firewall that says nothing costs the connect limit, not the whole one."""
    with full_backlog() as port:
        (answer,) = await undergo(answer_all, at=lambda _: plain(port), connect_timeout=0.05)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT
    assert answer.detail == "no connection within 0.05 s"
    assert 50_000 <= answer.total_us < SOON_US


async def test_connecting_takes_no_longer_than_the_whole_attempt() -> None:
    """A connect limit beyond the whole one gains nothing."""
    with full_backlog() as port:
        (answer,) = await undergo(answer_all, at=lambda _: plain(port), total_timeout=0.3)
    assert answer.outcome is Outcome.CONNECT_TIMED_OUT


async def test_no_descriptor_is_left() -> None:
    """Tocsin's own shortage is told apart from the receiver's faults, and passes."""
    with misbehaving(answer_all) as receiver:
        async with sending() as sender:
            exchange = to(plain(receiver.port), is_fresh=True)
            await sender.send(exchange)
            with descriptors_used_up():
                refused = await sender.send(exchange)
            delivered = await sender.send(exchange)
    assert refused.outcome is Outcome.OUT_OF_SOCKETS
    assert "Too many open files" in refused.detail
    assert delivered.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("number", "family", "outcome"),
    [
        ("EADDRNOTAVAIL", socket.AF_INET, Outcome.OUT_OF_SOCKETS),
        ("EADDRNOTAVAIL", socket.AF_INET6, Outcome.UNREACHABLE),
        ("EHOSTUNREACH", socket.AF_INET, Outcome.UNREACHABLE),
        ("ETIMEDOUT", socket.AF_INET, Outcome.CONNECT_TIMED_OUT),
    ],
)
def test_what_the_system_says_is_named(number: str, family: int, outcome: Outcome) -> None:
    """Ports that ran out are not confused with a machine that has no IPv6."""
    assert outcome_of(getattr(errno, number), family) is outcome


async def test_a_reset_as_soon_as_connected() -> None:
    """However early the reset comes, it is the connection that was lost, and no mistake of ours."""
    answers = await undergo(reset, times=50)
    assert {answer.outcome for answer in answers} == {Outcome.CONNECTION_LOST}
    assert {answer.address for answer in answers} <= {"127.0.0.1", ""}


async def test_a_close_as_soon_as_connected() -> None:
    """A listener that accepts and hangs up, as a load balancer without a backend does."""
    answers = await undergo(lambda sock: None, times=50)
    assert {answer.outcome for answer in answers} == {Outcome.CONNECTION_LOST}


def after_hearing(data: bytes, end: Script) -> Script:
    def script(sock: socket.socket) -> None:
        if hear(sock):
            sock.sendall(data)
            end(sock)

    return script


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "closed"])
@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "before any byte of an answer"),
        (b"HTT", "in the middle of the answer's headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "in the middle of the answer's headers"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "in the middle of the answer's headers"),
    ],
    ids=["before", "first bytes", "headers", "interim"],
)
async def test_an_end_before_the_headers_are_in(end: Script, data: bytes, detail: str) -> None:
    """Half an answer is none."""
    (answer,) = await undergo(after_hearing(data, end))
    assert (answer.outcome, answer.is_reused) == (Outcome.CONNECTION_LOST, False)
    assert answer.detail.endswith(detail)
    assert answer.total_us < SOON_US
    assert bool(answer.first_byte_us) is bool(data)
    assert not answer.met_stale_connection


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "closed"])
async def test_an_end_in_the_middle_of_the_body(end: Script) -> None:
    """The status was said, so it counts."""
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    (answer,) = await undergo(after_hearing(half, end))
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"half")
    assert answer.total_us < SOON_US


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "closed"])
async def test_an_end_after_the_answer(end: Script) -> None:
    """What was answered was answered; nothing waits on a connection that is gone."""
    answers = await undergo(after_hearing(OK, end), times=20, is_fresh=True)
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "closed"])
async def test_a_kept_connection_that_ends_under_a_request(end: Script) -> None:
    """It says that it was stale: the engine then sends again at once, over a fresh connection."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(OK)
        if hear(sock):
            end(sock)

    first, stale, second, stale_again = await undergo(script, times=4)
    assert first.outcome is second.outcome is Outcome.DELIVERED
    for answer in (stale, stale_again):
        assert (answer.outcome, answer.is_reused) == (Outcome.CONNECTION_LOST, True)
        assert answer.met_stale_connection
        assert answer.first_byte_us == 0


async def test_a_kept_connection_that_ends_in_the_headers_is_not_stale() -> None:
    """The receiver was there and began to answer: that is its failure, and waits its turn."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(OK)
        if hear(sock):
            sock.sendall(b"HTTP/1.1 200")

    _, lost = await undergo(script, times=2)
    assert (lost.outcome, lost.is_reused) == (Outcome.CONNECTION_LOST, True)
    assert not lost.met_stale_connection


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "closed"])
async def test_a_kept_connection_that_ends_while_idle(end: Script) -> None:
    """It is dropped at once, and the next exchange opens anew."""
    with misbehaving(after_hearing(OK, end)) as receiver:
        async with sending() as sender:
            answers = []
            for _ in range(5):
                answers.append(await sender.send(to(plain(receiver.port))))
                await sender._pool.drained()
                assert sender._pool._idle == {}
    assert {answer.outcome for answer in answers} == {Outcome.DELIVERED}
    assert {answer.is_reused for answer in answers} == {False}


@pytest.mark.parametrize(
    "more",
    [b"", b"H", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"],
    ids=["the end", "a byte", "a second answer"],
)
async def test_what_came_just_now_ends_a_kept_connection(more: bytes) -> None:
    """Before a request is sent the socket is asked: what lies there can be no answer to it."""
    may_speak, has_spoken = threading.Event(), threading.Event()

    def script(sock: socket.socket) -> None:
        if hear(sock):
            sock.sendall(OK)
            may_speak.wait(10)
            sock.sendall(more) if more else sock.shutdown(socket.SHUT_WR)
            has_spoken.set()
            until_closed(sock)

    with misbehaving(script) as receiver:
        async with sending() as sender:
            exchange = to(plain(receiver.port))
            first = await sender.send(exchange)
            may_speak.set()
            assert has_spoken.wait(10)  # the loop stands still meanwhile, and sees nothing of it
            (kept,) = sender._pool._open
            sending_second = asyncio.ensure_future(sender.send(exchange))
            await asyncio.sleep(0)
            assert kept.is_closing
            second = await sending_second
    assert [first.status, second.status] == [200, 200]
    assert not second.is_reused


@pytest.mark.parametrize(
    "more", [b"H", OK, b"\r\n", b"x" * 300_000], ids=["a byte", "an answer", "a line", "a flood"]
)
async def test_a_kept_connection_that_speaks_is_dropped(more: bytes) -> None:
    """What nobody asked for must not be there to answer the next request."""
    may_speak = asyncio.Event()
    loop = asyncio.get_running_loop()

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(OK)
        asyncio.run_coroutine_threadsafe(may_speak.wait(), loop).result(10)
        sock.sendall(more)
        until_closed(sock)

    with misbehaving(script) as receiver:
        async with sending() as sender:
            await sender.send(to(plain(receiver.port)))
            may_speak.set()
            await sender._pool.drained()


async def test_a_half_closed_connection_gives_no_answer() -> None:
    """Who has said that it says no more is not waited for."""

    def script(sock: socket.socket) -> None:
        hear(sock)
        sock.shutdown(socket.SHUT_WR)
        until_closed(sock)

    (answer,) = await undergo(script)
    assert answer.outcome is Outcome.CONNECTION_LOST
    assert answer.total_us < SOON_US


async def test_a_half_closed_connection_ends_a_body() -> None:
    """A body without a length is whole at that moment, also if the request was never read."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nup to here")
        sock.shutdown(socket.SHUT_WR)
        until_reset(sock)

    (answer,) = await undergo(script, body=HUGE, small_window=True, peak_bytes=HUGE_PEAK)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, b"up to here")
    assert answer.total_us < SOON_US


async def test_a_request_that_is_never_read() -> None:
    """A receiver with a closed window costs its limit, and the answer tells it from a slow one."""
    (answer,) = await undergo(
        until_reset, body=HUGE, small_window=True, peak_bytes=HUGE_PEAK, total_timeout=0.3
    )
    assert answer.outcome is Outcome.TIMED_OUT
    assert answer.detail.startswith("no whole answer within 0.3 s, and at least ")
    assert answer.detail.endswith(" bytes of the request not read")


async def test_an_answer_before_the_request_is_read() -> None:
    """A receiver may refuse what it does not want to read; its answer counts, and we do not go on."""

    def script(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        until_reset(sock)

    (answer,) = await undergo(script, body=HUGE, small_window=True, peak_bytes=HUGE_PEAK)
    assert (answer.outcome, answer.status) == (Outcome.REJECTED, 413)
    assert answer.total_us < SOON_US
