"""Sending many deliveries again: which are chosen, and how many there may be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk
from tests.actions.test_send_again import a_test, again, delivered, failed, ops

from tocsin.actions.incidents import acknowledge
from tocsin.actions.pause import pause
from tocsin.actions.send_again import (
    MOST_AT_ONCE,
    READ_AT_ONCE,
    Chosen,
    TooManyDeliveries,
    choose,
)
from tocsin.actions.show_deliveries import describe_deliveries, show_deliveries
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import Outcome
from tocsin.domain.send_again import Resending
from tocsin.store import schema
from tocsin.store.resends import Choice

__all__ = ["ops"]
ALICE = "token:alice"


def chosen(desk: Desk, state: DeliveryState = DeliveryState.FAILED, **choice: Any) -> Chosen:
    return desk.ask(choose, Choice(state, **choice), now=desk.now)


def webhook_id(desk: Desk, slug: str) -> int:
    with desk.database.read() as tx:
        webhooks = desk.context(tx).configuration.webhooks
    return next(id_ for id_, webhook in webhooks.items() if webhook.slug == slug)


def test_what_is_chosen_is_what_would_be_sent(ops: Desk) -> None:
    """The oldest first; what would be refused is counted by its reason."""
    first, stale, second = (failed(ops, each) for each in ("x", "y", "z"))
    ops.change(acknowledge, 2, actor=ALICE)
    found = chosen(ops)
    assert found.ids == [first, second]
    assert (dict(found.left_out.refused), found.left_out.unchanged) == ({"stale_escalation": 1}, 0)
    assert again(ops, *found.ids, stale)[:2] == [Resending.PENDING_AGAIN] * 2
    assert chosen(ops).ids == []
    due = chosen(ops, DeliveryState.PENDING)
    assert (due.ids, due.left_out.unchanged) == ([], 2)


def test_a_choice_holds_in_everything_that_is_given(ops: Desk) -> None:
    """State, webhook, incident, whether it is a test, and when it was made."""
    start = ops.now
    lost = failed(ops)
    ops.wait(minutes=10)
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.GONE)
    tested = a_test(ops)
    (at_test,) = ops.lease()
    ops.record(at_test, Outcome.REJECTED)
    done = delivered(ops, "other")

    assert chosen(ops).ids == [lost, lease.delivery_id, tested]
    assert chosen(ops, DeliveryState.DELIVERED).ids == [done]
    assert chosen(ops, webhook_ids=[webhook_id(ops, "b")]).ids == [lease.delivery_id]
    assert chosen(ops, webhook_ids=[]).ids == []
    assert chosen(ops, incident=1).ids == [lost, lease.delivery_id]
    assert chosen(ops, is_test=True).ids == [tested]
    assert chosen(ops, is_test=False).ids == [lost, lease.delivery_id]
    later = start + timedelta(minutes=10)
    assert chosen(ops, since=start).ids == chosen(ops).ids
    assert chosen(ops, since=start + timedelta(microseconds=1)).ids == [lease.delivery_id, tested]
    assert chosen(ops, since=later).ids == [lease.delivery_id, tested]
    assert chosen(ops, until=later).ids == [lost]
    assert chosen(ops, until=start).ids == []
    assert chosen(ops, since=datetime(1, 1, 1, tzinfo=start.tzinfo)).ids == chosen(ops).ids


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_choice_has_its_bounds(ops: Desk) -> None:
    """However many they are, all are found; and more than may be sent at once are refused."""
    failed(ops)
    (like,) = ops.rows(schema.deliveries)
    count = 2 * READ_AT_ONCE + 1
    rows = [{**like, "id": like["id"] + each, "step": each} for each in range(1, count)]
    with ops.database.write() as tx:
        tx.core.execute(schema.deliveries.insert(), rows)
    choice = Choice(DeliveryState.FAILED)
    ids = ops.ask(choose, choice, now=ops.now, most=count).ids
    assert ids == [like["id"] + each for each in range(count)]
    with pytest.raises(TooManyDeliveries, match=f"more than {count - 1} deliveries"):
        ops.ask(choose, choice, now=ops.now, most=count - 1)
    assert MOST_AT_ONCE == 100_000


def test_lists_take_the_same_choice(ops: Desk) -> None:
    """Tests apart from the rest, and by when they were made."""
    start = ops.now
    lost = failed(ops)
    ops.wait(minutes=1)
    tested = a_test(ops)

    def ids(**choice: Any) -> list[int]:
        return [each.delivery.id for each in ops.read(show_deliveries, limit=9, **choice)]

    assert ids() == [tested, lost]
    assert (ids(is_test=True), ids(is_test=False)) == ([tested], [lost])
    assert ids(since=start) == [tested, lost]
    assert ids(since=start + timedelta(microseconds=1)) == [tested]
    assert ids(until=start + timedelta(minutes=1)) == [lost]
    assert ids(until=start) == []
    assert ops.read(describe_deliveries, []) == []


def test_no_test_waits_for_the_end_of_a_pause(ops: Desk) -> None:
    """It is refused, and a page is not: resuming sends it."""
    lost, tested = failed(ops), a_test(ops)
    (lease,) = ops.lease()
    ops.record(lease, Outcome.REJECTED)
    ops.do(pause, actor=ALICE)
    assert chosen(ops).ids == [lost]
    assert again(ops, tested, lost) == ["nothing_is_sent", Resending.PENDING_AGAIN]
