"""From which id a starting server goes on."""

from collections.abc import Callable

import pytest
from tests.actions.desk import Desk

from tocsin.actions.incidents import acknowledge
from tocsin.actions.pause import pause
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.database import Database
from tocsin.store.feed import publish
from tocsin.store.newest_id import find_newest_id


@pytest.fixture
def desk(database: Database) -> Desk:
    made = Desk(database)
    made.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]})
    return made


def test_an_empty_database_has_none(database: Database) -> None:
    """Ids begin with the clock."""
    with database.read() as tx:
        assert find_newest_id(tx) == 0


def newest_in(desk: Desk) -> int:
    """Look at every row that there is."""
    tables = [table for table in schema.metadata.sorted_tables if "id" in table.c]
    return max(int(row["id"]) for table in tables for row in desk.rows(table))


def test_what_is_configured_counts(desk: Desk) -> None:
    """Webhooks, versions, changes: here they are all that there is."""
    newest = newest_in(desk)
    assert newest > 0
    assert desk.read(find_newest_id) == newest


def fire(desk: Desk) -> None:
    desk.fire()


def recover(desk: Desk) -> None:
    desk.alert("RECOVERY", "nothing")


def pause_it(desk: Desk) -> None:
    desk.do(pause, actor="alice")


def acknowledge_it(desk: Desk) -> None:
    desk.change(acknowledge, 1, actor="alice")


@pytest.mark.parametrize("act", [fire, recover, pause_it, acknowledge_it])
def test_whatever_was_made_last_is_found(desk: Desk, act: Callable[[Desk], None]) -> None:
    """A delivery, an alert, an entry on the timeline of an incident or of none."""
    desk.opened()
    desk.opened("cpu")
    tell(desk)
    before = newest_in(desk)
    desk.wait(seconds=1)
    act(desk)
    tell(desk)
    newest = newest_in(desk)
    assert newest > before
    assert desk.read(find_newest_id) == newest


def test_attempts_hide_no_entry(desk: Desk) -> None:
    """They make no ids, and however many of them were told since, the entry before is found."""
    desk.opened()
    (lease,) = desk.fire().leases
    desk.wait(seconds=1)
    acknowledge_it(desk)
    tell(desk)
    newest = newest_in(desk)
    desk.record(lease, Outcome.REJECTED)
    tell(desk)
    assert desk.read(find_newest_id) == newest == newest_in(desk)


def tell(desk: Desk) -> None:
    """Publish what the last transaction added, as the writer does within it."""
    with desk.database.write() as tx:
        tx.news.feed.extend(desk.news.feed)
        publish(tx, desk.now)
