"""Who leaves by the slots of a webhook when more is due than there are free ones."""

from datetime import timedelta

import pytest
from tests.actions.breaking import (
    FAILED,
    OK,
    SLOW_RETRIES,
    fired,
    lane,
)
from tests.actions.desk import Desk

from tocsin.actions import webhooks
from tocsin.actions.send_again import send_again
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.lanes import next_lane_due_at


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once; nothing is tried again within an hour."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options=SLOW_RETRIES)
    return desk


def test_pages_do_not_wait_behind_a_flood_that_is_sent_again(ops: Desk) -> None:
    """They take turns with it, one by one; when no page waits the flood has every slot."""
    old = []
    for each in range(8):
        old += fired(ops, f"old-{each}")
        ops.record(old[-1], Outcome.ADDRESS_REFUSED)
    with ops.database.write() as tx:
        tx.core.execute(schema.webhook_failures.delete())  # as if another had been delivered
    ops.wait(minutes=1)
    ops.do(send_again, [lease.delivery_id for lease in old], actor="alice")
    again = ops.lease(slots=1)
    order = []
    for each in range(3):
        ops.wait(seconds=1)
        ops.opened(f"new-{each}")
        ops.fire(slots=1)
    while again:
        (lease,) = again
        order.append("new" if lease.attempt == 1 else "old")
        ops.record(lease, OK)
        again = ops.lease(slots=1)
    assert order == ["old", "new", "old", "new", "old", "new", *["old"] * 5]


def test_a_resend_of_what_was_delivered_is_no_first_attempt(ops: Desk) -> None:
    """Though nobody has tried it: it is no news."""
    delivered = [lease for each in range(3) for lease in fired(ops, f"old-{each}")[:1]]
    for lease in delivered:
        ops.record(lease, OK)
    ops.do(send_again, [lease.delivery_id for lease in delivered], actor="alice")
    ops.wait(seconds=1)
    ops.opened("new")
    ops.fire(slots=2)
    first, second = ops.lease(slots=2)
    assert (first.incident, second.incident) == (4, 1)


def test_slots_may_be_the_webhooks_own(desk: Desk) -> None:
    """In place of those of the setting, for firing and for leasing; taken back, the setting holds again."""
    policies = {"main": [("0s", ["a"])]}
    desk.configure(policies, keys={"db": ["main"]}, options={"slots": 2})
    for each in range(7):
        desk.opened(f"{each}")
    leases = desk.fire().leases
    assert len(leases) == 2
    assert desk.lease() == []
    assert desk.read(next_lane_due_at, slots=4) is None
    desk.alice.does(webhooks.update_webhook, "a", name="Another")
    assert desk.lease() == []
    desk.configure(policies, keys={"db": ["main"]})
    assert len(desk.lease()) == 2
    desk.configure(policies, keys={"db": ["main"]}, options={"slots": 64})
    assert len(desk.lease()) == 3
    assert lane(desk)["in_flight"] == 7


def test_the_waits_of_a_webhook_are_those_of_its_attempts(desk: Desk) -> None:
    """The last one repeats."""
    desk.configure(
        {"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options={"retry_waits": ["1s", "7s"]}
    )
    webhook = desk.read(webhooks.get_webhook, "a", desk.alice.vault)
    assert webhook.retry_waits == (timedelta(seconds=1), timedelta(seconds=7))
    (lease,) = fired(desk, "1")
    waits = []
    for _ in range(3):
        desk.record(lease, FAILED)
        (row,) = desk.rows(schema.deliveries)
        waits.append((row["due_at"] - desk.now).total_seconds())
        desk.now = row["due_at"]
        (lease,) = desk.lease()
    assert waits == [1, 7, 7]
