"""What was delivered is sent once more: as a new delivery, which is no delivery of its step."""

from tests.actions.desk import Desk
from tests.actions.test_send_again import a_test, again, delivered, ops, row

from tocsin.actions.incidents import acknowledge
from tocsin.actions.send_again import send_one_again
from tocsin.actions.show_deliveries import show_deliveries
from tocsin.domain.outcome import Outcome
from tocsin.domain.send_again import Resending
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store.backlog import oldest_unsent

__all__ = ["ops"]
ALICE = "token:alice"


def test_what_was_delivered_becomes_a_new_delivery(ops: Desk) -> None:
    """With an id of its own, the same body, and marked everywhere; the first one stays as it was."""
    id_ = delivered(ops)
    before = row(ops, id_)
    ops.wait(minutes=1)
    sent = ops.do(send_one_again, id_, actor=ALICE)

    assert sent.resending is Resending.NEW_DELIVERY
    assert row(ops, id_) == before
    copy = row(ops, sent.delivery)
    assert (copy["resend_of"], copy["body_id"]) == (id_, before["body_id"])
    assert (copy["incident"], copy["escalation"], copy["step"]) == (1, None, None)
    assert (copy["state"], copy["attempts"]) == ("pending", 0)
    assert copy["planned_at"] == copy["created_at"] == copy["due_at"] == ops.now
    (lease,) = ops.lease()
    assert (lease.delivery_id, lease.attempt, lease.incident) == (sent.delivery, 1, 1)
    (line,) = ops.read(show_deliveries, incident=1, limit=1)
    assert line.step is not None
    assert (line.step.policy, str(line.step.place)) == ("ops/main", "step 1 of 2")


def test_every_copy_names_the_first_one(ops: Desk) -> None:
    """Also a copy of a copy; and there may be many."""
    id_ = delivered(ops)
    copies: list[int] = []
    for _ in range(2):
        copies.append(ops.do(send_one_again, (copies or [id_])[-1], actor=ALICE).delivery)
        (lease,) = ops.lease()
        ops.record(lease, Outcome.DELIVERED)
    assert [row(ops, each)["resend_of"] for each in copies] == [id_, id_]
    third = ops.do(send_one_again, id_, actor=ALICE).delivery
    assert row(ops, third)["resend_of"] == id_


def test_a_copy_that_failed_is_sent_again_as_any_other(ops: Desk) -> None:
    """Under its own id, whatever became of its incident's escalation."""
    id_ = delivered(ops)
    copy = ops.do(send_one_again, id_, actor=ALICE).delivery
    (lease,) = ops.lease()
    ops.record(lease, Outcome.GONE)
    assert again(ops, copy) == [Resending.PENDING_AGAIN]
    (lease,) = ops.lease()
    assert (lease.delivery_id, lease.attempt) == (copy, 2)


def test_a_copy_is_no_delivery_of_its_step(ops: Desk) -> None:
    """The step called one webhook once; nor does a copy that waits make the server unready."""
    id_ = delivered(ops)
    ops.do(send_one_again, id_, actor=ALICE)
    (paged,) = [each for each in ops.timeline(1) if each.kind is Kind.PAGED]
    assert [each["delivery"] for each in paged.detail["deliveries"]] == [id_text(DELIVERY, id_)]
    assert ops.read(oldest_unsent) is None
    a_test(ops)
    assert ops.read(oldest_unsent) == ops.now


def test_acknowledging_cancels_a_copy(ops: Desk) -> None:
    """It is a page like any other; and what was cancelled stays so."""
    id_ = delivered(ops)
    copy = ops.do(send_one_again, id_, actor=ALICE).delivery
    ops.change(acknowledge, 1, actor=ALICE)
    assert row(ops, copy)["end_reason"] == "acknowledged"
    assert ops.lease() == []
    assert again(ops, copy) == ["stale_escalation"]
    assert again(ops, id_) == [Resending.NEW_DELIVERY]
