"""The timeline as it grows, over server-sent events: one reader a process, and as many connections as look on.

A connection begins behind a place in the feed, the one that its page, or its browser's `Last-Event-ID`, names. It
is told first what was committed up to where the reader is, and then what the reader reads: positions are given in
commit order, so that nothing is missed and nothing comes twice.

Source: WHATWG HTML, "Server-sent events": a block with an `id` and no data moves `Last-Event-ID` and tells nothing.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, ClassVar, Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tocsin.actions.show_feed import FeedEntry, end_of_feed, read_on
from tocsin.clock import Clock
from tocsin.domain.feed import Place, Wanted
from tocsin.errors import TocsinError
from tocsin.service.transactions import Transactions
from tocsin.store.writer import StoreUnavailable

MOST_CONNECTIONS: Final = 200
MOST_OF_ONE: Final = 20
"""Of the same user: one person with a stuck script must not take all."""
MOST_AT_ONCE: Final = 100
"""Entries that the reader tells of at once. When more come, whoever looks on is told to look at the page instead."""
MOST_CAUGHT_UP: Final = 200
"""Entries that a connection is told of which came before it."""
MOST_WAITING: Final = 300
"""Events that wait for a browser that reads slowly; then its connection ends, and it comes back where it was."""
REST: Final = timedelta(milliseconds=200)
"""Between two reads: a storm must not be slower for being looked at."""
LOOK_EVERY: Final = timedelta(seconds=1)
"""Where other nodes commit, too, of which nobody tells."""
AGAIN_AFTER: Final = timedelta(seconds=2)
BEAT: Final = timedelta(seconds=15)
"""How long nothing may be sent; and how often is looked whether the session has ended."""
RETRY_MILLISECONDS: Final = 2000
"""How long a browser waits before it comes back."""
LET_GO: Final = timedelta(seconds=1)
"""How long a connection that has ended may take to end, because its browser does not read."""
logger = logging.getLogger(__name__)
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")

Render = Callable[[FeedEntry, datetime, tzinfo], str]


class TooManyLookOn(TocsinError):
    """As many connections as this process bears, or as one user may have."""

    code: ClassVar[str] = "too_many_look_on"
    status_hint: ClassVar[int] = 503


class Stopping(TocsinError):
    """The server is about to stop."""

    code: ClassVar[str] = "stopping"
    status_hint: ClassVar[int] = 503


@dataclass(eq=False, slots=True)
class Onlooker:
    """One connection: what it wants to see, and what waits to be sent to it."""

    whose: int
    """The id of the user."""
    wanted: Wanted
    zone: tzinfo
    begin: Place
    """Where it began: everything up to here it has, or does not want."""
    after: Place
    """The same by now, with what waits for it."""
    waiting: deque[bytes] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, entry: FeedEntry) -> bool:
        return self.wanted.takes(entry.group, entry.about)

    def offer(self, event: bytes) -> None:
        """Let an event wait; one too many, and the connection ends."""
        if len(self.waiting) >= MOST_WAITING:
            self.end()
            return
        self.waiting.append(event)
        self.woken.set()

    def end(self) -> None:
        """Let nothing more be sent."""
        self.ended.set()
        self.waiting.clear()
        self.woken.set()

    def take(self) -> bytes:
        """Return all that waits, which then waits no more."""
        events = b"".join(self.waiting)
        self.waiting.clear()
        return events


class Live:
    """Reads the feed while somebody looks on. For use on the loop."""

    def __init__(self, work: Transactions, render: Render) -> None:
        self._work = work
        self._render = render
        self._clock = work.services.clock
        self._is_shared = not work.services.database.is_sqlite
        self._commits = work.services.commits
        self._commits.at_stop(self.stop)
        self._onlookers: set[Onlooker] = set()
        self._reader: asyncio.Task[None] | None = None
        self._grown = asyncio.Event()
        self._place: Place | None = None
        """Everything up to here has been told; None: nobody looks on."""
        self._beginning = asyncio.Lock()
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._onlookers)

    async def join(
        self, wanted: Wanted, zone: tzinfo, *, whose: int, after: Place | None = None
    ) -> Onlooker:
        """Let somebody look on from behind a place in the feed, or from now on. Raises: TooManyLookOn, Stopping, StoreUnavailable."""
        self._let_in(whose)
        async with self._beginning:
            if self._place is None:
                await self._begin()
        place = self._place
        assert place is not None
        try:
            self._let_in(whose)  # others came, or the end, while the store was asked
        except TocsinError:
            self._rest_unless_needed()
            raise
        onlooker = Onlooker(whose, wanted, zone, after or place, after or place)
        self._onlookers.add(onlooker)
        try:
            await self._catch_up(onlooker, place)
        except BaseException:
            self.leave(onlooker)
            raise
        return onlooker

    def leave(self, onlooker: Onlooker) -> None:
        """Forget somebody; when nobody is left, nothing is read any more."""
        onlooker.end()
        self._onlookers.discard(onlooker)
        self._rest_unless_needed()

    def stop(self) -> None:
        """End every connection, and let nobody in any more."""
        self._is_stopping = True
        self._end_all()

    def _end_all(self) -> None:
        for onlooker in self._onlookers:
            onlooker.end()
        self._onlookers.clear()
        self._rest_unless_needed()

    def _let_in(self, whose: int) -> None:
        if self._is_stopping:
            raise Stopping("The server is stopping: come back in a moment")
        if len(self._onlookers) >= MOST_CONNECTIONS:
            raise TooManyLookOn(
                f"{MOST_CONNECTIONS} look on already, which is as many as may: reload the page instead",
                most=MOST_CONNECTIONS,
            )
        if sum(each.whose == whose for each in self._onlookers) >= MOST_OF_ONE:
            raise TooManyLookOn(
                f"You look on from {MOST_OF_ONE} pages already, which is as many as one may: close some, or "
                "reload the page instead",
                most=MOST_OF_ONE,
            )

    async def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._commits.listen(
            self._tell_grown
        )  # before the look: what is committed from now on is told of
        try:
            self._place = await self._work.read(end_of_feed)
        except BaseException:
            self._commits.forget(self._tell_grown)
            raise
        self._reader = self._loop.create_task(self._read_on())

    def _tell_grown(self) -> None:
        """On any thread."""
        self._loop.call_soon_threadsafe(self._grown.set)

    def _rest_unless_needed(self) -> None:
        """Read nothing any more, if nobody looks on."""
        if self._reader is None or self._onlookers:
            return
        self._reader.cancel()
        self._commits.forget(self._tell_grown)
        self._reader = self._place = None

    # --- what came before

    async def _catch_up(self, onlooker: Onlooker, upto: Place) -> None:
        """Tell somebody what came between the place that they name and the reader's."""
        after = onlooker.after
        if after < upto:
            part = await self._work.read(
                lambda tx: read_on(tx, after=after, upto=upto, most=MOST_CAUGHT_UP)
            )
            told = [
                self._event(each, onlooker.zone) for each in part.entries if onlooker.wants(each)
            ]
            if not part.is_all:
                told = [_behind(upto)]
        elif after > upto and after > (end := await self._work.read(end_of_feed)):
            # A place that was never given: this is another store, or a backup of it.
            told, onlooker.after = [_behind(end)], end
        else:
            return
        # What the reader told meanwhile waits already, and comes behind it.
        onlooker.waiting.extendleft(reversed(told))
        onlooker.after = max(onlooker.after, upto)
        onlooker.woken.set()

    # --- what comes

    async def _read_on(self) -> None:
        has_failed = False
        while True:
            await self._until_grown()
            try:
                await self._tell()
                has_failed = False
            except StoreUnavailable as error:
                if not has_failed:
                    logger.warning("live.not_read", extra={"cause": error.message})
                has_failed = True
                self._grown.set()
                await self._clock.sleep(AGAIN_AFTER)
            except Exception:
                logger.exception("live.failed")
                self._end_all()  # whoever comes back begins where it was
            await self._clock.sleep(REST)

    async def _until_grown(self) -> None:
        """Return when this process has committed, or, where others do, too, after a moment."""
        if not self._is_shared:
            await self._grown.wait()
        elif not self._grown.is_set():
            await either(self._grown.wait(), self._clock.sleep(LOOK_EVERY))
        self._grown.clear()

    async def _tell(self) -> None:
        after = self._place
        assert after is not None
        part = await self._work.read(lambda tx: read_on(tx, after=after, most=MOST_AT_ONCE))
        self._place = part.upto
        events: dict[tuple[Place, tzinfo], bytes] = {}
        for onlooker in list(self._onlookers):
            if not part.is_all:
                onlooker.offer(_behind(part.upto))
            for entry in part.entries:
                if entry.place > onlooker.after and onlooker.wants(entry):
                    key = entry.place, onlooker.zone
                    if key not in events:
                        events[key] = self._event(entry, onlooker.zone)
                    onlooker.offer(events[key])
            onlooker.after = max(onlooker.after, part.upto)

    def _event(self, entry: FeedEntry, zone: tzinfo) -> bytes:
        return write_event("entry", self._render(entry, self._clock.now(), zone), id_=entry.place)


async def either(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of these is done; the others are given up."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()


def write_event(name: str, data: str, *, id_: Place) -> bytes:
    """Return an event as it is sent. Whatever ends a line there, in whatever was sent to us, begins a new one."""
    lines = "".join(f"data: {line}\n" for line in _LINE_ENDS.split(data))
    return f"id: {id_}\nevent: {name}\n{lines}\n".encode()


def _behind(upto: Place) -> bytes:
    """Much happened at once: all of it up to a place is not told, but is on the page."""
    return write_event("behind", str(upto), id_=upto)


class EventStream(StreamingResponse):
    """The answer to who looks on. It ends with the session, with the server, or when the browser goes."""

    def __init__(
        self,
        live: Live,
        onlooker: Onlooker,
        clock: Clock,
        *,
        is_allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(
            self._events(),
            media_type="text/event-stream",
            headers={
                "x-accel-buffering": "no"
            },  # a proxy that gathers answers would tell of nothing
        )
        self._live = live
        self._onlooker = onlooker
        self._clock = clock
        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await either(self._send(send), _until_gone(receive), self._until_stalled())
        finally:
            self._live.leave(self._onlooker)

    async def _send(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        async for events in self._events():
            await send({"type": "http.response.body", "body": events, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _until_stalled(self) -> None:
        """Return when the connection has ended, and its browser did not read that for a while."""
        await self._onlooker.ended.wait()
        await self._clock.sleep(LET_GO)

    async def _events(self) -> AsyncIterator[bytes]:
        onlooker, looked_at = self._onlooker, self._clock.monotonic()
        yield f"retry: {RETRY_MILLISECONDS}\nid: {onlooker.begin}\n\n".encode()
        while not onlooker.ended.is_set():
            if self._clock.monotonic() - looked_at >= BEAT.total_seconds():
                looked_at = self._clock.monotonic()
                if not await self._is_still_allowed():
                    return
            if onlooker.waiting:
                yield onlooker.take()
                continue
            onlooker.woken.clear()
            await either(onlooker.woken.wait(), self._clock.sleep(BEAT))
            if not onlooker.waiting and not onlooker.ended.is_set():
                yield write_event("upto", str(onlooker.after), id_=onlooker.after)

    async def _is_still_allowed(self) -> bool:
        try:
            return await self._is_allowed()
        except StoreUnavailable:
            return True  # nobody was told that it is not


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
