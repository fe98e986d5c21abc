"""The retention beside what goes wrong: clocks that jump, a store that hangs, rows that cannot be read."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import database, on_sqlite, postgresql_url
from tests.manual_clock import START, ManualClock

from tocsin.engine.retention import Jump, Retention
from tocsin.metrics import RetentionMetrics
from tocsin.store import schema
from tocsin.store.database import Database
from tocsin.store.retention.progress import judge_time
from tocsin.store.runs import begin_run, end_run
from tocsin.store.writer import Writer

__all__ = ["database", "postgresql_url"]  # fixtures


class TwoClocks:
    """A wall clock that can be set, beside a monotonic one."""

    def __init__(self) -> None:
        self.at = START
        self.seconds = 5000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    async def sleep_until(self, instant: datetime | None) -> None:
        raise AssertionError("nobody sleeps here")

    async def sleep(self, length: timedelta) -> None:
        raise AssertionError("nobody sleeps here")

    def go_on(self, **by: float) -> None:
        self.at += timedelta(**by)
        self.seconds += timedelta(**by).total_seconds()


class Looker:
    """Asks as the retention does, by one clock; `restart` forgets what is only in memory."""

    def __init__(self, database: Database, clock: TwoClocks) -> None:
        self._database = database
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        self._jump = Jump(self._clock)

    def believes(self) -> bool:
        with self._database.write() as tx:
            return judge_time(tx, self._clock.now(), has_jumped=self._jump.has_happened())


@pytest.fixture
def clock() -> TwoClocks:
    return TwoClocks()


@pytest.fixture
def looker(database: Database, clock: TwoClocks) -> Looker:
    return Looker(database, clock)


def test_a_clock_that_goes_on_is_believed(looker: Looker, clock: TwoClocks) -> None:
    """However long nobody looked; and one that is set by minutes, or back, too: that makes nothing old."""
    for days in (0, 1, 500):
        clock.go_on(days=days)
        assert looker.believes()
    clock.at += timedelta(minutes=59)
    assert looker.believes()
    looker.restart()
    clock.at += timedelta(hours=23)
    assert looker.believes()
    clock.at -= timedelta(days=1000)
    assert looker.believes()


def test_a_clock_that_jumped_ahead_is_not_believed_for_a_day(
    looker: Looker, clock: TwoClocks
) -> None:
    """Until it has gone on for that long without another jump."""
    assert looker.believes()
    clock.at += timedelta(days=500)
    assert not looker.believes()
    clock.go_on(hours=23)
    assert not looker.believes()
    clock.at += timedelta(hours=2)
    assert not looker.believes()
    clock.go_on(hours=23)
    assert not looker.believes()
    clock.go_on(hours=1)
    assert looker.believes()


def test_a_restart_makes_no_clock_believable(looker: Looker, clock: TwoClocks) -> None:
    """Neither one that jumped while a server ran, nor one that jumped while none did."""
    assert looker.believes()
    clock.at += timedelta(days=500)
    assert not looker.believes()
    for _ in range(2):
        looker.restart()
        clock.go_on(minutes=5)
        assert not looker.believes()
    clock.go_on(days=1)
    assert looker.believes()
    clock.at += timedelta(days=500)
    for _ in range(2):
        looker.restart()
        assert not looker.believes()


def test_a_clock_that_was_set_right_is_believed_at_once(looker: Looker, clock: TwoClocks) -> None:
    """A doubt about years to come is none about today."""
    assert looker.believes()
    clock.at += timedelta(days=500)
    assert not looker.believes()
    looker.restart()
    clock.at -= timedelta(days=500)
    assert looker.believes()


@pytest.mark.anyio
async def test_a_store_that_does_not_answer_keeps_nobody_from_stopping(tmp_path: Path) -> None:
    """What waits for the writer is taken back."""
    database, clock = on_sqlite(tmp_path / "tocsin.db"), ManualClock()
    with database.write() as tx:
        begin_run(tx, id_=1, node="node", version="1", now=START - timedelta(days=500))
        end_run(tx, id_=1, now=START - timedelta(days=499))
    hangs = Writer(database, clock, on_commit=lambda _: None)  # nobody starts it
    retention = Retention(
        database, hangs, clock, keep=timedelta(days=400), count=RetentionMetrics()
    )
    retention.start()
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=5))
    async with asyncio.timeout(20):
        while not hangs.waiting:  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.001)
        await retention.stop()
    hangs.start()
    hangs.stop()
    with database.read() as tx:
        assert tx.core.scalars(sa.select(schema.runs.c.id)).all() == [1]
    database.close()


@pytest.mark.anyio
async def test_a_part_that_is_broken_keeps_no_other_from_being_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with where it broke, and tried again in an hour."""
    database, clock = on_sqlite(tmp_path / "tocsin.db"), ManualClock()
    with database.write() as tx:
        begin_run(tx, id_=1, node="node", version="1", now=START - timedelta(days=500))
        end_run(tx, id_=1, now=START - timedelta(days=499))
        # A row that is not as anybody writes it.
        tx.core.exec_driver_sql("INSERT INTO feed VALUES (1, 'not an instant', '[]')")
    writer, count = Writer(database, clock, on_commit=lambda _: None), RetentionMetrics()
    writer.start()
    retention = Retention(database, writer, clock, keep=timedelta(days=400), count=count)
    retention.start()
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=5))
    async with asyncio.timeout(20):
        while not any(
            family.name == "tocsin_oldest_incident_timestamp_seconds" for family in count.families()
        ):
            await asyncio.sleep(0.001)
            clock.advance(timedelta(seconds=1))
    await retention.stop()
    writer.stop()
    with database.read() as tx:
        assert tx.core.scalars(sa.select(schema.runs.c.id)).all() == []
    database.close()
    (told,) = [each for each in caplog.records if each.message == "retention.broken"]
    assert vars(told)["part"] == "feed"
