"""What retention costs others: nobody waits for it, and it reads nothing that it need not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.actions.desk import Desk
from tests.actions.histories import History
from tests.actions.keeping import KEEP
from tests.actions.test_retention import numbers, ops, over

from tocsin.actions.retention import find_old, horizon_of, remove_old
from tocsin.domain.outcome import Outcome
from tocsin.store.database import Tx
from tocsin.store.incidents import find_incidents
from tocsin.store.retention.incidents import INCIDENTS
from tocsin.store.retention.progress import take_turn
from tocsin.store.retention.schedule import PARTS

__all__ = ["ops"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_node_removes_at_a_time_and_passes_over_what_is_locked(ops: Desk) -> None:
    """The other leaves it alone for now; and nobody who is at work on an incident is waited for."""
    numbers_ = [over(ops, entity) for entity in ("disk", "cpu")]
    ops.wait(days=11)
    horizon = horizon_of(ops.now, keep=KEEP)
    with ops.database.write() as busy:
        find_incidents(busy, numbers_[:1])
        with ops.database.write() as tx:
            removed = remove_old(tx, INCIDENTS, horizon, numbers_)
            assert removed is not None
            assert removed.things == 1
            with ops.database.write() as other:
                assert remove_old(other, INCIDENTS, horizon, numbers_) is None
                assert not take_turn(other)
    assert numbers(ops) == numbers_[:1]


@contextmanager
def traced(tx: Tx) -> Iterator[list[str]]:
    """All statements of a transaction on SQLite."""
    statements: list[str] = []
    connection: Any = tx.core.connection.driver_connection
    connection.set_trace_callback(statements.append)
    yield statements
    connection.set_trace_callback(None)


SMALL = {"policies", "policy_versions", "webhooks", "request_heads", "teams", "runs", "leases"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_large_is_ever_scanned(ops: Desk) -> None:
    """Every statement of every part finds its rows by a key: what is configured, and runs, are all that is read whole."""
    story = History(ops)
    story.begin()
    story.go_through(
        [
            *(("alert", "CRITICAL", "disk", "both"), ("end", 0, Outcome.DELIVERED), ("test",)),
            *(("alert", "RECOVERY", "disk", "db"), ("edit", 1), ("alert", "INFO", "x", "db")),
        ]
    )
    story.come_to_rest()
    ops.wait(days=40)
    horizon = horizon_of(ops.now, keep=KEEP)
    scanned: set[str] = set()
    with ops.database.write() as tx, traced(tx) as statements:
        for part in PARTS:
            for lot in find_old(tx, part, horizon).lots:
                remove_old(tx, part, horizon, lot)
        for statement in dict.fromkeys(statements):
            if statement.startswith(("SELECT", "DELETE")):
                plan = tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.replace('%', '%%')}")
                scanned |= {
                    line.removeprefix("SCAN ") for *_, line in plan if line.startswith("SCAN ")
                }
    tables = {line.split()[0] for line in scanned if not line.startswith("(subquery")}
    assert tables <= SMALL
    assert len(statements) > 60, "all of them were seen"
