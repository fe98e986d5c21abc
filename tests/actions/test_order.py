"""Deliveries of one incident to one webhook leave in order, and none waits for another's back-off."""

from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions.deliver import take_over
from tocsin.actions.incidents import acknowledge
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.deliveries import Lease


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Three steps, a minute apart, that call a."""
    desk.configure(
        {"main": [("0s", ["a"]), ("1m", ["a"]), ("1m", ["a"])]},
        keys={"db": ["main"], "x": ["main"]},
    )
    return desk


def first(desk: Desk) -> Lease:
    desk.opened()
    (lease,) = desk.fire().leases
    return lease


def states(desk: Desk) -> list[tuple[str, bool]]:
    """Each delivery's state, and whether it waits for another."""
    return [(row["state"], row["waits_for"] is not None) for row in desk.rows(schema.deliveries)]


def lanes(desk: Desk) -> list[Any]:
    return [(row["due_at"], row["in_flight"]) for row in desk.rows(schema.lanes)]


def test_it_waits_while_the_one_before_is_under_way(ops: Desk) -> None:
    """And goes when that attempt has ended, whatever came of it."""
    before = first(ops)
    ops.wait(minutes=1)
    assert ops.fire().leases == []
    assert ops.lease() == []
    assert states(ops) == [("sending", False), ("pending", True)]
    ops.record(before, Outcome.TIMED_OUT)
    assert ops.news.work_due_at is not None
    (after,) = ops.lease()
    assert (after.delivery_id != before.delivery_id, after.attempt) == (True, 1)
    assert states(ops) == [("pending", False), ("sending", False)]


def test_a_retry_that_waits_is_made_first_and_now(ops: Desk) -> None:
    """Once: when it has failed again, the newer one goes, and a third finds it is not hurried again."""
    ops.configure(
        {"main": [("0s", ["a"]), ("1m", ["a"]), ("1m", ["a"])]},
        keys={"db": ["main"]},
        options={"retry_waits": ["2m"]},
    )
    before = first(ops)
    ops.record(before, Outcome.TIMED_OUT)
    ops.wait(minutes=1)
    ops.fire()
    (hurried,) = ops.lease()
    assert hurried.delivery_id == before.delivery_id
    ops.record(hurried, Outcome.TIMED_OUT)
    (second,) = ops.lease()
    assert second.delivery_id != before.delivery_id
    ops.record(second, Outcome.DELIVERED)
    assert [row["hurried_at"] is not None for row in ops.rows(schema.deliveries)] == [True, False]


def test_after_its_hurried_attempt_nothing_waits_for_it_any_more(ops: Desk) -> None:
    """Else a dead receiver would be called for every new page twice."""
    before = first(ops)
    ops.record(before, Outcome.TIMED_OUT)
    with ops.database.write() as tx:
        tx.core.execute(
            schema.deliveries.update().values(due_at=ops.now.replace(year=2030), hurried_at=ops.now)
        )
    ops.wait(minutes=1)
    ops.fire()
    (second,) = ops.lease()
    assert second.delivery_id != before.delivery_id


def test_three_in_a_line_go_one_after_the_other(ops: Desk) -> None:
    """Each waits for the one right before it."""
    one = first(ops)
    for _ in range(2):
        ops.wait(minutes=1)
        ops.fire()
    assert states(ops) == [("sending", False), ("pending", True), ("pending", True)]
    ops.record(one, Outcome.DELIVERED)
    (two,) = ops.lease()
    assert ops.lease() == []
    ops.record(two, Outcome.GONE)
    (three,) = ops.lease()
    assert len({one.delivery_id, two.delivery_id, three.delivery_id}) == 3
    ops.record(three, Outcome.DELIVERED)
    assert lanes(ops) == [(None, 0)]


def test_two_policies_that_call_one_webhook_call_it_in_order(desk: Desk) -> None:
    """Their steps fire in one transaction."""
    desk.configure({"one": [("0s", ["a"])], "two": [("0s", ["a"])]}, keys={"db": ["one", "two"]})
    desk.opened()
    (lease,) = desk.fire().leases
    assert states(desk) == [("sending", False), ("pending", True)]
    desk.record(lease, Outcome.DELIVERED)
    assert len(desk.lease()) == 1


def test_other_incidents_and_other_webhooks_wait_for_nobody(desk: Desk) -> None:
    """A line is of one incident and one webhook."""
    desk.configure({"main": [("0s", ["a"]), ("0s", ["b"])]}, keys={"db": ["main"]})
    desk.opened("1")
    desk.opened("2")
    assert len(desk.fire().leases) == 4


def test_what_is_made_again_at_once_still_goes_first(ops: Desk) -> None:
    """Nothing speaks against the receiver: Tocsin was interrupted."""
    before = first(ops)
    ops.wait(minutes=1)
    ops.fire()
    ops.record(before, Outcome.INTERRUPTED)
    (again,) = ops.lease()
    assert again.delivery_id == before.delivery_id
    ops.record(again, Outcome.DELIVERED)
    assert len(ops.lease()) == 1


def test_a_crash_keeps_the_order(ops: Desk) -> None:
    """The attempt that was cut short is made again; then the one that waited goes."""
    before = first(ops)
    ops.wait(minutes=1)
    ops.fire()
    ops.run_id = 2
    with ops.database.write() as tx:
        take_over(tx, ops.now, run_id=2, limit=9)
    (again,) = ops.lease()
    assert (again.delivery_id, again.attempt) == (before.delivery_id, 2)
    ops.record(again, Outcome.DELIVERED)
    assert len(ops.lease()) == 1


def test_an_acknowledgement_cancels_the_whole_line(ops: Desk) -> None:
    """Nobody is left behind an attempt that was to be the last."""
    before = first(ops)
    ops.wait(minutes=1)
    ops.fire()
    ops.change(acknowledge, 1, actor="alice")
    assert states(ops) == [("sending", False), ("cancelled", False)]
    ops.record(before, Outcome.TIMED_OUT)
    assert ops.lease() == []
    assert states(ops) == [("cancelled", False), ("cancelled", False)]
