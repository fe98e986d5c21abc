"""Group commit: what is promised to whoever hands work to the writer."""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from tests.manual_clock import ManualClock

from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.errors import TocsinError
from tocsin.store import schema
from tocsin.store.counters import next_number
from tocsin.store.database import Database, News, Tx
from tocsin.store.timeline import add_to_timeline
from tocsin.store.writer import (
    MOST_BEFORE_IDLE_WORK,
    StoreUnavailable,
    Writer,
    WriterStopped,
)

_C = schema.counters


class Refused(TocsinError):
    """A refusal of this test."""

    code: ClassVar[str] = "refused_by_test"


def put(name: str, value: int = 1) -> Callable[[Tx], str]:
    """Work that leaves a row."""

    def work(tx: Tx) -> str:
        tx.core.execute(_C.insert().values(name=name, value=value))
        return name

    return work


def names(database: Database) -> list[str]:
    with database.read() as tx:
        found = tx.core.scalars(sa.select(_C.c.name).where(_C.c.name != "feed").order_by(_C.c.name))
        return list(found)


@contextmanager
def writing(
    database: Database,
    *,
    on_commit: Callable[[News], None] = lambda _: None,
    clock: ManualClock | None = None,
) -> Iterator[Writer]:
    writer = Writer(database, clock or ManualClock(), on_commit=on_commit)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


@contextmanager
def one_group(writer: Writer) -> Iterator[None]:
    """Whatever is submitted inside is one group: the writer is kept busy until the block ends."""
    begun, go_on = threading.Event(), threading.Event()

    def work(_: Tx) -> None:
        begun.set()
        assert go_on.wait(10)

    busy = writer.submit(work)
    assert begun.wait(10)
    yield
    go_on.set()
    busy.result(10)


def test_a_result_is_known_only_when_it_can_be_read(database: Database) -> None:
    """When the future is done, another connection sees the row."""
    with writing(database) as writer:
        assert writer.submit(put("a")).result(10) == "a"
        assert names(database) == ["a"]


def test_work_that_queued_meanwhile_is_one_commit(database: Database) -> None:
    """Three pieces of work, one group, one commit."""
    commits: list[News] = []
    with writing(database, on_commit=commits.append) as writer:
        with one_group(writer):
            futures = [writer.submit(put(name)) for name in "abc"]
        assert [future.result(10) for future in futures] == ["a", "b", "c"]
    assert [news.group_size for news in commits] == [1, 3]


def test_a_refusal_undoes_only_its_own_work(database: Database) -> None:
    """The others of the group are committed, and the news of the refused one is gone with it."""
    commits: list[News] = []

    def refuse(tx: Tx) -> None:
        put("lost")(tx)
        tx.news.has_work_at(1)
        tx.news.cancelled.append((5, 1))
        tx.news.silenced.append(7)
        tx.news.follow_ups.append("resolved")
        tx.news.withdrawn = 1
        raise Refused("no")

    with writing(database, on_commit=commits.append) as writer:
        with one_group(writer):
            before, refused, after = (writer.submit(w) for w in (put("a"), refuse, put("b")))
        with pytest.raises(Refused):
            refused.result(10)
        assert (before.result(10), after.result(10)) == ("a", "b")
    assert names(database) == ["a", "b"]
    news = commits[-1]
    assert (news.cancelled, news.work_due_at, news.silenced, news.withdrawn) == ([], None, [], 0)
    assert news.follow_ups == []


def test_an_error_of_a_statement_undoes_only_its_own_work(database: Database) -> None:
    """A row that is there already is somebody's mistake, and nobody else's trouble."""
    with writing(database) as writer:
        with one_group(writer):
            first, twice, after = (writer.submit(w) for w in (put("a"), put("a"), put("b")))
        assert isinstance(twice.exception(10), sa.exc.IntegrityError)
        assert (first.result(10), after.result(10)) == ("a", "b")
    assert names(database) == ["a", "b"]


def test_urgent_work_goes_first(database: Database) -> None:
    """An acknowledgement that queued after a thousand alerts is not behind them."""
    done: list[str] = []
    with writing(database) as writer:
        with one_group(writer):
            futures = [writer.submit(lambda _: done.append("alerts"))]
            futures.append(writer.submit(lambda _: done.append("acknowledge"), urgent=True))
        for future in futures:
            future.result(10)
    assert done == ["acknowledge", "alerts"]


def test_idle_work_goes_last_and_alone(database: Database) -> None:
    """Whatever else waits goes before it, in groups of its own: nobody waits for more than one piece of it."""
    commits: list[News] = []
    done: list[str] = []
    with writing(database, on_commit=commits.append) as writer:
        with one_group(writer):
            futures = [writer.submit(lambda _: done.append("idle"), idle=True)]
            futures.append(writer.submit(lambda _: done.append("idle too"), idle=True))
            futures.append(writer.submit(lambda _: done.append("alerts")))
            futures.append(writer.submit(lambda _: done.append("acknowledge"), urgent=True))
            assert writer.waiting == 4
        for future in futures:
            future.result(10)
    assert done == ["acknowledge", "alerts", "idle", "idle too"]
    assert [news.group_size for news in commits] == [1, 2, 1, 1]


def test_idle_work_is_done_however_busy_the_writer_is(database: Database) -> None:
    """Where there is always something else to do, it goes after a hundred groups."""
    done: list[int] = []
    finished = threading.Event()

    with writing(database) as writer:

        def again(number: int) -> None:
            """Let there be something else whenever the writer looks."""
            if finished.is_set():
                return
            future = writer.submit(lambda _: done.append(number))
            future.add_done_callback(lambda _: again(number + 1))

        def idle(_: Tx) -> int:
            finished.set()
            return len(done)

        with one_group(writer):
            future = writer.submit(idle, idle=True)
            again(0)
            again(0)
        assert future.result(30) >= MOST_BEFORE_IDLE_WORK
        assert future.result() <= 2 * MOST_BEFORE_IDLE_WORK


def test_what_is_stopped_finishes_its_work_and_takes_no_more(database: Database) -> None:
    """Everything submitted before `stop` is on disk after it; what comes later is told so."""
    with writing(database) as writer, one_group(writer):
        future = writer.submit(put("a"))
    assert future.result(10) == "a"
    with pytest.raises(WriterStopped):
        writer.submit(put("b")).result(10)
    assert names(database) == ["a"]


def test_the_feed_gives_positions_in_commit_order(database: Database) -> None:
    """One row a transaction, numbered without a gap, naming the rows that it added."""
    entry = TimelineEntry(3, 11, ManualClock().now(), Kind.OPENED, "test", {})
    with writing(database) as writer:
        writer.submit(lambda tx: add_to_timeline(tx, [entry])).result(10)
        writer.submit(put("nothing for the feed")).result(10)
        writer.submit(lambda tx: tx.news.feed.append(("paged", 3, 1, 0))).result(10)
    with database.read() as tx:
        rows = tx.core.execute(sa.select(schema.feed.c.position, schema.feed.c.entries)).all()
    assert [tuple(row) for row in rows] == [(1, '[["timeline",3,11]]'), (2, '[["paged",3,1,0]]')]


@pytest.mark.parametrize(
    "database", ["sqlite"], indirect=True
)  # it can be told how much room it has
def test_a_full_disk_fails_the_whole_group_and_changes_nothing(database: Database) -> None:
    """Everybody is told that the store is unavailable; nobody is told of a success that is not there."""
    with writing(database) as writer:
        writer.submit(_leave_no_room).result(10)
        with one_group(writer):
            small, large = writer.submit(put("a")), writer.submit(put("x" * 500_000))
        for future in (small, large):
            error = future.exception(10)
            assert isinstance(error, StoreUnavailable)
            assert error.status_hint == 503
            assert "full" in error.message
        assert writer.last_error is not None
        assert names(database) == []
        writer.submit(lambda tx: tx.core.exec_driver_sql("PRAGMA max_page_count = 100000")).result(
            10
        )
        assert writer.submit(put("a")).result(10) == "a"
        assert writer.last_error is None


def _leave_no_room(tx: Tx) -> None:
    pages = tx.core.exec_driver_sql("PRAGMA page_count").scalar()
    tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_work_whose_waiter_gave_up_is_not_begun(database: Database) -> None:
    """A request that its client abandoned changes nothing, and the writer goes on."""
    with writing(database) as writer:
        with one_group(writer):
            given_up, after = writer.submit(put("a")), writer.submit(put("b"))
            assert given_up.cancel()
        assert after.result(10) == "b"
        assert names(database) == ["b"]


def test_a_listener_that_fails_does_not_stop_the_writer(database: Database) -> None:
    """Whoever is told of commits may be broken; commits go on."""

    def broken(_: News) -> None:
        raise ValueError("broken")

    with writing(database, on_commit=broken) as writer:
        assert writer.submit(put("a")).result(10) == "a"
        assert writer.submit(put("b")).result(10) == "b"


def test_what_was_overwritten_leaves_the_log_as_soon_as_no_reader_needs_it(
    tmp_path: Path,
) -> None:
    """A reader holds nobody up; the next commit after it empties SQLite's log of writes."""
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    log = tmp_path / "tocsin.db-wal"
    with database.write() as tx:
        schema.metadata.create_all(tx.core)

    def overwrite(tx: Tx) -> None:
        put("secret")(tx)
        tx.news.has_overwritten = True

    with writing(database) as writer:
        with database.read() as tx:
            tx.core.scalars(sa.select(_C.c.name)).all()
            writer.submit(overwrite).result(timeout=30)
            assert log.stat().st_size
        writer.submit(put("other")).result(timeout=30)
        assert not log.stat().st_size
        writer.submit(put("last")).result(timeout=30)
        assert log.stat().st_size  # it is not emptied after every commit: that would be slow
    database.close()


def test_a_log_that_cannot_be_emptied_undoes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was committed is committed, and its writer is told so; the log is emptied with a later commit."""
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    log = tmp_path / "tocsin.db-wal"
    bodies = schema.bodies
    with database.write() as tx:
        schema.metadata.create_all(tx.core)
        tx.core.execute(bodies.insert(), [{"id": n, "form": b"x" * 100_000} for n in range(1, 41)])
    assert database.empty_log()

    def overwrite(tx: Tx) -> str:
        tx.core.execute(bodies.update().where(bodies.c.id == 40).values(form=b"y" * 100_000))
        tx.news.has_overwritten = True
        return "done"

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with writing(database) as writer:
        # A disk on which there is room for the log, but not where the row lies.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
        try:
            assert writer.submit(overwrite).result(timeout=30) == "done"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert "log.not_emptied" in caplog.text
        assert writer.last_error is None
        writer.submit(put("later")).result(timeout=30)
        assert not log.stat().st_size
    database.close()


def test_an_error_of_the_database_tells_no_parameters(database: Database) -> None:
    """Its text goes into a log."""
    with database.write() as tx:
        put("first")(tx)
    with pytest.raises(sa.exc.IntegrityError) as refused, database.write() as tx:
        tx.core.execute(
            _C.insert(), [{"name": "a-secret", "value": 1}, {"name": "first", "value": 1}]
        )
    assert "a-secret" not in str(refused.value)


def _lock(name: str, ours: threading.Event, theirs: threading.Event) -> Callable[[Tx], str]:
    """Work that locks a row, and ends when another transaction has locked one, too."""

    def work(tx: Tx) -> str:
        next_number(tx, name)
        ours.set()
        assert theirs.wait(10)
        return name

    return work


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_groups_of_two_nodes_that_wait_for_each_other_are_both_done(database: Database) -> None:
    """The one that is undone is done again, piece by piece; and so is what comes in the ten seconds after."""
    clock, sizes, one_has, other_has = (
        ManualClock(),
        list[int](),
        threading.Event(),
        threading.Event(),
    )
    with database.write() as tx:
        for name in "ab":
            put(name)(tx)

    def note(news: News) -> None:
        sizes.append(news.group_size)

    with (
        writing(database, clock=clock, on_commit=note) as one,
        writing(database, clock=clock, on_commit=note) as other,
    ):
        with one_group(one), one_group(other):
            done = [one.submit(_lock(name, one_has, other_has)) for name in "ab"]
            done += [other.submit(_lock(name, other_has, one_has)) for name in "ba"]
        assert [each.result(10) for each in done] == ["a", "b", "b", "a"]
        for at in (0, 10):
            for number, writer in enumerate((one, other)):
                with one_group(writer):
                    more = [writer.submit(put(f"{at}-{number}-{n}")) for n in range(2)]
                assert [each.result(10) for each in more] == [
                    f"{at}-{number}-{n}" for n in range(2)
                ]
            clock.advance(timedelta(seconds=10))
    busy, apart, together = [1] * 6, [1] * 4, [2] * 4
    assert sorted(sizes) == busy + apart + together
