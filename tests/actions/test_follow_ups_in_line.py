"""When follow-ups leave: behind the pages that they follow, in their order, or not at all."""

import pytest
from tests.actions.desk import Desk
from tests.actions.test_follow_ups import (
    ALICE,
    ALL,
    configure,
    delivered,
    entries,
    follow_ups,
    ops,
    paged,
    tells,
)

from tocsin.actions.deliver import record_attempts, take_over
from tocsin.actions.incidents import acknowledge, reopen, resolve
from tocsin.domain.answer_action import AskedAction
from tocsin.domain.incident import Action, Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema

__all__ = ["ops"]


def test_it_waits_for_the_attempt_that_is_under_way(ops: Desk) -> None:
    """The acknowledgement may come from that very receiver, before it answers."""
    page = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    assert ops.lease() == []
    (entry,) = entries(ops, Kind.ACKNOWLEDGED)
    assert entry.detail["in_flight_at_acknowledge"] == 1
    ops.record(page, Outcome.DELIVERED)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.CONNECTION_LOST, Outcome.REJECTED])
def test_it_follows_an_attempt_that_failed_after_its_first_byte(
    ops: Desk, outcome: Outcome
) -> None:
    """The receiver may have got it. The page itself is over."""
    page = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.record(page, outcome)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]
    assert ops.deliveries()[0] == ("a", "cancelled", "acknowledged")


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.CONNECTION_REFUSED])
def test_it_is_not_sent_when_that_attempt_never_wrote_a_byte(ops: Desk, outcome: Outcome) -> None:
    """Acknowledged between lease and first byte: nobody was paged, so there is nothing to follow."""
    page = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(resolve, 1, actor=ALICE)
    ops.record(page, outcome)
    assert follow_ups(ops) == [
        ("acknowledged", "cancelled", "no_page_left"),
        ("resolved", "cancelled", "no_page_left"),
    ]
    assert ops.lease() == []
    assert all(row["waits_for"] is None for row in ops.rows(schema.deliveries))


def test_after_a_crash_the_receiver_may_have_got_it(ops: Desk) -> None:
    """So it is told."""
    paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.run_id = 2
    with ops.database.write() as tx:
        take_over(tx, ops.now, run_id=2, limit=9)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]
    assert ops.deliveries()[0] == ("a", "cancelled", "acknowledged")


def test_it_waits_for_every_page_under_way(ops: Desk) -> None:
    """One page's retry, and the page of the next step."""
    first = paged(ops)
    ops.record(first, Outcome.TIMED_OUT)
    ops.wait(minutes=1)
    ops.fire()
    (hurried,) = ops.lease()
    ops.record(hurried, Outcome.TIMED_OUT)
    (second,) = ops.lease()
    ops.wait(seconds=6)
    (again,) = ops.lease()
    assert again.delivery_id == first.delivery_id
    ops.change(acknowledge, 1, actor=ALICE)
    waiting = [row for row in ops.rows(schema.deliveries) if row["follow_up"]]
    of_a = next(row for row in waiting if row["webhook_id"] == second.webhook_id)
    assert of_a["waits_for"] == second.delivery_id
    ops.record(second, Outcome.DELIVERED)
    assert ops.lease() == []
    ops.record(again, Outcome.DELIVERED)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]


def test_a_change_while_another_is_told_comes_after_it(ops: Desk) -> None:
    """Both are sent, in their order."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    (told,) = ops.lease()
    ops.change(resolve, 1, actor=ALICE)
    assert ops.lease() == []
    ops.record(told, Outcome.DELIVERED)
    assert tells(ops) == ["RECOVERY"]


def test_what_failed_is_tried_once_more_and_then_superseded(ops: Desk) -> None:
    """A receiver never hears of an older change after a newer one, and waits for no back-off."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    (told,) = ops.lease()
    ops.record(told, Outcome.REJECTED)
    ops.change(resolve, 1, actor=ALICE)
    (hurried,) = ops.lease()
    assert hurried.delivery_id == told.delivery_id
    ops.record(hurried, Outcome.REJECTED)
    assert follow_ups(ops) == [
        ("acknowledged", "cancelled", "superseded"),
        ("resolved", "pending", None),
    ]
    assert tells(ops) == ["RECOVERY"]
    ops.wait(hours=1)
    assert ops.lease() == []


def test_a_page_supersedes_what_was_told_before_it(desk: Desk) -> None:
    """A status page would show an acknowledged incident that is triggered again."""
    configure(desk, follow_up=["acknowledged"])
    delivered(desk)
    desk.change(acknowledge, 1, actor=ALICE)
    (told,) = desk.lease()
    desk.record(told, Outcome.REJECTED)
    desk.change(reopen, 1, actor=ALICE)
    desk.fire()
    assert tells(desk, Outcome.GONE) == ["ACKNOWLEDGEMENT", "CRITICAL"]


def test_each_newer_change_has_an_older_one_tried_again(ops: Desk) -> None:
    """Also one that was hurried before, for a page that was cancelled since."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    (told,) = ops.lease()
    ops.record(told, Outcome.REJECTED)
    ops.change(reopen, 1, actor=ALICE)  # hurries it
    ops.change(acknowledge, 1, actor=ALICE)  # takes back what did
    (hurried,) = ops.lease()
    ops.record(hurried, Outcome.INTERRUPTED)
    (again,) = ops.lease()
    ops.record(again, Outcome.REJECTED)
    assert follow_ups(ops) == [
        ("acknowledged", "cancelled", "superseded"),
        ("reopened", "cancelled", "acknowledged"),
        ("acknowledged", "pending", None),
    ]


def test_whoever_takes_care_stops_what_would_call_people(ops: Desk) -> None:
    """That it was reopened is told no more once somebody has it; that it was acknowledged stays true."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]
    ops.change(reopen, 1, actor=ALICE)
    (told,) = ops.lease()
    ops.change(acknowledge, 1, actor=ALICE)
    assert ops.news.cancelled == [(told.delivery_id, 1)]
    ops.record(told, Outcome.TIMED_OUT)
    ops.change(resolve, 1, actor=ALICE)
    assert follow_ups(ops)[1:] == [
        ("reopened", "cancelled", "acknowledged"),
        ("acknowledged", "pending", None),
        ("resolved", "pending", None),
    ]
    assert tells(ops) == ["ACKNOWLEDGEMENT", "RECOVERY"]


def test_it_is_never_too_late_to_be_told(desk: Desk) -> None:
    """A late page is of no use; a status page is wrong until it hears of the recovery."""
    configure(desk, follow_up=ALL, skip_if_late="1m")
    delivered(desk)
    desk.change(resolve, 1, actor=ALICE)
    desk.wait(hours=1)
    assert tells(desk) == ["RECOVERY"]


def test_a_page_that_was_too_late_holds_up_nothing(desk: Desk) -> None:
    """It has ended without an attempt: nothing comes behind it."""
    configure(desk, follow_up=["resolved"], skip_if_late="1m")
    delivered(desk)
    desk.wait(minutes=1)
    desk.fire(room=0)
    desk.wait(minutes=5)
    assert desk.lease() == []
    desk.change(resolve, 1, actor=ALICE)
    assert tells(desk) == ["RECOVERY"]


def test_a_receiver_that_acts_by_its_answer_is_told_what_it_did(desk: Desk) -> None:
    """And so is one whose page failed in the same batch; in the transaction that records both."""
    desk.configure(
        {"main": [("0s", ["a", "b"])]},
        keys={"db": ["main"]},
        options={"answer_may_act": "true", "follow_up": ALL},
    )
    desk.opened()
    failed, answered = desk.fire().leases
    acting = desk.result(answered, Outcome.DELIVERED, status=200)
    with desk.database.write() as tx:
        results = [
            desk.result(failed, Outcome.REJECTED, status=500),
            acting._replace(answer=AskedAction(Action.ACKNOWLEDGE)),
        ]
        record_attempts(tx, results, desk.context)
    assert desk.incident(1).status is Status.ACKNOWLEDGED
    assert desk.deliveries() == [
        ("a", "cancelled", "acknowledged"),
        ("b", "delivered", "delivered"),
        ("a", "pending", None),
        ("b", "pending", None),
    ]
    assert tells(desk) == ["ACKNOWLEDGEMENT", "ACKNOWLEDGEMENT"]
