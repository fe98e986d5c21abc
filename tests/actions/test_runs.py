"""Runs that end, are taken for dead, and go on: what each may close of what another has leased."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.actions.desk import Desk

from tocsin.actions.deliver import TakenOver, take_back, take_over
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.runs import begin_run, end_run, end_silent_runs, renew_run

OURS, THEIRS, THIRD = 1, 2, 3
SILENT_FOR = timedelta(seconds=6)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two nodes whose runs have begun; each step calls a, at once."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    with desk.database.write() as tx:
        tx.core.execute(schema.runs.delete())
        for id_, node in ((OURS, "ours"), (THEIRS, "theirs")):
            begin_run(tx, id_=id_, node=node, version="1", now=desk.now)
    return desk


def fired(desk: Desk, run_id: int, *entities: str) -> list[Lease]:
    """Let incidents fire their step on the node of this run."""
    for entity_id in entities:
        desk.opened(entity_id)
    desk.run_id = run_id
    return list(desk.fire().leases)


def renew(desk: Desk, run_id: int) -> bool:
    with desk.database.write() as tx:
        return renew_run(tx, id_=run_id, now=desk.now)


def end_silent(desk: Desk, *, by: int) -> list[int]:
    with desk.database.write() as tx:
        since = desk.now - SILENT_FOR
        return [each.id for each in end_silent_runs(tx, id_=by, silent_since=since, now=desk.now)]


def taken_over(desk: Desk, *, by: int, limit: int = 9) -> TakenOver:
    with desk.database.write() as tx:
        return take_over(tx, desk.now, run_id=by, limit=limit)


def taken_back(desk: Desk, *, by: int, held: Sequence[Lease]) -> TakenOver:
    with desk.database.write() as tx:
        return take_back(tx, desk.now, run_id=by, held=held)


def states(desk: Desk) -> list[str]:
    return [state for _, state, _ in desk.deliveries()]


def in_flight(desk: Desk) -> int:
    return sum(row["in_flight"] for row in desk.rows(schema.lanes))


def test_a_run_that_is_renewed_keeps_its_leases(ops: Desk) -> None:
    """Others take nothing over from it, however long an attempt takes."""
    fired(ops, THEIRS, "disk")
    for _ in range(10):
        ops.wait(seconds=2)
        assert renew(ops, THEIRS)
        assert renew(ops, OURS)
        assert end_silent(ops, by=OURS) == []
        assert taken_over(ops, by=OURS) == TakenOver(0, 0)
    assert states(ops) == ["sending"]


def test_a_run_that_was_silent_for_six_seconds_is_over(ops: Desk) -> None:
    """Its open attempt is unknown, its delivery due at once and its slot free."""
    (lease,) = fired(ops, THEIRS, "disk")
    ops.wait(seconds=6)
    assert end_silent(ops, by=OURS) == []
    ops.wait(milliseconds=1)
    assert end_silent(ops, by=OURS) == [THEIRS]
    assert end_silent(ops, by=OURS) == []
    assert taken_over(ops, by=OURS) == TakenOver(leases=1, attempts=1)
    assert (states(ops), in_flight(ops)) == (["pending"], 0)
    assert [row["outcome"] for row in ops.rows(schema.attempts)] == ["unknown"]
    ops.run_id = OURS
    (again,) = ops.lease()
    assert (again.delivery_id, again.attempt) == (lease.delivery_id, 2)


def test_nobody_ends_its_own_run_by_looking(ops: Desk) -> None:
    """A node that woke up late finds others silent, and not itself."""
    ops.wait(minutes=5)
    assert end_silent(ops, by=OURS) == [THEIRS]


def test_a_run_that_was_taken_for_dead_goes_on_when_it_is_renewed(ops: Desk) -> None:
    """What was taken over is stale; what nobody has reached yet is its own again."""
    (first,) = fired(ops, THEIRS, "disk")
    (second,) = fired(ops, THEIRS, "cpu")
    ops.wait(seconds=7)
    end_silent(ops, by=OURS)
    assert taken_over(ops, by=OURS, limit=1).attempts == 1
    assert not renew(ops, THEIRS)
    assert renew(ops, THEIRS)
    assert taken_over(ops, by=OURS) == TakenOver(0, 0)
    assert ops.record(first, Outcome.DELIVERED).stale == 1
    assert ops.record(second, Outcome.DELIVERED).delivered == 1


def test_a_run_that_ended_well_leaves_nothing_to_wait_for(ops: Desk) -> None:
    """What it could not put on record is taken over at once, not after six seconds."""
    fired(ops, THEIRS, "disk")
    with ops.database.write() as tx:
        end_run(tx, id_=THEIRS, now=ops.now)
    assert taken_over(ops, by=OURS).attempts == 1


def test_taking_over_spares_what_a_third_run_sends_by_now(ops: Desk) -> None:
    """A lease lists all that its transaction took, also what has ended and was leased again elsewhere."""
    with ops.database.write() as tx:
        begin_run(tx, id_=THIRD, node="third", version="1", now=ops.now)
    failing, _ = fired(ops, THEIRS, "disk", "cpu")
    ops.record(failing, Outcome.TIMED_OUT)
    ops.wait(seconds=7)
    ops.run_id = THIRD
    (again,) = ops.lease()
    renew(ops, THIRD)
    assert end_silent(ops, by=OURS) == [THEIRS]
    assert taken_over(ops, by=OURS) == TakenOver(leases=1, attempts=1)
    assert ops.record(again, Outcome.DELIVERED).delivered == 1
    assert sorted(states(ops)) == ["delivered", "pending"]


def test_a_lease_that_nobody_heard_of_is_taken_back(ops: Desk) -> None:
    """The commit happened and the connection was lost: the page is sent, and others keep theirs."""
    (held,) = fired(ops, OURS, "disk")
    fired(ops, OURS, "cpu")
    assert taken_back(ops, by=OURS, held=[held]) == TakenOver(leases=1, attempts=1)
    assert states(ops) == ["sending", "pending"]
    assert [row["outcome"] for row in ops.rows(schema.attempts)] == ["unknown"]
    assert in_flight(ops) == 1
    assert ops.record(held, Outcome.DELIVERED).delivered == 1


def test_taking_back_spares_what_was_leased_again(ops: Desk) -> None:
    """Of a forgotten lease, a delivery that this run sends under another one goes on."""
    failing, forgotten = fired(ops, OURS, "disk", "cpu")
    ops.record(failing, Outcome.TIMED_OUT)
    ops.wait(seconds=3)
    (again,) = ops.lease()
    assert taken_back(ops, by=OURS, held=[again]) == TakenOver(leases=1, attempts=1)
    assert ops.record(forgotten, Outcome.DELIVERED).stale == 1
    assert ops.record(again, Outcome.DELIVERED).delivered == 1


def test_taking_back_spares_other_runs(ops: Desk) -> None:
    """Each looks after its own."""
    fired(ops, THEIRS, "disk")
    assert taken_back(ops, by=OURS, held=[]) == TakenOver(0, 0)
    assert states(ops) == ["sending"]
