"""The reader behind all connections that follow the timeline: whom it tells, whom it lets go, and when it rests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from starlette.types import Message
from tests.api.harness import Harness

from tocsin.actions.incident_set import Context
from tocsin.domain.feed import BEGINNING, Place, Wanted
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.service.transactions import Transactions
from tocsin.store.database import Database, Tx
from tocsin.store.timeline import add_to_timeline
from tocsin.web import live as module
from tocsin.web.live import BEAT, EventStream, Live, Onlooker, Stopping, TooManyLookOn, write_event

pytestmark = pytest.mark.anyio


class Theatre:
    """A store in which things happen, and somebody who tells of them."""

    def __init__(self, database: Database) -> None:
        self.harness = Harness(database)
        self.clock = self.harness.clock
        self.work = Transactions(self.harness.services)
        self.live = Live(self.work, lambda entry, *_: entry.told.text)

    async def happen(self, times: int = 1) -> None:
        """Let a server be paused so many times, in one transaction."""

        def write(tx: Tx, context: Context) -> None:
            ids = context.ids.take(times, context.now)
            add_to_timeline(
                tx,
                [
                    TimelineEntry(NO_INCIDENT, id_, context.now, Kind.PAUSED, ENGINE, {})
                    for id_ in ids
                ],
            )

        await asyncio.to_thread(self.harness.write, write)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let time go by."""
        async with asyncio.timeout(20):
            while not condition():
                self.clock.advance(timedelta(milliseconds=200))
                await asyncio.sleep(0.001)

    async def until_told(self, wire: "Wire", entries: int) -> None:
        await self.until(lambda: wire.text.count("event: entry") == entries)

    def stream(self, onlooker: Onlooker, *, is_allowed: bool = True) -> EventStream:
        async def allowed() -> bool:
            return is_allowed

        return EventStream(self.live, onlooker, self.clock, is_allowed=allowed)


@pytest.fixture
async def theatre(sqlite: Database) -> AsyncIterator[Theatre]:
    made = Theatre(sqlite)
    made.harness.writer.start()
    yield made
    made.live.stop()
    await asyncio.to_thread(made.harness.writer.stop)
    made.work.close()


class Wire:
    """The connection of a browser. It may stop reading."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Message] = []
        self.is_open = asyncio.Event()
        self.is_gone = asyncio.Event()
        if reads:
            self.is_open.set()

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            await self.is_open.wait()

    async def receive(self) -> Message:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    @property
    def text(self) -> str:
        return b"".join(each.get("body", b"") for each in self.sent).decode()


async def test_one_that_does_not_read_is_let_go_and_the_others_go_on(theatre: Theatre) -> None:
    """What waits for it is bounded; it may come back where it was."""
    slow, quick = Wire(reads=False), Wire()
    onlookers = [await theatre.live.join(Wanted(), UTC, whose=1) for _ in range(2)]
    streams = [
        asyncio.create_task(theatre.stream(onlooker)({}, wire.receive, wire.send))
        for onlooker, wire in zip(onlookers, (slow, quick), strict=True)
    ]
    told = 0
    while not onlookers[0].ended.is_set():
        await theatre.happen(50)
        told += 50
        await theatre.until_told(quick, told)
        assert len(onlookers[0].waiting) <= module.MOST_WAITING
    assert told <= module.MOST_WAITING + 50
    await theatre.until(streams[0].done)
    assert len(theatre.live) == 1
    assert not streams[1].done()
    await theatre.happen()
    await theatre.until_told(quick, told + 1)
    quick.is_gone.set()
    await streams[1]


async def test_nothing_is_read_while_nobody_looks_on(theatre: Theatre) -> None:
    """A commit costs nothing then; and whoever goes is forgotten."""
    commits = theatre.harness.services.commits
    assert not commits.listeners
    wire = Wire()
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1)
    stream = asyncio.create_task(theatre.stream(onlooker)({}, wire.receive, wire.send))
    assert len(commits.listeners) == 1
    wire.is_gone.set()
    await stream
    assert not commits.listeners
    assert not len(theatre.live)
    await theatre.happen()
    again = await theatre.live.join(Wanted(), UTC, whose=1, after=BEGINNING)
    assert again.take().count(b"event: entry") == 1
    assert again.after == Place(1, 0), "or the next beat would send its browser back"


async def test_only_so_many_look_on(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told to reload the page; when somebody goes there is room again."""
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 2)
    first, _ = [await theatre.live.join(Wanted(), UTC, whose=1) for _ in range(2)]
    with pytest.raises(TooManyLookOn, match="reload the page"):
        await theatre.live.join(Wanted(), UTC, whose=1)
    theatre.live.leave(first)
    await theatre.live.join(Wanted(), UTC, whose=1)


async def test_nobody_takes_the_places_of_all(theatre: Theatre) -> None:
    """A user has so many; somebody else is let in, and the same one when one of theirs has ended."""
    joined = [await theatre.live.join(Wanted(), UTC, whose=1) for _ in range(module.MOST_OF_ONE)]
    with pytest.raises(TooManyLookOn, match="You look on from 20 pages"):
        await theatre.live.join(Wanted(), UTC, whose=1)
    await theatre.live.join(Wanted(), UTC, whose=2)
    theatre.live.leave(joined[3])
    await theatre.live.join(Wanted(), UTC, whose=1)


async def test_nobody_is_let_in_while_the_server_stops(theatre: Theatre) -> None:
    """Those who are in are let go; also one that came as the store was asked."""
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1)
    theatre.live.stop()
    assert onlooker.ended.is_set()
    assert not theatre.harness.services.commits.listeners
    with pytest.raises(Stopping):
        await theatre.live.join(Wanted(), UTC, whose=1)

    another = Live(theatre.work, lambda *_: "")
    coming = asyncio.create_task(another.join(Wanted(), UTC, whose=1))
    await asyncio.sleep(0)
    another.stop()
    with pytest.raises(Stopping):
        await coming
    assert not theatre.harness.services.commits.listeners


async def test_what_was_told_while_it_caught_up_comes_behind(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader may tell of something new before somebody has been told of what was old."""
    await theatre.happen(3)
    await theatre.live.join(Wanted(), UTC, whose=1)  # so that there is a reader
    read, is_held = theatre.work.read, asyncio.Event()

    async def slow_read(work: Any) -> Any:
        part = await read(work)
        if asyncio.current_task() is joining:
            await is_held.wait()
        return part

    monkeypatch.setattr(theatre.work, "read", slow_read)
    joining = asyncio.create_task(theatre.live.join(Wanted(), UTC, whose=1, after=Place(1, 0)))
    await theatre.until(lambda: len(theatre.live) == 2)
    await theatre.happen(2)
    (onlooker,) = [each for each in theatre.live._onlookers if each.begin == Place(1, 0)]
    await theatre.until(lambda: len(onlooker.waiting) == 2)
    is_held.set()
    assert await joining is onlooker
    ids = [line for line in onlooker.take().decode().splitlines() if line.startswith("id: ")]
    assert ids == ["id: 1-1", "id: 1-2", "id: 2-0", "id: 2-1"]


async def test_one_that_is_ahead_of_the_reader_is_told_nothing_twice(theatre: Theatre) -> None:
    """As one that another node has told of what this one's reader has not read yet."""
    await theatre.live.join(Wanted(), UTC, whose=1)
    theatre.clock.advance(timedelta(seconds=1))
    await theatre.happen(3)
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1, after=Place(1, 1))
    await theatre.until(lambda: onlooker.waiting)
    assert onlooker.take().startswith(b"id: 1-2\n")


async def test_a_store_that_fails_is_asked_again(
    theatre: Theatre, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is missed by it, and it is said once."""
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1)
    await theatre.happen()
    await theatre.until(lambda: onlooker.waiting)  # and now the reader rests
    onlooker.take()
    await theatre.happen()
    database = theatre.harness.database
    with database.write() as tx:
        tx.core.exec_driver_sql("ALTER TABLE timeline RENAME TO away")
    await theatre.until(lambda: "live.not_read" in caplog.text)
    for _ in range(3):
        theatre.clock.advance(module.AGAIN_AFTER + module.REST)
        await asyncio.sleep(0.02)
    with database.write() as tx:
        tx.core.exec_driver_sql("ALTER TABLE away RENAME TO timeline")
    await theatre.until(lambda: onlooker.waiting)
    assert onlooker.take().startswith(b"id: 2-0\n")
    assert caplog.text.count("live.not_read") == 1


async def test_a_bug_ends_every_connection_rather_than_the_reader_in_silence(
    sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Browsers come back where they were, and the log has it."""
    theatre = Theatre(sqlite)
    theatre.harness.writer.start()

    def fail(*_: object) -> str:
        raise ValueError("no such word")

    theatre.live = Live(theatre.work, fail)
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1)
    await theatre.happen()
    await theatre.until(onlooker.ended.is_set)
    assert "live.failed" in caplog.text
    assert not theatre.harness.services.commits.listeners
    await asyncio.to_thread(theatre.harness.writer.stop)


async def test_it_ends_when_the_session_has(theatre: Theatre) -> None:
    """Also while so much happens that there is never a pause."""
    wire = Wire()
    onlooker = await theatre.live.join(Wanted(), UTC, whose=1)
    stream = theatre.stream(onlooker, is_allowed=False)
    ends = asyncio.create_task(stream({}, wire.receive, wire.send))
    await theatre.happen()
    await theatre.until(lambda: "event: entry" in wire.text)
    theatre.clock.advance(BEAT)
    await theatre.until(ends.done)
    assert wire.sent[-1] == {"type": "http.response.body", "body": b""}


def test_whatever_ends_a_line_begins_a_new_one() -> None:
    """So that nothing that somebody sent us can end an event, or begin another."""
    event = write_event("entry", "a\nb\r\nc\rid: 9\n\nevent: x", id_=Place(7, 0))
    assert event == (
        b"id: 7-0\nevent: entry\ndata: a\ndata: b\ndata: c\ndata: id: 9\ndata: \ndata: event: x\n\n"
    )
