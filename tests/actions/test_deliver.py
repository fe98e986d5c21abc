"""What becomes of attempts and of the deliveries that they belong to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions.deliver import Recorded, TakenOver, record_attempts, take_over
from tocsin.actions.incidents import acknowledge
from tocsin.actions.send_test import send_test
from tocsin.domain.delivery import DEADLINE
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    return desk


def fired(desk: Desk, entity_id: str = "disk") -> Lease:
    desk.opened(entity_id)
    (lease,) = desk.fire().leases
    return lease


def the_delivery(desk: Desk) -> dict[str, Any]:
    (row,) = desk.rows(schema.deliveries)
    return row


def in_flight(desk: Desk) -> int:
    return sum(row["in_flight"] for row in desk.rows(schema.lanes))


def test_an_attempt_is_on_record_before_it_is_made(ops: Desk) -> None:
    """Whose it is, and since when: a crash leaves evidence."""
    lease = fired(ops)
    row = the_delivery(ops)
    assert (row["state"], row["attempts"], row["due_at"]) == ("sending", 1, None)
    assert (row["attempt_started_at"], row["first_attempt_at"]) == (ops.now, ops.now)
    assert row["run_id"] == ops.run_id
    assert (lease.delivery_id, lease.attempt) == (row["id"], 1)
    assert in_flight(ops) == 1


@pytest.mark.parametrize("status", [200, 204, 299])
def test_2xx_is_delivered(ops: Desk, status: int) -> None:
    """The delivery has ended, and its slot is free."""
    lease = fired(ops)
    ops.wait(seconds=1)
    recorded = ops.record(lease, Outcome.of_status(status), status=status)
    assert recorded == Recorded(delivered=1, retried=0, failed=0, cancelled=0, stale=0)
    row = the_delivery(ops)
    assert (row["state"], row["end_reason"], row["ended_at"]) == ("delivered", "delivered", ops.now)
    assert (row["run_id"], row["attempt_started_at"]) == (None, None)
    (attempt,) = ops.rows(schema.attempts)
    assert (attempt["number"], attempt["outcome"], attempt["status_code"]) == (
        *(1, "delivered"),
        status,
    )
    assert in_flight(ops) == 0


def test_anything_else_is_tried_again_in_seconds(ops: Desk) -> None:
    """After 2, 5, 15, 30, 60, 60 seconds, until 15 minutes after the first attempt."""
    lease = fired(ops)
    start = ops.now
    waits = []
    while the_delivery(ops)["state"] != "failed":
        ops.record(lease, Outcome.REJECTED, status=500)
        row = the_delivery(ops)
        if row["due_at"] is None:
            break
        assert ops.news.work_due_at == to_micros(row["due_at"])
        waits.append((row["due_at"] - ops.now).total_seconds())
        ops.now = row["due_at"] - timedelta(microseconds=1)
        assert ops.lease() == []
        ops.now = row["due_at"]
        (lease,) = ops.lease()
    assert waits[:7] == [2, 5, 15, 30, 60, 60, 60]
    assert ops.now == start + DEADLINE
    assert the_delivery(ops)["end_reason"] == "deadline"
    assert lease.attempt == len(ops.rows(schema.attempts)) == len(waits) + 1


@pytest.mark.parametrize(
    "outcome", [Outcome.GONE, Outcome.ADDRESS_REFUSED, Outcome.CERTIFICATE_REFUSED]
)
def test_what_another_attempt_could_not_mend_is_final(ops: Desk, outcome: Outcome) -> None:
    """The delivery has failed at once."""
    assert ops.record(fired(ops), outcome).failed == 1
    row = the_delivery(ops)
    assert (row["state"], row["end_reason"]) == ("failed", "final_outcome")


def test_an_old_connection_that_gave_no_answer_costs_no_wait(ops: Desk) -> None:
    """The next attempt is due at once, on a new connection."""
    result = ops.result(fired(ops), Outcome.CONNECTION_LOST)
    with ops.database.write() as tx:
        record_attempts(tx, [result._replace(at_once=True)], ops.context)
    assert the_delivery(ops)["due_at"] == ops.now
    (lease,) = ops.lease()
    assert lease.attempt == 2


def test_a_lane_lends_as_many_slots_as_it_has(ops: Desk) -> None:
    """A delivery that waits gets the slot that another gives back, and whoever waits is told."""
    leases = []
    for entity_id in "123":
        ops.opened(entity_id)
        leases += ops.fire(slots=2).leases
    assert len(leases) == 2
    assert ops.lease(slots=2) == []
    ops.record(leases[0], Outcome.DELIVERED)
    assert ops.news.work_due_at == to_micros(ops.now)
    (third,) = ops.lease(slots=2)
    assert third.delivery_id not in {lease.delivery_id for lease in leases}
    assert in_flight(ops) == 2


def test_a_dead_webhook_does_not_hold_up_another(desk: Desk) -> None:
    """Its deliveries wait in a lane of their own."""
    desk.configure(
        {"a": [("0s", ["dead"])], "b": [("0s", ["alive"])]}, keys={"a": ["a"], "b": ["b"]}
    )
    for entity_id in "12345":
        desk.opened(entity_id, key="a")
    assert len(desk.fire(slots=4).leases) == 4
    desk.opened("6", key="b")
    desk.fire(room=0)
    (lease,) = desk.lease(limit=1)
    webhooks = {row["id"]: row["webhook_id"] for row in desk.rows(schema.deliveries)}
    assert lease.webhook_id == webhooks[lease.delivery_id]
    assert lease.incident == 6


def test_no_more_is_leased_than_there_is_room(ops: Desk) -> None:
    """The oldest of a lane first."""
    for entity_id in "123":
        ops.opened(entity_id)
    ops.fire(room=0)
    assert ops.lease(room=0) == []
    assert [lease.incident for lease in ops.lease(room=2)] == [1, 2]
    assert [lease.incident for lease in ops.lease(limit=5)] == [3]


def test_a_delivered_2xx_after_an_acknowledgement_is_delivered(ops: Desk) -> None:
    """It may have come from that very receiver."""
    lease = fired(ops)
    ops.change(acknowledge, 1, actor="alice")
    assert ops.record(lease, Outcome.DELIVERED, status=200).delivered == 1
    assert ops.deliveries() == [("a", "delivered", "delivered")]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.GONE, Outcome.CANCELLED])
def test_anything_else_after_an_acknowledgement_is_cancelled(ops: Desk, outcome: Outcome) -> None:
    """And is not tried again."""
    lease = fired(ops)
    ops.change(acknowledge, 1, actor="alice")
    assert ops.record(lease, outcome).cancelled == 1
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]
    ops.wait(hours=1)
    assert ops.lease() == []


def asked_for(desk: Desk) -> Lease:
    """Ask for a test of the webhook; return its attempt."""
    with desk.database.write() as tx:
        context = desk.context(tx)
        (webhook,) = context.configuration.webhooks.values()
        send_test(tx, context, webhook, actor="alice", organisation="example-org")
    (lease,) = desk.lease()
    return lease


@pytest.mark.parametrize(
    "outcome", [Outcome.REJECTED, Outcome.TIMED_OUT, Outcome.INTERRUPTED, Outcome.UNSENDABLE]
)
def test_a_test_ends_with_its_first_attempt(ops: Desk, outcome: Outcome) -> None:
    """Whoever asked for it waits for this one, and would be gone by the next."""
    assert ops.record(asked_for(ops), outcome).failed == 1
    assert ops.deliveries() == [("a", "failed", "one_attempt")]
    ops.wait(hours=1)
    assert ops.lease() == []
    assert in_flight(ops) == 0


def test_taking_over_does_not_send_a_test_again(ops: Desk) -> None:
    """It may have been sent, and nobody waits for it any more."""
    asked_for(ops)
    ops.run_id = 2
    assert taken_over(ops).attempts == 1
    assert ops.deliveries() == [("a", "failed", "one_attempt")]
    assert the_delivery(ops)["ended_at"] == ops.now
    assert [row["due_at"] for row in ops.rows(schema.lanes)] == [None]
    assert ops.lease() == []
    assert in_flight(ops) == 0


def taken_over(desk: Desk, *, limit: int = 10) -> TakenOver:
    with desk.database.write() as tx:
        return take_over(tx, desk.now, run_id=desk.run_id, limit=limit)


def test_what_a_dead_run_left_open_is_unknown_and_due_at_once(ops: Desk) -> None:
    """It may have been sent: the attempt stays on record, and another is made."""
    lease = fired(ops)
    ops.wait(minutes=3)
    ops.run_id = 2
    assert taken_over(ops) == TakenOver(leases=1, attempts=1)
    (attempt,) = ops.rows(schema.attempts)
    assert (attempt["outcome"], attempt["run_id"], attempt["ended_at"]) == ("unknown", 1, ops.now)
    row = the_delivery(ops)
    assert (row["state"], row["due_at"]) == ("pending", ops.now)
    (again,) = ops.lease()
    assert (again.delivery_id, again.attempt) == (lease.delivery_id, 2)
    assert again.first_attempt_at == lease.first_attempt_at
    assert in_flight(ops) == 1
    assert taken_over(ops) == TakenOver(leases=0, attempts=0)


def test_taking_over_does_not_send_what_was_cancelled(ops: Desk) -> None:
    """A crash does not undo an acknowledgement."""
    fired(ops)
    ops.change(acknowledge, 1, actor="alice")
    ops.run_id = 2
    assert taken_over(ops).attempts == 1
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]
    assert ops.lease() == []


def test_taking_over_goes_in_slices(ops: Desk) -> None:
    """However much was in flight."""
    for entity_id in "123":
        fired(ops, entity_id)
    ops.run_id = 2
    assert [taken_over(ops, limit=2).attempts for _ in range(3)] == [2, 1, 0]


def test_what_is_leased_is_on_record_until_all_of_it_has_ended(ops: Desk) -> None:
    """One row for all that a transaction leased, and none when nothing is under way."""
    for entity_id in "123":
        ops.opened(entity_id)
    first, second, third = ops.fire().leases
    assert first.id == second.id == third.id
    ops.record(first, Outcome.DELIVERED)
    ops.record(first, Outcome.DELIVERED)  # told again, it does not count again
    ops.record(second, Outcome.TIMED_OUT)
    ops.wait(seconds=3)
    (again,) = ops.lease()
    assert [(row["id"], row["run_id"], row["open"]) for row in ops.rows(schema.leases)] == [
        (third.id, 1, 1),
        (again.id, 1, 1),
    ]
    ops.record(third, Outcome.DELIVERED)
    ops.record(again, Outcome.DELIVERED)
    assert ops.rows(schema.leases) == []


def test_only_what_is_still_open_is_taken_over(ops: Desk) -> None:
    """What ended before the crash stays as it ended."""
    for entity_id in "12":
        ops.opened(entity_id)
    delivered, _ = ops.fire().leases
    ops.record(delivered, Outcome.DELIVERED)
    ops.run_id = 2
    assert taken_over(ops) == TakenOver(leases=1, attempts=1)
    assert [state for _, state, _ in ops.deliveries()] == ["delivered", "pending"]
    assert ops.rows(schema.leases) == []


def test_a_result_that_comes_after_its_lease_was_taken_over_changes_nothing(ops: Desk) -> None:
    """The attempt that counts is the one that is open."""
    lease = fired(ops)
    ops.run_id = 2
    taken_over(ops)
    assert ops.record(lease, Outcome.DELIVERED).stale == 1
    (again,) = ops.lease()
    assert ops.record(lease, Outcome.DELIVERED).stale == 1
    assert the_delivery(ops)["state"] == "sending"
    assert in_flight(ops) == 1
    assert ops.record(again, Outcome.DELIVERED).delivered == 1


def test_results_come_in_batches(ops: Desk) -> None:
    """Each delivery gets its own."""
    leases = [fired(ops, entity_id) for entity_id in "123"]
    outcomes: Sequence[Outcome] = [Outcome.DELIVERED, Outcome.TIMED_OUT, Outcome.GONE]
    with ops.database.write() as tx:
        recorded = record_attempts(
            tx, [ops.result(*pair) for pair in zip(leases, outcomes, strict=True)], ops.context
        )
    assert recorded == Recorded(delivered=1, retried=1, failed=1, cancelled=0, stale=0)
    assert [state for _, state, _ in ops.deliveries()] == ["delivered", "pending", "failed"]
