"""Follow-ups that somebody wants sent again."""

from tests.actions.desk import Desk
from tests.actions.test_follow_ups import ALICE, delivered, follow_ups, ops, paged, tells
from tests.actions.test_send_again import again, row

from tocsin.actions.incidents import acknowledge, reopen, resolve
from tocsin.actions.why import why
from tocsin.domain.outcome import Outcome
from tocsin.domain.send_again import Resending
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema

__all__ = ["ops"]


def failed(desk: Desk) -> int:
    """The id of a follow-up that was given up."""
    delivered(desk)
    desk.change(acknowledge, 1, actor=ALICE)
    (told,) = desk.lease()
    desk.record(told, Outcome.GONE)
    return told.delivery_id


def ids(desk: Desk) -> list[int]:
    return [each["id"] for each in desk.rows(schema.deliveries) if each["follow_up"]]


def test_one_that_failed_is_sent_again_while_it_is_so(ops: Desk) -> None:
    """Under its id; not when the incident has changed since."""
    id_ = failed(ops)
    assert again(ops, id_) == [Resending.PENDING_AGAIN]
    (told,) = ops.lease()
    assert (told.delivery_id, told.attempt) == (id_, 2)
    ops.record(told, Outcome.GONE)
    ops.change(reopen, 1, actor=ALICE)
    assert again(ops, id_) == ["stale_follow_up"]
    ops.change(acknowledge, 1, actor=ALICE)
    assert again(ops, id_) == [Resending.PENDING_AGAIN]


def test_one_that_is_over_is_refused(ops: Desk) -> None:
    """No page had left, so that nobody waits for it."""
    page = paged(ops)
    ops.change(resolve, 1, actor=ALICE)
    ops.record(page, Outcome.CANCELLED)
    assert follow_ups(ops) == [("resolved", "cancelled", "no_page_left")]
    assert again(ops, *ids(ops)) == ["stale_follow_up"]


def test_one_that_was_delivered_becomes_a_new_delivery(ops: Desk) -> None:
    """Of the same body, and no follow-up: nothing counts it as one."""
    delivered(ops)
    ops.change(resolve, 1, actor=ALICE)
    assert tells(ops) == ["RECOVERY"]
    (id_,) = ids(ops)
    assert again(ops, id_) == [Resending.NEW_DELIVERY]
    assert ids(ops) == [id_]
    (told,) = ops.lease()
    assert (row(ops, told.delivery_id)["resend_of"], told.body_id) == (
        id_,
        row(ops, id_)["body_id"],
    )


def test_why_says_what_it_follows_and_why_it_ended(ops: Desk) -> None:
    """On one screen."""
    page = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    (id_,) = ids(ops)
    text = ops.ask(why, id_text(DELIVERY, id_), now=ops.now).text
    assert "Made to follow the page of incident #1, when that was acknowledged." in text
    assert (
        "Attempt 1 to a is made as soon as that of an earlier page of its incident has ended."
        in text
    )
    ops.record(page, Outcome.CANCELLED)
    text = ops.ask(why, id_text(DELIVERY, id_), now=ops.now).text
    assert "Nothing: the page that it was to follow was stopped before its first byte." in text
    assert "a is told that it was acknowledged." in ops.ask(why, "#1", now=ops.now).text
