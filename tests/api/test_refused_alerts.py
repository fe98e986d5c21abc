"""Refusals are kept in the background, however many come, and whoever sends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.manual_clock import ManualClock

from tocsin.api import refused_alerts
from tocsin.api.refused_alerts import MOST_TOLD_APART, MOST_WAITING, RefusedAlerts
from tocsin.domain.alert_json import NotJson
from tocsin.domain.refusal import Refusal, refuse_alert, refuse_key
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.store import alerts, schema
from tocsin.store.alert_reads import list_refused_alerts
from tocsin.store.database import Database, News
from tocsin.store.writer import StoreUnavailable, Writer

pytestmark = pytest.mark.anyio
KEY = Secret("0b8f6a52-3c1d-4e7f-9a60-2d5c7e914b38")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Keeping:
    """Refusals of one server, and what is on disk of them."""

    database: Database
    writer: Writer
    clock: ManualClock
    refused: RefusedAlerts
    commits: list[News]

    def key(self, key: str = "no-key-in-force", routing_key: str = "db") -> None:
        """Let a request come with a key that lets nobody in."""
        now = self.clock.now()
        given = Secret(key)
        self.refused.add(
            refuse_key(given, routing_key=routing_key, revoked_key=None, now=now, mask=str)
        )

    def body(self, body: bytes = b"disk") -> None:
        """Let one come with a good key that is no alert."""
        now = self.clock.now()
        error = NotJson("The body is not JSON")
        self.refused.add(
            refuse_alert(error, body=body, key=KEY, routing_key="db", now=now, mask=str)
        )

    async def pass_by(self, **by: float) -> None:
        """Let time pass, and all that has begun be done."""
        self.clock.advance(timedelta(**by))
        for _ in range(3):
            await asyncio.sleep(0)
            with suppress(StoreUnavailable):
                await asyncio.wrap_future(self.writer.submit(lambda _tx: None))

    def read_only(self, *, on: bool) -> None:
        """Let the database take nothing, as on a file system that was remounted; or take it again."""
        connection = self.database._writers.raw_connection()
        connection.cursor().execute(f"PRAGMA query_only = {'ON' if on else 'OFF'}")
        connection.close()

    def kept(self, limit: int = 5000) -> list[Refusal]:
        """Return what a person would find, the latest first."""
        with self.database.read() as tx:
            return [each.refusal for each in list_refused_alerts(tx, limit=limit)]


@asynccontextmanager
async def keeping(database: Database) -> AsyncIterator[Keeping]:
    clock, commits = ManualClock(), list[News]()
    writer = Writer(database, clock, on_commit=commits.append)
    writer.start()
    made = Keeping(database, writer, clock, RefusedAlerts(writer, IdSource(node=1), clock), commits)
    try:
        yield made
    finally:
        made.refused.close()
        await asyncio.to_thread(writer.stop)
        await asyncio.sleep(0)


async def test_those_that_are_alike_are_one_row_the_latest_first(database: Database) -> None:
    """Also long after the first: it moves to the front with its first instant and its count."""
    async with keeping(database) as each:
        began = each.clock.now()
        each.key()
        each.key()
        await each.pass_by(seconds=1)
        each.key(routing_key="web")
        await each.pass_by(hours=1)
        each.key()
        await each.pass_by()
        db, web = each.kept()
        assert (db.routing_key, db.count, web.routing_key, web.count) == ("db", 3, "web", 1)
        assert (db.first_at, db.last_at) == (began, each.clock.now())
        assert web.first_at == web.last_at == began + timedelta(seconds=1)


async def test_refusals_of_good_keys_are_kept_at_once_and_apart(database: Database) -> None:
    """Each excerpt by itself, so that what it mentions is found."""
    async with keeping(database) as each:
        for body in (b"disk", b"cpu", b"disk"):
            each.body(body)
            await each.pass_by()
        assert [(row.excerpt, row.count) for row in each.kept()] == [("disk", 2), ("cpu", 1)]


async def test_what_came_without_a_key_is_written_once_a_second(database: Database) -> None:
    """The first at once; then whatever has gathered, so that a flood is a commit a second."""
    async with keeping(database) as each:
        each.key()
        await each.pass_by()
        assert [row.count for row in each.kept()] == [1]
        commits = len(each.commits)
        for _ in range(500):
            each.key()
        await asyncio.wrap_future(each.writer.submit(lambda _tx: None))
        assert len(each.commits) == commits + 1  # the one just waited for
        assert [row.count for row in each.kept()] == [1]
        await each.pass_by(seconds=1)
        assert [row.count for row in each.kept()] == [501]


async def test_few_of_them_a_minute_are_told_apart(database: Database) -> None:
    """The rest is one row; what is known already goes on being counted by itself."""
    async with keeping(database) as each:
        each.key("somebody-with-an-old-key")
        await each.pass_by(minutes=1)
        for number in range(MOST_TOLD_APART + 40):
            each.key(routing_key=f"flood-{number}")
        each.key("somebody-with-an-old-key")
        await each.pass_by(seconds=1)
        rows = {(row.masked_key, row.routing_key): row.count for row in each.kept()}
        assert len(rows) == MOST_TOLD_APART + 2
        assert rows["...", ""] == 40
        assert rows["some...", "db"] == 2

        await each.pass_by(minutes=1)
        each.key(routing_key="a minute later")
        await each.pass_by()
        assert each.kept()[0].routing_key == "a minute later"


async def test_a_flood_pushes_out_nothing_but_its_like(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest of those without a key are kept, and all that came with one."""
    monkeypatch.setattr(alerts, "MOST_WITHOUT_A_KEY", 5)
    monkeypatch.setattr(alerts, "MOST_REFUSED_ALERTS", 2)
    async with keeping(database) as each:
        for body in (b"one", b"two", b"three"):
            each.body(body)
            await each.pass_by()
        for number in range(20):
            each.key(routing_key=f"{number}")
            await each.pass_by(seconds=1)
        kept = each.kept()
        assert [row.routing_key for row in kept[:5]] == ["19", "18", "17", "16", "15"]
        assert [row.excerpt for row in kept[5:]] == ["three", "two"]


async def test_what_the_store_does_not_take_is_tried_again(
    sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """After a pause, with what came meanwhile; it is no row twice."""
    async with keeping(sqlite) as each:
        each.read_only(on=True)
        each.body()
        await each.pass_by()
        assert "refused_alerts.not_kept" in caplog.text
        each.key()
        each.read_only(on=False)
        await each.pass_by(seconds=1)
        each.body()
        await each.pass_by(seconds=1)
        rows = {(row.code, row.count) for row in each.kept()}
        assert rows == {("not_json", 2), ("unknown_key", 1)}


async def test_no_more_than_a_thousand_wait(sqlite: Database) -> None:
    """While the store takes none; the oldest are forgotten."""
    async with keeping(sqlite) as each:
        each.read_only(on=True)
        for number in range(MOST_WAITING + 100):
            each.body(b"%d" % number)
        await each.pass_by()
        each.read_only(on=False)
        await each.pass_by(seconds=1)
        excerpts = {row.excerpt for row in each.kept()}
        assert len(excerpts) == MOST_WAITING
        assert f"{MOST_WAITING + 99}" in excerpts
        assert "0" not in excerpts


async def test_few_rows_are_remembered(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest; one that is like an older one is a new row."""
    monkeypatch.setattr(refused_alerts, "_REMEMBERED", 2)
    async with keeping(sqlite) as each:
        for body in (b"1", b"2", b"1", b"3", b"1", b"2"):
            each.body(body)
            await each.pass_by()
        rows = [(row.excerpt, row.count) for row in each.kept()]
        assert rows == [("2", 1), ("1", 3), ("3", 1), ("2", 1)]


async def test_what_waits_at_the_end_is_written(database: Database) -> None:
    """A graceful stop forgets nothing."""
    async with keeping(database) as each:
        each.key()
        await each.pass_by()
        each.key(routing_key="last")
    assert each.kept()[0].routing_key == "last"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_every_refusal_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[int, int]]
) -> None:
    """Whatever comes in whatever order: the counts add up, and no two rows are alike."""
    asyncio.run(counted_once(tmp_path_factory.mktemp("refusals"), given_))


async def counted_once(folder: Path, given_: list[tuple[int, int]]) -> None:
    database = Database(f"sqlite:///{folder / 'tocsin.db'}")
    with database.write() as tx:
        schema.refused_alerts.create(tx.core)
    try:
        async with keeping(database) as each:
            for what, seconds in given_:
                if what == 0:
                    each.body(b"%d" % seconds)
                else:
                    each.key(routing_key=f"{what}")
                await each.pass_by(seconds=seconds)
            await each.pass_by(seconds=1)
        with database.read() as tx:
            rows = [row.refusal for row in list_refused_alerts(tx, limit=100)]
        assert sum(row.count for row in rows) == len(given_)
        assert len({row.likeness for row in rows}) == len(rows)
    finally:
        database.close()
