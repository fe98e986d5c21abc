"""Whatever has happened: what is kept refers to nothing that was removed, and nothing unresolved is touched."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine as conjecture
from tests.actions.desk import Desk
from tests.actions.histories import HISTORIES, History
from tests.actions.keeping import (
    KEEP,
    Rows,
    all_rows,
    dangling,
    deliveries_told_of,
    keep_only,
    keys,
)
from tests.databases import on_sqlite, waits_for_no_disk

from tocsin.actions.show_deliveries import show_delivery
from tocsin.actions.show_incidents import show_incident
from tocsin.actions.show_timeline import show_timeline
from tocsin.actions.why import why
from tocsin.domain.configuration import Configuration
from tocsin.domain.incident import Status
from tocsin.domain.timeline import NO_INCIDENT
from tocsin.store.database import Database, Tx

LIMITS = st.sampled_from([1, 3, 10])
DAYS = st.sampled_from([11, 5, 40])
_numbers = count(1)


@pytest.fixture(autouse=True)
def _shrinks_for_less_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    # Hypothesis would take up to five to make a failure a little smaller still.
    monkeypatch.setattr(conjecture, "MAX_SHRINKING_SECONDS", 5)


@contextmanager
def a_copy(desk: Desk, folder: Path) -> Iterator[Desk]:
    """The same desk with a database of its own, as this one is now."""
    file = desk.database.file
    assert file is not None
    assert desk.database.empty_log()
    copied = waits_for_no_disk(
        Database(f"sqlite:///{shutil.copy(file, folder / f'{next(_numbers)}.db')}")
    )
    try:
        copy = Desk(copied, now=desk.now)
        copy.alice.editor = desk.alice.editor
        yield copy
    finally:
        copied.close()


def going(rows: Rows, before: datetime) -> set[int]:
    """The incidents that are over, by what the rows say."""
    kept = {
        row["incident"]
        for row in rows["deliveries"]
        if row["ended_at"] is None or row["ended_at"] >= before
    }
    return {
        row["number"]
        for row in rows["incidents"]
        if row["status"] == Status.RESOLVED and row["changed_at"] < before
    } - kept


def of_incidents(rows: Rows, without: set[int]) -> dict[str, list[dict[str, Any]]]:
    """What happened to incidents but these, in full."""
    of = {"incidents": "number", "alerts": "incident", "escalations": "incident"}
    of |= {"deliveries": "incident", "timeline": "incident"}
    found = {
        table: [row for row in rows[table] if row[name] and row[name] not in without]
        for table, name in of.items()
    }
    ids = {row["id"] for row in found["deliveries"]}
    for table in ("attempts", "used_links"):
        found[table] = [row for row in rows[table] if row["delivery_id"] in ids]
    return found


def look_at_all(desk: Desk, rows: Rows) -> None:
    """Show everything that is left, as people look at it."""
    vault, numbers = desk.alice.vault, [row["number"] for row in rows["incidents"]]

    def look(tx: Tx, configuration: Configuration) -> None:
        for number in numbers:
            show_incident(tx, number)
            why(tx, configuration, f"#{number}", now=desk.now)
        show_timeline(tx, NO_INCIDENT)
        for row in rows["deliveries"]:
            show_delivery(tx, configuration, row["id"], vault=vault, with_url=True)

    desk.ask(look)


@settings(
    max_examples=10,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=HISTORIES, days=DAYS, limit=LIMITS)
def test_what_is_kept_is_whole(
    tmp_path: Path, history: list[tuple[Any, ...]], days: int, limit: int
) -> None:
    """In one transaction after the other, of one row or of hundreds: the end is the same, and nothing dangles.

    What goes is exactly what is resolved for long and has no delivery that ended lately.
    """
    database = on_sqlite(tmp_path / f"{next(_numbers)}.db")
    try:
        desk = Desk(database)
        story = History(desk)
        story.begin()
        story.go_through(history)
        story.come_to_rest()
        desk.wait(days=days)
        before = all_rows(desk)
        assert not dangling(before), "the history itself"
        with a_copy(desk, tmp_path) as bit_by_bit:
            keep_only(desk)
            after = all_rows(desk)
            over = going(before, desk.now - KEEP)
            numbers = {row["number"] for row in before["incidents"]}
            assert {row["number"] for row in after["incidents"]} == numbers - over
            assert of_incidents(after, set()) == of_incidents(before, over)
            assert not dangling(after)
            ids = {row["id"] for row in after["deliveries"]}
            assert deliveries_told_of(after) <= ids | (
                {row["id"] for row in before["deliveries"] if row["incident"] is None}
            )
            look_at_all(desk, after)

            def nothing_dangles() -> None:
                rows = all_rows(bit_by_bit)
                assert not dangling(rows)
                look_at_all(bit_by_bit, rows)

            keep_only(bit_by_bit, limit=limit, after_each=nothing_dangles)
            assert keys(all_rows(bit_by_bit)) == keys(after)
    finally:
        database.close()
