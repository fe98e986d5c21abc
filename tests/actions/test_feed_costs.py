"""What a look at the feed costs: the same few statements, each by a key, however much there is."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.actions.desk import Desk
from tests.actions.histories import History
from tests.actions.test_retention import ops
from tests.actions.test_retention_costs import SMALL, traced

from tocsin.actions.show_feed import read_on, show_feed
from tocsin.domain.feed import BEGINNING, Group, Wanted
from tocsin.domain.outcome import Outcome
from tocsin.store.database import Tx
from tocsin.store.feed import publish

__all__ = ["ops"]
MOST_STATEMENTS = 20


def happen(ops: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts, pages that arrive, tests, a run: all in the feed, as the writer would put it there."""
    write = ops.database.write

    @contextmanager
    def publishing() -> Iterator[Tx]:
        with write() as tx:
            yield tx
            publish(tx, ops.now)

    monkeypatch.setattr(ops.database, "write", publishing)
    story = History(ops)
    story.begin()
    story.go_through(
        [
            *(("alert", "CRITICAL", "disk", "both"), ("end", 0, Outcome.DELIVERED), ("test",)),
            *(("alert", "RECOVERY", "disk", "db"), ("alert", "INFO", "x", "db")),
        ]
    )
    story.come_to_rest()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(incident=1), Wanted(group=Group.PAGES)])
def test_nothing_large_is_scanned(
    ops: Desk, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back from the newest and on from the oldest; what is configured, and runs, are all that is read whole."""
    happen(ops, monkeypatch)
    with ops.database.read() as tx, traced(tx) as statements:
        page = show_feed(tx, wanted, limit=50)
        read_on(tx, after=BEGINNING, most=50)
    assert len(page.entries) > 3
    assert len(statements) < 2 * MOST_STATEMENTS
    scanned: set[str] = set()
    with ops.database.read() as tx:
        for statement in dict.fromkeys(statements):
            if statement.startswith("SELECT"):
                plan = tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.replace('%', '%%')}")
                scanned |= {
                    line.removeprefix("SCAN ") for *_, line in plan if line.startswith("SCAN ")
                }
    whole = {line for line in scanned if "CONSTANT ROW" not in line}
    assert {line.split()[0] for line in whole} <= {*SMALL, "json_each", "given"}
