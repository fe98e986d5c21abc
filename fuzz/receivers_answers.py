"""What a receiver can answer: bytes in pieces, and the headers in them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic_ns
from typing import Any, Final

from fuzz.feed import Feed
from fuzz.target import Target
from tocsin.domain.answer_action import LONGEST_MESSAGE, AskedAction, read_answer
from tocsin.domain.retry_after import LONGEST, parse_retry_after
from tocsin.transport.connection import KEPT_BODY, Connection
from tocsin.transport.exchange import Answer, Destination, Exchange, Route
from tocsin.transport.reading import KEPT_HEADER_BYTES, KEPT_HEADERS

NOW: Final = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
DESTINATION: Final = Destination(is_tls=False, host="receiver.example", port=80)
EXCHANGE: Final = Exchange(DESTINATION, b"POST / HTTP/1.1\r\n\r\n", b"", 5.0, 15.0, lambda: False)


class Wire(asyncio.Transport):
    """The other side of a connection: takes what is written, and knows whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else default

    def fileno(self) -> int:
        """Nobody asks the system about it."""
        return 0

    def write(self, data: Any) -> None:
        """Nobody reads it."""

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True


class Keeper:
    """Who owns the one connection, and takes it back as often as it is ready."""

    def keep(self, connection: Connection) -> bool:
        return True

    def discard(self, connection: Connection) -> None:
        """It ends."""

    def watch(self, deadline: int) -> None:
        """Time stands still."""

    def forget(self, connection: Connection) -> None:
        """It has ended."""


def read(pieces: Sequence[bytes]) -> Answer:
    """Return what becomes of an answer that comes in these pieces, after which the connection ends."""
    answers: list[Answer] = []
    wire = Wire()
    connection = Connection(DESTINATION, Route("192.0.2.1"), Keeper())
    connection.connection_made(wire)
    connection.begin(EXCHANGE, answers.append, monotonic_ns())
    for piece in pieces:
        if wire.is_closed:  # then a loop delivers no more
            break
        connection.data_received(piece)
    if not wire.is_closed:
        connection.eof_received()
    connection.connection_lost(None)
    (answer,) = answers
    return answer


def feed_answer(data: bytes) -> None:
    """One answer comes of it, with bounds, the same however it was cut."""
    feed = Feed(data)
    size = feed.number(64) * feed.number(64) + 1
    sent = feed.rest()
    whole = read([sent] if sent else [])
    cut = read([sent[at : at + size] for at in range(0, len(sent), size)])
    assert whole.reason
    assert len(whole.body) <= KEPT_BODY
    assert len(whole.headers) <= KEPT_HEADERS
    assert sum(len(name) + len(value) for name, value in whole.headers) <= KEPT_HEADER_BYTES
    for fact in ("outcome", "status", "headers", "body"):
        assert getattr(whole, fact) == getattr(cut, fact), fact


def feed_retry_after(data: bytes) -> None:
    feed = Feed(data)
    values = []
    while feed:
        values.append(feed.piece().decode("latin-1"))
    wait = parse_retry_after(values, now=NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST


def feed_answer_that_acts(data: bytes) -> None:
    """Anything is read, and what is asked for is within its bounds."""
    asked = read_answer(
        may_act=True,
        status=200,
        content_types=["application/json"],
        body=data,
        is_whole=True,
        is_tls=True,
        address="",
    )
    if isinstance(asked, AskedAction):
        assert len(asked.message) <= LONGEST_MESSAGE
        asked.message.encode()
        assert asked.hold_for is None or timedelta(minutes=1) <= asked.hold_for <= timedelta(
            hours=4
        )


TARGETS: Final = {
    "answer": Target(
        feed_answer,
        (
            *(
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.0 ",
                b"HTTP/1.1 100 \r\n\r\n",
                b"101",
                b"204",
                b"304",
            ),
            *(
                b"\r\n",
                b"\r\n\r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"hello",
            ),
            *(
                b"Connection: close\r\n",
                b"Upgrade: h2c\r\n",
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
                b"0\r\nT: u\r\n",
            ),
            *(
                b"ffffffffffffffff\r\n",
                b"Content-Length: 99999999999999999999\r\n",
                b"HTTP/2.0 200\r\n",
            ),
        ),
        longest=80_000,
    ),
    "answer-that-acts": Target(
        feed_answer_that_acts,
        (
            *(b'{"incident": "acknowledge"}', b'{"incident": "hold", "minutes": 30}', b"minutes"),
            *(b'{"incident": "resolve", "message": "\\ud800"}', b"1e3", b"[" * 300, b"\xff", b"\0"),
        ),
    ),
    "retry-after": Target(
        feed_retry_after,
        (
            *(b"120", b"Mon, 02 Nov 2026 03:01:30 GMT", b"Monday, 02-Nov-26 03:01:30 GMT", b"\xff"),
            *(b"Mon Nov  2 03:01:30 2026", b"9999", b"0000", b":60", b"\xb2", b"-", b"31 Feb"),
        ),
    ),
}
