"""Counting what came by alert keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.manual_clock import START

from tocsin.domain.fate import Fate
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Database
from tocsin.store.fates import Counted, is_any_counted, list_fates, save_fates, sum_fates

MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)


def test_a_day_is_one_of_utc(database: Database) -> None:
    """What comes on it is added up; the next begins at midnight."""
    for at in (
        START,
        MIDNIGHT + timedelta(hours=24, microseconds=-1),
        MIDNIGHT + timedelta(days=1),
    ):
        with database.write() as tx:
            tx.news.fates += [(7, Fate.PAGED), (7, Fate.PAGED), (7, Fate.JOINED)]
            save_fates(tx, at)
    with database.read() as tx:
        tomorrow = MIDNIGHT + timedelta(days=1)
        counted = list_fates(tx, since=MIDNIGHT, until=tomorrow)
        assert list_fates(tx, since=START, until=tomorrow) == counted, "from its beginning on"
        assert {each.day for each in list_fates(tx, since=START, until=START)} == {MIDNIGHT}
        assert sum_fates(tx, since=START) == {Fate.PAGED: 6, Fate.JOINED: 3}
        assert sum_fates(tx, since=tomorrow) == {Fate.PAGED: 2, Fate.JOINED: 1}
        later = tomorrow + timedelta(days=1)
        assert (is_any_counted(tx, since=tomorrow), is_any_counted(tx, since=later)) == (
            True,
            False,
        )
    assert set(counted) == {
        Counted(MIDNIGHT, 7, Fate.PAGED, 4),
        Counted(MIDNIGHT, 7, Fate.JOINED, 2),
        Counted(tomorrow, 7, Fate.PAGED, 2),
        Counted(tomorrow, 7, Fate.JOINED, 1),
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_are_changed_in_one_order(database: Database) -> None:
    """So that two nodes, which count in the same ones, never wait for each other."""
    with database.write() as tx:
        connection: Any = tx.core.connection.driver_connection
        said: list[str] = []
        connection.set_trace_callback(said.append)
        tx.news.fates += [(9, Fate.PAGED), (7, Fate.RECORDED), (7, Fate.JOINED)]
        save_fates(tx, START)
        connection.set_trace_callback(None)
        rows = tx.core.execute(schema.alert_fates.select()).all()
    assert len(rows) == 3
    inserts = [each for each in said if each.startswith("INSERT")]
    assert inserts == sorted(inserts)


def test_a_part_that_is_undone_counts_nothing(database: Database) -> None:
    """As an alert that fails alone while others are stored."""
    with database.write() as tx:
        tx.news.fates.append((7, Fate.PAGED))
        mark = tx.mark()
        tx.news.fates.append((7, Fate.PAGED))
        tx.undo(mark)
        save_fates(tx, START)
    with database.read() as tx:
        assert [each.alerts for each in list_fates(tx, since=START, until=START)] == [1]


def test_what_came_by_some_keys_is_looked_up(database: Database) -> None:
    """And not all that came, of which theirs would be picked."""
    with database.write() as tx:
        tx.news.fates += [(key, Fate.PAGED) for key in range(5)]
        save_fates(tx, START)
    with database.read() as tx:
        found = list_fates(tx, since=START, until=START, key_ids=[3, 1, 9])
        assert [each.key_id for each in found] == [1, 3]
        assert list_fates(tx, since=START, until=START, key_ids=[]) == []
