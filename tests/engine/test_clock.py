"""The clock that nodes share: what it says between measurements, and what a jump of it does."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.databases import database, postgresql_url
from tests.manual_clock import ManualClock

from tocsin.clock import MeasuredClock, ProcessorShare, Reading, read_machine_clock
from tocsin.engine import clock_watch
from tocsin.engine.clock_watch import ClockWatch
from tocsin.store import schema
from tocsin.store.database import Database, Tx
from tocsin.store.plans import PLANS, bring_forward
from tocsin.store.runs import begin_run
from tocsin.store.writer import StoreUnavailable, Writer

__all__ = ["database", "postgresql_url"]  # fixtures
ON_RECORD = {
    "alert_keys": "created_at revoked_at",
    "alerts": "received_at",
    "attempts": "ended_at first_byte_at started_at",
    "certificate_warnings": "expires_at",
    "changes": "at",
    "deliveries": "attempt_started_at created_at ended_at planned_at",
    "escalations": "ended_at started_at",
    "feed": "at",
    "heartbeats": "changed_at created_at deleted_at last_call_at paused_at",
    "idempotency": "at",
    "identities": "created_at",
    "incidents": "changed_at nobody_left_since opened_at",
    "invitations": "created_at expires_at",
    "policies": "deleted_at",
    "policy_versions": "created_at",
    "receiver_certificates": "expires_at seen_at starts_at",
    "refused_alerts": "first_received_at received_at",
    "runs": "ended_at renewed_at started_at",
    "sessions": "created_at expires_at last_seen_at",
    "teams": "deleted_at",
    "timeline": "at planned_at",
    "tokens": "created_at revoked_at",
    "used_links": "used_at",
    "users": "created_at disabled_at signed_in_at",
    "webhooks": "deleted_at disabled_at promote_at",
}
"""Instants that say when something was, or that somebody chose, by table."""

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Monotonic:
    """A reading that the test moves on."""

    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def test_half_of_the_way_had_gone_by_when_the_other_clock_was_read() -> None:
    """A slow answer does not make the clock late by all of it."""
    monotonic = Monotonic()
    clock = MeasuredClock(Reading(NOON, asked=999.0, answered=1000.0), monotonic=monotonic)
    assert clock.now() == NOON + timedelta(seconds=0.5)


@given(
    gone_by=st.floats(min_value=0, max_value=1e6),
    half=st.floats(min_value=0, max_value=5),
    jump=st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30)),
)
def test_a_measurement_tells_how_far_the_clock_jumped(
    gone_by: float, half: float, jump: timedelta
) -> None:
    """It goes on as the monotonic clock does; whatever more the other one went on by is a jump."""
    monotonic = Monotonic()
    clock = MeasuredClock(Reading(NOON, 1000.0, 1000.0), monotonic=monotonic)
    monotonic.at += gone_by
    expected = NOON + timedelta(seconds=gone_by)
    assert abs(clock.now() - expected) < timedelta(milliseconds=1)
    reading = Reading(expected + jump, monotonic.at - half, monotonic.at + half)
    assert abs(clock.jump_to(reading) - jump) < timedelta(milliseconds=1)
    assert abs(clock.now() - expected) < timedelta(milliseconds=1)


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, ManualClock(), on_commit=lambda news: None)
    writer.start()
    yield writer
    writer.stop()


class Watched:
    """A watch, and a clock that the test sets."""

    def __init__(self, writer: Writer, *, is_shared: bool = False) -> None:
        self.told: list[bool] = []
        self.clock = MeasuredClock(Reading(NOON, 1000.0, 1000.0), monotonic=lambda: 1000.0)
        self.watch = ClockWatch(
            self.clock,
            lambda: Reading(NOON, 1000.0, 1000.0),
            writer,
            is_shared=is_shared,
            on_trusted=lambda: self.told.append(True),
        )

    def measure(self, at: datetime) -> None:
        asyncio.run(self.watch.judge(self.clock, Reading(at, 1000.0, 1000.0)))


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (1.0, None),
        (-1.0, None),
        (1.001, logging.WARNING),
        (-30.0, logging.WARNING),
        (30.001, logging.ERROR),
        (-30.001, logging.ERROR),
    ],
)
def test_a_jump_is_said_and_a_large_one_stops_claiming(
    seconds: float, level: int | None, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    """Over 1 s it is in the log and followed, over 30 s nothing is claimed by it, ahead or back."""
    watched = Watched(writer)
    watched.measure(NOON + timedelta(seconds=seconds))
    levels = [each.levelno for each in caplog.records if each.msg.startswith("clock.")]
    assert levels == ([level] if level else [])
    assert watched.watch.is_trusted == (level != logging.ERROR)
    followed = NOON + timedelta(seconds=seconds) if level != logging.ERROR else NOON
    assert watched.clock.now() == followed


@pytest.mark.parametrize("is_shared", [True, False])
def test_the_next_measurement_that_agrees_lets_it_claim_again(
    writer: Writer, *, is_shared: bool
) -> None:
    """It goes by what two say, and what had been due meanwhile is looked for at once."""
    watched = Watched(writer, is_shared=is_shared)
    watched.measure(NOON + timedelta(hours=1))
    watched.measure(NOON - timedelta(hours=1))
    assert (watched.watch.jumped, watched.clock.now()) == (timedelta(hours=-1), NOON)
    assert not watched.told
    watched.measure(NOON - timedelta(hours=1, seconds=0.2))
    assert watched.watch.is_trusted
    assert watched.clock.now() == NOON - timedelta(hours=1, seconds=0.2)
    assert watched.told == [True]
    watched.measure(NOON - timedelta(hours=1))
    assert watched.told == [True]


def test_a_clock_that_is_right_again_was_never_followed(writer: Writer) -> None:
    """One wrong answer moves nothing; what would have been due is looked for when it is over."""
    watched = Watched(writer)
    watched.measure(NOON - timedelta(hours=1))
    watched.measure(NOON)
    assert (watched.clock.now(), watched.told) == (NOON, [True])


def test_a_clock_that_cannot_take_what_was_planned_along_stays_where_it_is(
    writer: Writer, database: Database
) -> None:
    """The store is full or read-only just then: the next measurement will do."""
    watched = Watched(writer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "write", _away)
        with pytest.raises(StoreUnavailable):
            watched.measure(NOON - timedelta(seconds=20))
    assert watched.clock.now() == NOON
    watched.measure(NOON - timedelta(seconds=20))
    assert watched.clock.now() == NOON - timedelta(seconds=20)


@contextmanager
def _away(database: Database) -> Iterator[Tx]:
    raise sa.exc.OperationalError("BEGIN", {}, Exception("away"))
    yield


@pytest.mark.parametrize("is_shared", [True, False])
def test_it_is_measured_again_and_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, *, is_shared: bool
) -> None:
    """Also after a measurement that failed; a jump of this machine's own clock is looked at sooner."""
    waits = {True: timedelta(milliseconds=1), False: timedelta(hours=1)}
    monkeypatch.setattr(clock_watch, "MEASURE_EVERY", timedelta(milliseconds=1))
    monkeypatch.setattr(clock_watch, "LOOK_AGAIN", waits[is_shared])
    asked: list[bool] = []
    over = asyncio.Event()

    def read() -> Reading:
        asked.append(True)
        if len(asked) == 1:
            raise sa.exc.OperationalError("SELECT", {}, Exception("away"))
        monkeypatch.setattr(clock_watch, "MEASURE_EVERY", waits[is_shared])
        monkeypatch.setattr(clock_watch, "LOOK_AGAIN", timedelta(milliseconds=1))
        return Reading(NOON - timedelta(hours=1), 1000.0, 1000.0)

    async def go() -> None:
        clock = MeasuredClock(Reading(NOON, 1000.0, 1000.0), monotonic=lambda: 1000.0)
        watch = ClockWatch(clock, read, writer, is_shared=is_shared, on_trusted=over.set)
        watch.begin()
        async with asyncio.timeout(20):
            await over.wait()
        watch.end()
        assert clock.now() == NOON - timedelta(hours=1)

    asyncio.run(go())
    assert len(asked) >= 3


def test_everything_that_waits_comes_sooner_and_what_is_on_record_stays(database: Database) -> None:
    """Each column that holds an instant is one or the other, also those that are added one day."""
    moved = {each for _, columns in PLANS for each in columns}
    instants = {
        each
        for table in schema.metadata.sorted_tables
        for each in table.columns
        if isinstance(each.type, schema.Instant)
    }
    found = {f"{each.table.name}.{each.name}" for each in instants - moved}
    on_record = {f"{table}.{name}" for table, names in ON_RECORD.items() for name in names.split()}
    assert found == on_record, "does somebody wait for it? Then it belongs into store/plans.py"
    lane = {"webhook_id": 1, "in_flight": 0, "due_at": NOON}
    with database.write() as tx:
        tx.core.execute(schema.lanes.insert(), [lane, lane | {"webhook_id": 2, "due_at": None}])
        bring_forward(tx, by=timedelta(hours=1))
        due = tx.core.scalars(sa.select(schema.lanes.c.due_at).order_by(schema.lanes.c.webhook_id))
        assert due.all() == [NOON - timedelta(hours=1), None]


def test_whoever_sleeps_on_it_wakes_at_the_instant() -> None:
    """By the monotonic clock, whatever this machine's own says."""

    async def sleep() -> float:
        loop = asyncio.get_running_loop()
        clock = MeasuredClock(Reading(NOON, loop.time(), loop.time()), monotonic=loop.time)
        began = loop.time()
        await clock.sleep_until(NOON + timedelta(milliseconds=30))
        await clock.sleep_until(NOON)
        return loop.time() - began

    assert 0.02 < asyncio.run(sleep()) < 5


def test_a_length_of_time_is_slept_though_the_clock_is_set_back_meanwhile() -> None:
    """Whoever comes every so often comes; only an instant moves away."""

    async def sleep() -> None:
        clock = MeasuredClock(read_machine_clock())
        sleeping = asyncio.create_task(clock.sleep(timedelta(milliseconds=30)))
        waiting = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(milliseconds=30)))
        await asyncio.sleep(0)
        clock.offset -= timedelta(hours=1)
        async with asyncio.timeout(5):
            await sleeping
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(sleep())


def test_how_far_the_machines_own_clock_is_off_is_known() -> None:
    """Ahead is above zero; nothing goes by it."""
    wall = NOON + timedelta(seconds=3)
    clock = MeasuredClock(Reading(NOON, 1000.0, 1000.0), monotonic=Monotonic(), wall=lambda: wall)
    assert (clock.skew(), clock.now()) == (timedelta(seconds=3), NOON)


def test_the_share_of_the_processor_is_of_the_time_since_it_was_asked() -> None:
    """Of one core; who asks again within a second is told the same."""
    used, monotonic = Monotonic(5.0), Monotonic()
    share = ProcessorShare(used=used, monotonic=monotonic)
    assert share.percent() is None
    used.at, monotonic.at = used.at + 0.5, monotonic.at + 2
    assert share.percent() == 25
    used.at, monotonic.at = used.at + 0.9, monotonic.at + 0.9
    assert share.percent() == 25
    monotonic.at += 0.9
    assert share.percent() == 50


def test_nodes_that_see_the_same_clock_set_back_bring_forward_once(
    database: Database, writer: Writer
) -> None:
    """The first that goes by it moves what waits; a jump on another day moves it again."""
    with database.write() as tx:
        lane = {"webhook_id": 1, "in_flight": 0, "due_at": NOON}
        tx.core.execute(schema.lanes.insert(), [lane])
    one, other = Watched(writer, is_shared=True), Watched(writer, is_shared=True)
    for node in (one, other):
        for _ in range(2):
            node.measure(NOON - timedelta(hours=1))
        assert node.clock.now() == NOON - timedelta(hours=1)
        assert _due(database) == NOON - timedelta(hours=1)
    with database.write() as tx:
        begin_run(tx, id_=7, node="died", version="1", now=NOON - timedelta(hours=1))
    for _ in range(2):
        one.measure(NOON - timedelta(hours=3))
    assert _due(database) == NOON - timedelta(hours=3)
    with database.read() as tx:
        renewed_at = tx.core.scalars(sa.select(schema.runs.c.renewed_at)).one()
    assert renewed_at == NOON - timedelta(hours=3)  # six seconds later it is known to be dead


def test_nodes_follow_a_short_jump_back_and_move_nothing(
    database: Database, writer: Writer
) -> None:
    """Another node may not have seen it, and would fire what was moved too early."""
    with database.write() as tx:
        lane = {"webhook_id": 1, "in_flight": 0, "due_at": NOON}
        tx.core.execute(schema.lanes.insert(), [lane])
    node = Watched(writer, is_shared=True)
    node.measure(NOON - timedelta(seconds=30))
    assert node.clock.now() == NOON - timedelta(seconds=30)
    assert _due(database) == NOON


def _due(database: Database) -> datetime:
    with database.read() as tx:
        found: datetime = tx.core.scalars(sa.select(schema.lanes.c.due_at)).one()
    return found
