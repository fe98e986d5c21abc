"""Reading an answer does not depend on how the network cut it up."""

import asyncio
import socket
from time import monotonic_ns
from typing import Any, cast

from httptools import HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st
from tests.transport.servers import plain, to

from tocsin.transport.connection import PIECE, Connection
from tocsin.transport.exchange import Answer, Route
from tocsin.transport.pool import Pool
from tocsin.transport.reading import ANSWER_CAP

REPLIES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nA: b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 33_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"z" * 70_000,
    b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HELLO",
)
cuts = st.lists(st.integers(min_value=1, max_value=40_000), max_size=6)


async def read(pieces: list[bytes]) -> Answer:
    """Return what a connection makes of an answer that arrives in these pieces, then ends."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Answer] = loop.create_future()
    ours, theirs = socket.socketpair()
    with theirs:
        pool = Pool(idle_seconds=1.0, most_idle=0)
        connection = Connection(plain(80), Route("127.0.0.1"), pool)
        await loop.create_connection(lambda: connection, sock=ours)
        pool.add(connection)
        connection.begin(to(plain(80)), answered.set_result, 0)
        for piece in pieces:
            if not answered.done():
                connection.data_received(piece)
    answer = await answered
    connection.interrupt()
    await pool.drained()
    return answer


@given(extra=st.sampled_from((b"H", b"stray", REPLIES[0])))
def test_what_follows_an_answer_ends_the_connection(extra: bytes) -> None:
    """Even where the answer fills the last piece that was fed to the parser."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 16342\r\n\r\n"
    reply = head + b"z" * 16342
    assert len(reply) == PIECE

    async def is_kept(data: bytes) -> bool:
        ours, theirs = socket.socketpair()
        with theirs:
            pool = Pool(idle_seconds=1.0, most_idle=1)
            connection = Connection(plain(80), Route("127.0.0.1"), pool)
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
            pool.add(connection)
            connection.begin(to(plain(80)), lambda _answer: None, monotonic_ns())
            connection.data_received(data)
            is_kept = connection.is_kept
            connection.interrupt()
            await pool.drained()
            return is_kept

    assert asyncio.run(is_kept(reply))
    assert not asyncio.run(is_kept(reply + extra))


def test_the_parser_gets_small_pieces() -> None:
    """It copies what it cannot finish, so it gets no more at a time than it may copy."""

    async def lengths_fed() -> list[int]:
        ours, theirs = socket.socketpair()
        with theirs:
            pool = Pool(idle_seconds=1.0, most_idle=0)
            connection = Connection(plain(80), Route("127.0.0.1"), pool)
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
            pool.add(connection)
            spying = _Spying(connection._parser)
            connection._parser = cast(HttpResponseParser, spying)
            connection.begin(to(plain(80)), lambda _answer: None, monotonic_ns())
            connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000)
            await pool.drained()
            return spying.lengths

    assert asyncio.run(lengths_fed()) == [PIECE] * (ANSWER_CAP // PIECE)


class _Spying:
    """Notes how much the parser is given at a time."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self.lengths: list[int] = []

    def feed_data(self, data: memoryview) -> None:
        self.lengths.append(len(data))
        self._parser.feed_data(data)

    def get_status_code(self) -> int:
        return int(self._parser.get_status_code())


def cut(reply: bytes, lengths: list[int]) -> list[bytes]:
    pieces = []
    for length in lengths:
        pieces.append(reply[:length])
        reply = reply[length:]
    return [piece for piece in (*pieces, reply) if piece]


@given(reply=st.sampled_from(REPLIES), lengths=cuts)
def test_an_answer_is_read_the_same_however_it_arrives(reply: bytes, lengths: list[int]) -> None:
    """Outcome, status, headers and body do not depend on the segments of TCP."""

    async def both() -> tuple[Answer, Answer]:
        return await read([reply]), await read(cut(reply, lengths))

    whole, in_pieces = asyncio.run(both())
    for fact in ("outcome", "status", "headers", "body"):
        assert getattr(whole, fact) == getattr(in_pieces, fact)


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from((b"", *REPLIES)), cuts)
def test_nothing_that_is_said_breaks_the_reader(
    noise: list[bytes], reply: bytes, lengths: list[int]
) -> None:
    """Whatever bytes come, one answer comes of them, and it is an outcome with a reason."""
    answer = asyncio.run(read([piece for piece in (*cut(reply, lengths), *noise) if piece]))
    assert answer.reason
