"""One connection to a receiver: one exchange at a time, read with caps, never trusted."""

import asyncio
import ssl
import sys
from time import monotonic_ns
from typing import cast

import httptools

from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import Answer, Destination, Exchange, Route, unsent
from tocsin.transport.keeper import AnswerCallback, Keeper
from tocsin.transport.reading import (
    ALL_KEPT,
    ANSWER_CAP,
    CLASS_AT,
    HEAD_CAP,
    START,
    announces_body,
    describe_excess,
    describe_start,
    keep_headers,
)
from tocsin.transport.sockets import readable, reset_when_closed

PIECE = 16 * 1024
"""The parser gets no more at a time, because it copies what it cannot finish."""
KEPT_BODY = 8 * 1024
"""Half of it goes on record; the other half is there to see where a secret ends that begins in the first."""
GOODBYE_NS = 1_000_000_000
"""How long a receiver may take to end a connection in good order."""
_NS_PER_SECOND = 1_000_000_000


class Connection(asyncio.Protocol):
    """The protocol of one socket.

    It is busy (an exchange runs), idle (its keeper offers it), or closing. `deadline` is when
    `expire` is due, whatever the state: its keeper compares one number per connection. `is_kept`
    is the keeper's own mark. Of a kept connection, `stirs(0)` tells whether something has come that
    the loop has not told us yet: sent now, a request could be lost with the connection, or be
    answered by what is no answer to it.

    Units: monotonic nanoseconds.
    """

    __slots__ = (
        "_body",
        "_early_end",
        "_fed",
        "_has_extra",
        "_has_headers",
        "_headers",
        "_heard",
        "_held",
        "_in_interim",
        "_is_begun",
        "_is_complete",
        "_is_cut",
        "_is_reused",
        "_keep_alive",
        "_keeper",
        "_left",
        "_on_answer",
        "_parser",
        "_started",
        "_status",
        "_transport",
        "deadline",
        "destination",
        "is_closing",
        "is_kept",
        "route",
        "stirs",
    )
    _transport: asyncio.Transport

    def __init__(self, destination: Destination, route: Route, keeper: Keeper) -> None:
        self.destination = destination
        self.route = route
        self.deadline = sys.maxsize
        self.is_closing = False
        self.is_kept = False
        self._keeper = keeper
        self._on_answer: AnswerCallback | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._is_reused = False
        self._has_extra = False
        self._keep_alive = True
        self._held = b""
        self._in_interim = False
        self._early_end = (Outcome.CONNECTION_LOST, "it was closed at once")

    def begin(self, exchange: Exchange, on_answer: AnswerCallback, started: int) -> None:
        """Write the request, unless it was cancelled; `on_answer` is called later, exactly once."""
        if self.is_closing:  # fresh, and it ended or spoke before it was asked
            self._answer_unsent(*self._early_end, on_answer, started)
            return
        if exchange.is_cancelled():
            self._answer_unsent(Outcome.CANCELLED, "", on_answer, started)
            self._rest()
            return
        request = exchange.head + exchange.body
        self._on_answer = on_answer
        self._started = started
        self._heard = 0
        self._fed = 0
        self._is_begun = False
        self._status = 0
        self._has_headers = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._is_cut = False
        self._is_complete = False
        self.deadline = started + int(exchange.total_timeout * _NS_PER_SECOND)
        self._left = monotonic_ns()
        self._transport.write(request)
        self._keeper.watch(self.deadline)

    @property
    def is_idle(self) -> bool:
        return self._on_answer is None and not self.is_closing

    def expire(self, now: int) -> None:
        """Do what is due at `deadline`: give up the exchange, or end the idle connection."""
        if self.deadline > now:
            return  # it began another exchange a moment ago
        if self.is_closing:
            self._abort()
        elif self._on_answer is not None:
            seconds = (self.deadline - self._started) / _NS_PER_SECOND
            detail = f"no whole answer within {seconds:g} s"
            if unread := self._transport.get_write_buffer_size():
                detail += f", and at least {unread} bytes of the request not read"
            self._fail(Outcome.TIMED_OUT, detail)
        else:
            self.close()

    def interrupt(self) -> None:
        """End the connection now, whatever it does."""
        if self._on_answer is not None:
            self._fail(Outcome.INTERRUPTED, "no answer yet")
        else:
            self._abort()

    def close(self) -> None:
        """End the connection in good order, which TLS may take a moment for."""
        if self.is_closing:  # asyncio's TLS would forget itself, and never end
            return
        if self._transport.get_write_buffer_size():  # they do not read, so do not wait for them
            self._abort()
            return
        self._begin_closing()
        self._transport.close()
        self.deadline = monotonic_ns() + GOODBYE_NS
        self._keeper.watch(self.deadline)

    def begin_tls(self, transport: asyncio.Transport) -> None:
        """Wait for `connection_made` with what TLS makes of this: the connection may end before it."""
        self._transport = transport

    def take_over(self, transport: asyncio.Transport) -> None:
        """Go on with a connection that is there already, and of which nothing is read meanwhile."""
        transport.set_protocol(self)
        self.connection_made(transport)
        transport.resume_reading()

    def _abort(self) -> None:
        if self._transport.get_write_buffer_size():
            reset_when_closed(self._transport)
        self._begin_closing()
        self._transport.abort()

    def _begin_closing(self) -> None:
        self.is_closing = True
        self.deadline = sys.maxsize
        self._keeper.discard(self)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another ancestry

    def eof_received(self) -> None:
        self.close()  # at once, so that no exchange begins on it

    def data_received(self, data: bytes) -> None:
        if self._on_answer is None:
            self._has_extra = True
            detail = f"before the request was sent, {describe_start(data)}"
            self._early_end = (Outcome.MALFORMED_ANSWER, detail)
            self._abort()
            return
        if not self._is_begun:
            if not self._heard:
                self._heard = monotonic_ns()
            # Nothing, or a 1: the status is not there yet, or an interim answer's.
            if (
                self._in_interim
                or not data.startswith(START)
                or data[CLASS_AT : CLASS_AT + 1] in b"1"
            ):
                data = self._find_beginning(data)
                if not self._is_begun:
                    return
            self._is_begun = True
        self._fed += len(data)
        if self._fed > PIECE:
            self._feed_in_pieces(data)
        else:
            self._feed(data)
        if self._is_complete:
            self._complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closing = True
        if self._on_answer is not None:
            self._lose(exc)
        elif isinstance(exc, ssl.SSLError):
            self._early_end = (Outcome.TLS_FAILED, exc.reason or str(exc))
        self._keeper.discard(self)
        self._keeper.forget(self)
        del self._parser  # it holds our methods: a cycle

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._has_extra = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_headers:  # else it is a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_complete:
            return
        status = self._parser.get_status_code()
        if 100 <= status <= 199 and status != 101:  # an interim answer; 101 would be the last
            self._headers.clear()
            self._in_interim = False
        else:
            self._status = status
            self._has_headers = True

    def on_body(self, body: bytes) -> None:
        if self._has_extra:
            return
        room = KEPT_BODY - len(self._body)
        self._is_cut = self._is_cut or len(body) > room
        if room:
            self._body += body[:room]

    def on_message_complete(self) -> None:
        if self._has_headers and not self._is_complete:
            self._is_complete = True
            self._keep_alive = self._status > 199 and self._parser.should_keep_alive()
            if self._status == 204 and announces_body(self._headers):
                self._keep_alive = False  # there is none, so it would begin the next answer

    # What comes of it.

    def _find_beginning(self, data: bytes) -> bytes:
        """Return what comes from the answer proper on, once its status line begins as one of HTTP/1.

        The parser itself would also take RTSP and HTTP/2.0 for it. It gets interim answers line by
        line, so that it is known where the next answer begins.
        """
        at = 0
        while self._on_answer is not None and not self._is_begun and at < len(data):
            if not self._in_interim:
                data, at = self._held + data[at:], 0
                if not self._begins(data):
                    return b""
            if self._in_interim:
                end = data.find(b"\n", at) + 1 or len(data)
                self._fed += end - at
                if self._fed > HEAD_CAP:
                    self._fail(
                        Outcome.MALFORMED_ANSWER, describe_excess(has_headers=self._has_headers)
                    )
                else:
                    self._feed(data[at:end])
                self._is_begun = self._has_headers  # 101 is the last
                at = end
        return data[at:]

    def _begins(self, data: bytes) -> bool:
        """Tell whether these are an answer's first bytes; hold them back while there are too few."""
        is_ours = data.startswith(START[: len(data)])
        self._held = data if is_ours and len(data) <= CLASS_AT else b""
        if not is_ours:
            self._fail(Outcome.MALFORMED_ANSWER, describe_start(data))
        if not is_ours or self._held:
            return False
        self._in_interim = data[CLASS_AT] == ord("1")
        self._is_begun = not self._in_interim
        return True

    def _feed(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a mistake of ours
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._is_complete:
                self._fail(Outcome.MALFORMED_ANSWER, str(error))

    def _feed_in_pieces(self, data: bytes) -> None:
        """Feed no byte beyond the cap that holds at the moment."""
        rest = memoryview(data)
        fed = self._fed - len(data)
        while rest and self._on_answer is not None and not self._is_complete:
            room = (ANSWER_CAP if self._has_headers else HEAD_CAP) - fed
            if room <= 0:
                self._fail(Outcome.MALFORMED_ANSWER, describe_excess(has_headers=self._has_headers))
                return
            piece = rest[: min(PIECE, room)]
            self._feed(piece)
            fed += len(piece)
            rest = rest[len(piece) :]
        self._has_extra = self._has_extra or bool(rest)

    def _lose(self, exc: Exception | None) -> None:
        cause = "closed" if exc is None else str(exc) or type(exc).__name__
        if isinstance(exc, ssl.SSLError) and not self._has_headers:
            # In TLS 1.3 a receiver refuses our certificate, or its absence, after the handshake.
            self._finish(Outcome.TLS_FAILED, exc.reason or cause)
        elif not self._heard:
            self._finish(Outcome.CONNECTION_LOST, f"{cause} before any byte of an answer")
        elif not self._has_headers:
            self._finish(Outcome.CONNECTION_LOST, f"{cause} in the middle of the answer's headers")
        else:
            # Without a length the body ends with the connection, so this may be all of it.
            self._finish(Outcome.of_status(self._status), "")

    def _fail(self, outcome: Outcome, detail: str) -> None:
        """End the exchange and the connection. With status and headers in, the status decides."""
        self._abort()
        if self._has_headers:
            self._finish(Outcome.of_status(self._status), detail)
        else:
            self._finish(outcome, detail)

    def _complete(self) -> None:
        on_answer, answer = self._take_answer(Outcome.of_status(self._status), "")
        self._rest()
        on_answer(answer)

    def _finish(self, outcome: Outcome, detail: str) -> None:
        on_answer, answer = self._take_answer(outcome, detail)
        on_answer(answer)

    def _rest(self) -> None:
        """Become idle if another exchange may follow on this connection, else end it."""
        is_clean = self._keep_alive and not self._has_extra
        if not (
            is_clean and not self._transport.get_write_buffer_size() and self._keeper.keep(self)
        ):
            self.close()
        elif not self._is_reused:
            self._is_reused = True
            self.stirs = readable(self._transport)

    def _take_answer(self, outcome: Outcome, detail: str) -> tuple[AnswerCallback, Answer]:
        ended = monotonic_ns()
        on_answer = self._on_answer
        assert on_answer is not None
        self._on_answer = None
        route = self.route
        is_reused = self._is_reused
        headers = self._headers if self._has_headers else []
        answer = Answer(
            outcome,
            self._status,
            detail,
            route.address,
            is_reused,
            (self._left - self._started) // 1000,
            0 if is_reused else route.resolve_us,
            0 if is_reused else route.connect_us,
            0 if is_reused else route.tls_us,
            (self._heard - self._left) // 1000 if self._heard else 0,
            (ended - self._started) // 1000,
            tuple(headers) if self._fed <= ALL_KEPT else keep_headers(headers),
            self._body,
            route.peer,
            is_whole=self._is_complete and not self._is_cut,
            is_direct=not route.proxy,
        )
        return on_answer, answer

    def _answer_unsent(
        self, outcome: Outcome, detail: str, on_answer: AnswerCallback, started: int
    ) -> None:
        took, reused = (monotonic_ns() - started) // 1000, self._is_reused
        answer = unsent(outcome, detail, route=self.route, total_us=took, is_reused=reused)
        asyncio.get_running_loop().call_soon(on_answer, answer)
