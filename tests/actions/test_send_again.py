"""Sending deliveries again: what failed, what waits, what was delivered, and what must stay unsent."""

from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import ORGANISATION, Desk

from tocsin.actions.changes import list_changes
from tocsin.actions.deliver import record_attempts
from tocsin.actions.incidents import acknowledge, hold, reopen, reroute, resolve
from tocsin.actions.send_again import (
    DeletedWebhook,
    DisabledWebhook,
    NotSentAgain,
    SentAgain,
    StaleEscalation,
    send_again,
    send_one_again,
)
from tocsin.actions.send_test import send_test
from tocsin.actions.show_deliveries import DeliveryNotFound
from tocsin.actions.why import why
from tocsin.domain.delivery import DEADLINE
from tocsin.domain.outcome import Outcome
from tocsin.domain.send_again import Resending
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema
from tocsin.store.changes import revision
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros

ALICE = "token:alice"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two steps: a at once, b ten minutes later."""
    desk.configure({"main": [("0s", ["a"]), ("10m", ["b"])]}, keys={"db": ["main"]})
    return desk


def fired(desk: Desk, entity_id: str = "disk") -> Lease:
    desk.opened(entity_id)
    (lease,) = desk.fire().leases
    return lease


def failed(desk: Desk, entity_id: str = "disk") -> int:
    """The id of a delivery that failed, of an incident of its own."""
    lease = fired(desk, entity_id)
    desk.record(lease, Outcome.ADDRESS_REFUSED)
    return lease.delivery_id


def delivered(desk: Desk, entity_id: str = "disk") -> int:
    lease = fired(desk, entity_id)
    desk.record(lease, Outcome.DELIVERED, status=200)
    return lease.delivery_id


def a_test(desk: Desk) -> int:
    with desk.database.write() as tx:
        context = desk.context(tx)
        (webhook, *_) = context.configuration.webhooks.values()
        return send_test(tx, context, webhook, actor=ALICE, organisation=ORGANISATION)


def again(desk: Desk, *ids: int) -> list[Any]:
    """What became of each: the decision, or the code of the refusal."""
    results = desk.do(send_again, ids, actor=ALICE)
    return [
        each.refusal.code if isinstance(each, NotSentAgain) else each.resending for each in results
    ]


def row(desk: Desk, id_: int) -> dict[str, Any]:
    (found,) = [each for each in desk.rows(schema.deliveries) if each["id"] == id_]
    return found


# --- what failed


def test_what_failed_is_pending_again_under_its_id(ops: Desk) -> None:
    """Due at once, its attempts numbered on, and nothing left of the end that it had."""
    id_ = failed(ops)
    ops.wait(minutes=1)
    sent = ops.do(send_one_again, id_, actor=ALICE)

    assert sent == SentAgain(id_, id_, Resending.PENDING_AGAIN)
    now = row(ops, id_)
    assert (now["state"], now["due_at"], now["attempts"]) == ("pending", ops.now, 1)
    assert (now["ended_at"], now["end_reason"], now["resend_of"]) == (None, None, None)
    assert ops.news.work_due_at == to_micros(ops.now)
    (lease,) = ops.lease()
    assert (lease.delivery_id, lease.attempt) == (id_, 2)
    ops.record(lease, Outcome.DELIVERED, status=200)
    assert row(ops, id_)["state"] == "delivered"
    assert [each["number"] for each in ops.rows(schema.attempts)] == [1, 2]


def test_it_is_tried_for_as_long_as_a_new_one(ops: Desk) -> None:
    """Waits begin anew with 2 seconds, and the deadline counts from the attempt, not from the wish."""
    lease = fired(ops)
    while row(ops, lease.delivery_id)["state"] != "failed":
        ops.record(lease, Outcome.REJECTED, status=500)
        ops.now = row(ops, lease.delivery_id)["due_at"] or ops.now
        (lease,) = ops.lease() or (lease,)
    made = lease.attempt
    ops.wait(hours=1)
    ops.opened("another")
    ops.fire()
    (another,) = ops.lease()
    ops.record(another, Outcome.DELIVERED)  # or the breaker would hold the early attempts
    again(ops, lease.delivery_id)
    ops.wait(minutes=20)  # nobody was there to send it
    start = ops.now
    (lease,) = ops.lease()
    waits = []
    while row(ops, lease.delivery_id)["state"] != "failed":
        ops.record(lease, Outcome.REJECTED, status=500)
        if due_at := row(ops, lease.delivery_id)["due_at"]:
            waits.append((due_at - ops.now).total_seconds())
            ops.now = due_at
            (lease,) = ops.lease()
    assert waits[:6] == [2, 5, 15, 30, 60, 60]
    assert ops.now == start + DEADLINE
    assert lease.attempt == 2 * made == len(ops.rows(schema.attempts)) - 1


def test_a_new_window_holds_for_the_attempts_of_one_wish(ops: Desk) -> None:
    """Sent again twice, the waits begin anew twice."""
    lease = fired(ops)
    for wish in range(3):
        assert lease.attempts_before == 2 * wish
        ops.record(lease, Outcome.REJECTED)
        assert row(ops, lease.delivery_id)["due_at"] - ops.now == timedelta(seconds=2)
        ops.wait(seconds=2)
        (lease,) = ops.lease()
        ops.record(lease, Outcome.GONE)
        assert again(ops, lease.delivery_id) == [Resending.PENDING_AGAIN]
        (lease,) = ops.lease()


def test_repeating_the_wish_changes_nothing(ops: Desk) -> None:
    """It is due already; once it is being sent, it is under way. Neither leaves a trace."""
    id_ = failed(ops)
    assert again(ops, id_, id_) == [Resending.PENDING_AGAIN]
    assert again(ops, id_) == [Resending.DUE_ALREADY]
    (lease,) = ops.lease()
    assert again(ops, id_) == [Resending.UNDER_WAY]
    assert ops.kinds(1).count(Kind.SENT_AGAIN) == 1
    ops.record(lease, Outcome.DELIVERED)
    assert row(ops, id_)["state"] == "delivered"


# --- what waits


def test_what_waits_is_brought_forward(ops: Desk) -> None:
    """Its next attempt is made now; its waits go on as they were, and so does its deadline."""
    lease = fired(ops)
    start = ops.now
    for _ in range(3):
        ops.record(lease, Outcome.REJECTED)
        ops.now = row(ops, lease.delivery_id)["due_at"]
        (lease,) = ops.lease()
    ops.record(lease, Outcome.REJECTED)
    ops.wait(seconds=1)
    assert ops.lease() == []
    assert again(ops, lease.delivery_id) == [Resending.BROUGHT_FORWARD]
    assert ops.news.work_due_at == to_micros(ops.now)
    (lease,) = ops.lease()
    assert (lease.attempt, lease.attempts_before) == (5, 0)
    assert lease.first_attempt_at == to_micros(start)
    ops.record(lease, Outcome.REJECTED)
    assert row(ops, lease.delivery_id)["due_at"] - ops.now == timedelta(minutes=1)


def test_what_waits_for_an_earlier_page_stays_in_line(desk: Desk) -> None:
    """It goes when the attempt before it has ended; and what is sent again is waited for, too."""
    desk.configure({"main": [("0s", ["a"]), ("1m", ["a"]), ("1m", ["a"])]}, keys={"db": ["main"]})
    first = fired(desk)
    long = desk.result(first, Outcome.REJECTED)._replace(asked=timedelta(minutes=5))
    with desk.database.write() as tx:
        record_attempts(tx, [long], desk.context)
    desk.wait(minutes=1)
    assert desk.fire().leases == []  # the retry is brought forward
    (second,) = [each for each in desk.rows(schema.deliveries) if each["waits_for"]]
    assert again(desk, second["id"]) == [Resending.IN_LINE]
    (lease,) = desk.lease()
    desk.record(lease, Outcome.GONE)
    assert row(desk, first.delivery_id)["hurried_at"] is not None
    (lease,) = desk.lease()
    desk.record(lease, Outcome.DELIVERED)
    assert again(desk, first.delivery_id) == [Resending.PENDING_AGAIN]
    assert row(desk, first.delivery_id)["hurried_at"] is None
    (lease,) = desk.lease()
    desk.wait(minutes=1)
    assert desk.fire().leases == []
    desk.record(lease, Outcome.REJECTED)
    (third,) = desk.lease()
    assert third.delivery_id not in (first.delivery_id, second["id"])


# --- what stays unsent


@pytest.mark.parametrize("how", ["acknowledge", "hold", "resolve", "reroute", "reopen"])
def test_what_belongs_to_a_stopped_escalation_stays_unsent(ops: Desk, how: str) -> None:
    """What was cancelled, and what had failed before, however it was stopped, and reopened or not."""
    lost = failed(ops)
    ops.wait(minutes=10)
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.REJECTED)
    match how:
        case "hold":
            ops.change(hold, 1, until=timedelta(hours=1), actor=ALICE)
        case "resolve":
            ops.change(resolve, 1, actor=ALICE)
        case "reroute":
            ops.change(reroute, 1, routing_key="db", actor=ALICE)
        case _:
            ops.change(acknowledge, 1, actor=ALICE)
    if how == "reopen":
        ops.change(reopen, 1, actor=ALICE)
    before = ops.rows(schema.deliveries)

    assert again(ops, lost, lease.delivery_id) == ["stale_escalation"] * 2
    assert ops.rows(schema.deliveries) == before
    with pytest.raises(StaleEscalation, match="reopen incident 1") as refused:
        ops.do(send_one_again, lost, actor=ALICE)
    assert refused.value.fields == {"delivery": id_text(DELIVERY, lost), "incident": 1}


def test_an_escalation_that_has_fired_its_last_step_was_not_stopped(ops: Desk) -> None:
    """What failed of it is what a person sends again, as nobody is left to page."""
    lost = failed(ops)
    ops.wait(minutes=10)
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.GONE)
    assert ops.incident(1).nobody_left_since is not None
    assert again(ops, lost, lease.delivery_id) == [Resending.PENDING_AGAIN] * 2


def test_a_webhook_that_is_not_called_any_more_is_the_reason(ops: Desk) -> None:
    """Disabled: until it is enabled; deleted: for ever."""
    lost, done = failed(ops), delivered(ops, "other")
    ops.configure({}, disabled=["a"])
    assert again(ops, lost, done) == ["webhook_disabled"] * 2
    with pytest.raises(DisabledWebhook, match="enable it"):
        ops.do(send_one_again, lost, actor=ALICE)
    ops.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    assert again(ops, lost) == [Resending.PENDING_AGAIN]
    ops.configure({}, prune=True)
    assert again(ops, done) == ["webhook_deleted"]
    with pytest.raises(DeletedWebhook):
        ops.do(send_one_again, done, actor=ALICE)


def test_one_that_is_refused_spoils_nothing_for_the_others(ops: Desk) -> None:
    """Nor does one that does not exist; results come in the order of the wishes."""
    stale, good = failed(ops), failed(ops, "other")
    ops.change(acknowledge, 1, actor=ALICE)
    assert again(ops, good, 7, stale, good) == [
        Resending.PENDING_AGAIN,
        "delivery_not_found",
        "stale_escalation",
    ]
    with pytest.raises(DeliveryNotFound):
        ops.do(send_one_again, 7, actor=ALICE)
    assert ops.do(send_again, [], actor=ALICE) == []


# --- tests


def test_a_test_is_sent_again_as_a_test(ops: Desk) -> None:
    """Also to a webhook that is disabled: a failed one once more, a delivered one anew."""
    id_ = a_test(ops)
    (lease,) = ops.lease()
    ops.record(lease, Outcome.REJECTED, status=500)
    assert row(ops, id_)["state"] == "failed"
    ops.configure({}, disabled=["a"])
    assert again(ops, id_) == [Resending.PENDING_AGAIN]
    (lease,) = ops.lease()
    assert (lease.delivery_id, lease.attempt, lease.is_test) == (id_, 2, True)
    ops.record(lease, Outcome.DELIVERED)
    copy = ops.do(send_one_again, id_, actor=ALICE).delivery
    assert (row(ops, copy)["incident"], row(ops, copy)["resend_of"]) == (None, id_)


# --- who wanted it


def test_who_wanted_it_is_on_the_timeline_and_in_the_audit(ops: Desk) -> None:
    """With what became of the wish; and no configuration has changed."""
    lost, done = failed(ops), delivered(ops, "other")
    before = ops.read(revision)
    ops.do(send_one_again, lost, actor=ALICE)
    copy = ops.do(send_one_again, done, actor=ALICE).delivery

    (entry,) = [each for each in ops.timeline(1) if each.kind is Kind.SENT_AGAIN]
    assert (entry.actor, entry.at) == (ALICE, ops.now)
    assert entry.text == (
        f"{id_text(DELIVERY, lost)} to a, which had failed, is sent again by alice."
    )
    (entry,) = [each for each in ops.timeline(2) if each.kind is Kind.SENT_AGAIN]
    assert entry.detail == {
        "delivery": id_text(DELIVERY, done),
        "webhook": "a",
        "resending": "new_delivery",
        "new_delivery": id_text(DELIVERY, copy),
    }
    assert ("timeline", 2) in [each[:2] for each in ops.news.feed]
    second, first, *_ = ops.read(list_changes)
    assert (first.actor, first.action, first.object) == (
        *(ALICE, "delivery.sent_again"),
        id_text(DELIVERY, lost),
    )
    assert first.after == {"resending": "pending_again"}
    assert second.after == {
        "resending": "new_delivery",
        "new_delivery": id_text(DELIVERY, copy),
    }
    assert ops.read(revision) == before


def test_why_tells_of_it(ops: Desk) -> None:
    """What a person can do about a failure, what a copy is, and where it stands."""
    lost, done = failed(ops), delivered(ops, "other")
    told = ops.ask(why, id_text(DELIVERY, lost), now=ops.now).text
    assert "It can be sent again by hand." in told
    copy = ops.do(send_one_again, done, actor=ALICE).delivery
    assert (
        f"Made by hand, to send {id_text(DELIVERY, done)} once more."
        in ops.ask(why, id_text(DELIVERY, copy), now=ops.now).text
    )
    of_incident = ops.ask(why, "#2", now=ops.now).text
    assert f"is sent once more by alice, as {id_text(DELIVERY, copy)}." in of_incident
    assert f"a: pending ({id_text(DELIVERY, copy)})." in of_incident
