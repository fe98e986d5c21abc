"""Two transactions at once, interleaved by hand: the second begins while the first is not committed.

Only PostgreSQL lets them overlap; SQLite has one writer, and the second simply comes after the first.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import pytest
import sqlalchemy as sa
from tests.actions.desk import Desk

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import lease, record_attempts
from tocsin.actions.end_holds import end_holds
from tocsin.actions.escalate import escalate, fire
from tocsin.actions.incidents import Refused, acknowledge, hold, resolve
from tocsin.actions.ingest import ingest
from tocsin.actions.send_again import NotSentAgain, SentAgain, send_again
from tocsin.actions.webhooks import update_webhook
from tocsin.domain.answer_action import AskedAction
from tocsin.domain.incident import Action, Effect, Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.send_again import Resending
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease
from tocsin.store.escalations import claim_due
from tocsin.store.schema import to_micros

R = TypeVar("R")
ALICE = "token:alice"
pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure({"main": [("0s", ["a"]), ("10m", ["b"])]}, keys={"db": ["main"]})
    return desk


@contextmanager
def while_open(desk: Desk, first: Callable[[Tx], object]) -> Iterator["Second"]:
    """Do `first`, let the block start a second transaction, and only then commit the first."""
    with ThreadPoolExecutor(1) as threads:
        second = Second(desk, threads)
        with desk.database.write() as tx:
            first(tx)
            yield second


class Second:
    """The second transaction, in a thread of its own."""

    def __init__(self, desk: Desk, threads: ThreadPoolExecutor) -> None:
        self._desk = desk
        self._threads = threads

    def waits(self, work: Callable[[], R]) -> "Future[R]":
        """Start `work`; return once it waits for the first transaction."""
        future = self._threads.submit(work)
        while not self._is_waiting():
            assert not future.done(), f"it did not wait: {future.exception() or future.result()}"
        return future

    def does(self, work: Callable[[], R]) -> R:
        """Do `work`, which waits for nobody."""
        return self._threads.submit(work).result(timeout=20)

    def _is_waiting(self) -> bool:
        with self._desk.database.read() as tx:
            return bool(tx.core.scalar(sa.text("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1")))


def test_an_attempt_that_fails_during_an_acknowledgement_is_not_tried_again(ops: Desk) -> None:
    """Its outcome waits for the acknowledgement, and sees it."""
    ops.opened()
    (leased,) = ops.fire().leases
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        recorded = second.waits(lambda: ops.record(leased, Outcome.REJECTED))
    assert recorded.result().cancelled == 1
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]


def test_an_acknowledgement_during_the_recording_of_a_failure_cancels_the_retry(ops: Desk) -> None:
    """It waits for the record, and finds a delivery that waits for its next attempt."""
    ops.opened()
    (leased,) = ops.fire().leases
    result = ops.result(leased, Outcome.REJECTED)
    with while_open(ops, lambda tx: record_attempts(tx, [result], ops.context)) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]


def test_a_webhook_that_is_being_enabled_is_not_disabled_for_what_was_before(ops: Desk) -> None:
    """An attempt that ends meanwhile waits for the change, and is the first that is counted."""
    leases = []
    for entity_id in "1234":
        ops.opened(entity_id)
        leases += ops.fire(slots=9).leases
    for lease_ in leases[:3]:
        ops.record(lease_, Outcome.GONE)
        ops.wait(minutes=5)

    def enable(tx: Tx) -> None:
        update_webhook(tx, "a", enabled=True, editor=ops.alice.editor)

    with while_open(ops, enable) as second:
        recorded = second.waits(lambda: ops.record(leases[3], Outcome.GONE))
    assert recorded.result().disabled == ()
    (row,) = ops.rows(schema.webhook_failures)
    assert row["gone"] == 1


def test_nothing_is_leased_during_an_acknowledgement(ops: Desk) -> None:
    """What it is about to cancel is passed over, and so is not sent when it has committed."""
    ops.opened()
    ops.fire(room=0)
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        assert second.does(ops.lease) == []
    assert ops.lease() == []


def test_an_acknowledgement_during_a_lease_counts_it_as_in_flight(ops: Desk) -> None:
    """And makes that attempt the last one."""
    ops.opened()
    ops.fire(room=0)
    with while_open(
        ops, lambda tx: lease(tx, ops.context(tx), limit=9, sending=ops.sending())
    ) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ops.deliveries() == [("a", "sending", "acknowledged")]
    entries = [each.detail for each in ops.timeline(1)]
    assert {"in_flight_at_acknowledge": 1} in entries


def test_no_step_fires_during_an_acknowledgement(ops: Desk) -> None:
    """Steps of other incidents do."""
    ops.opened("1")
    ops.opened("2")
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        assert [each.incident for each in second.does(ops.fire).leases] == [2]
    assert ops.fire().claimed == 0


def test_a_step_claimed_before_an_acknowledgement_waits_for_it_and_does_nothing(ops: Desk) -> None:
    """Its update waits, and then finds the escalation stopped; another incident's step fires."""
    ops.opened("1")
    ops.opened("2")
    with ops.database.write() as tx:
        claimed = claim_due(tx, to_micros(ops.now), limit=9)
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        firing = second.waits(lambda: ops.do(fire, claimed, sending=ops.sending()))
    fired = firing.result()
    assert (fired.claimed, fired.stale) == (2, 1)
    assert [each.incident for each in fired.leases] == [2]


def test_an_acknowledgement_while_a_step_fires_stops_what_it_made(ops: Desk) -> None:
    """It waits for the step, then cancels its deliveries and the steps that were to follow."""
    ops.opened()
    with while_open(
        ops,
        lambda tx: escalate(tx, ops.context(tx), limit=9, sending=ops.sending(room=0)),
    ) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]
    ops.wait(hours=1)
    assert ops.fire().claimed == 0


def test_two_nodes_may_call_a_new_webhook_at_once(ops: Desk) -> None:
    """The second waits for the lane that the first makes, and counts on from there."""
    ops.opened("1")
    ops.opened("2")
    with while_open(
        ops, lambda tx: escalate(tx, ops.context(tx), limit=1, sending=ops.sending(slots=1))
    ) as second:
        fired = second.waits(lambda: ops.fire(slots=1))
    assert (fired.result().claimed, fired.result().leases) == (1, [])
    assert [row["in_flight"] for row in ops.rows(schema.lanes)] == [1]


def test_a_step_that_one_node_fires_is_passed_over_by_another(ops: Desk) -> None:
    """It fires once."""
    ops.opened()
    with while_open(
        ops, lambda tx: escalate(tx, ops.context(tx), limit=9, sending=ops.sending())
    ) as second:
        assert second.does(ops.fire).claimed == 0
    assert ops.fire().claimed == 0
    assert len(ops.deliveries()) == 1


def test_two_alerts_about_one_entity_open_one_incident(ops: Desk) -> None:
    """The second waits for the first, and rolls up."""
    alert = ops.make()
    with while_open(ops, lambda tx: ingest(tx, [alert], ops.context(tx))) as second:
        later = second.waits(ops.alert)
    assert (later.result().effect, later.result().incident) == (Effect.ROLLED_UP, 1)


def test_alerts_about_other_entities_wait_only_for_the_next_number(ops: Desk) -> None:
    """None is given twice."""
    alert = ops.make(entity_id="1")
    with while_open(ops, lambda tx: ingest(tx, [alert], ops.context(tx))) as second:
        later = second.waits(lambda: ops.alert(entity_id="2"))
    assert later.result().incident in {1, 2}
    assert [ops.incident(number).entity_id for number in (1, 2)] == ["1", "2"]


def test_an_alert_during_a_resolution_opens_a_new_incident(ops: Desk) -> None:
    """It waits, and finds nothing open."""
    ops.opened()
    with while_open(ops, lambda tx: resolve(tx, ops.context(tx), [1], actor=ALICE)) as second:
        later = second.waits(ops.alert)
    assert (later.result().effect, later.result().incident) == (Effect.OPENED, 2)


def test_a_hold_that_one_node_ends_is_passed_over_by_another(ops: Desk) -> None:
    """Its policies start once."""
    ops.opened()
    ops.change(hold, 1, until=timedelta(minutes=1), actor=ALICE)
    ops.wait(minutes=1)
    with while_open(ops, lambda tx: end_holds(tx, ops.context(tx), limit=9)) as second:
        assert second.does(ops.end_holds) == 0
    assert ops.incident(1).status is Status.TRIGGERED
    assert len(ops.shown(1).escalations) == 2


def answer_of(ops: Desk, leased: Lease) -> AttemptResult:
    """A receiver resolves the incident by its answer."""
    answer = AskedAction(Action.RESOLVE)
    return ops.result(leased, Outcome.DELIVERED, status=200)._replace(answer=answer)


def test_an_answer_during_an_acknowledgement_comes_too_late(ops: Desk) -> None:
    """Its record waits for the person's, and sees it."""
    ops.configure(
        {"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options={"answer_may_act": "true"}
    )
    ops.opened()
    (leased,) = ops.fire().leases

    def record() -> tuple[str, ...]:
        with ops.database.write() as tx:
            return record_attempts(tx, [answer_of(ops, leased)], ops.context).answers

    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        answers = second.waits(record)
    assert answers.result() == ("stale_escalation",)
    assert ops.incident(1).status is Status.ACKNOWLEDGED


def test_an_acknowledgement_during_the_record_of_an_answer_waits_for_it(ops: Desk) -> None:
    """It locks the incident first, as everybody does; the person is told what the receiver did."""
    ops.configure(
        {"main": [("0s", ["a", "b"])]}, keys={"db": ["main"]}, options={"answer_may_act": "true"}
    )
    ops.opened()
    leased, *_ = ops.fire().leases
    with while_open(
        ops, lambda tx: record_attempts(tx, [answer_of(ops, leased)], ops.context)
    ) as second:
        refused = second.waits(lambda: ops.do(acknowledge, [1], actor=ALICE))
    (result,) = refused.result()
    assert isinstance(result, Refused)
    assert ops.incident(1).status is Status.RESOLVED


def failed_delivery(desk: Desk) -> int:
    desk.opened()
    (leased,) = desk.fire().leases
    desk.record(leased, Outcome.GONE)
    return leased.delivery_id


def test_what_is_sent_again_during_an_acknowledgement_stays_unsent(ops: Desk) -> None:
    """The wish waits for the acknowledgement, and comes too late."""
    id_ = failed_delivery(ops)
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        wish = second.waits(lambda: ops.do(send_again, [id_], actor=ALICE))
    (result,) = wish.result()
    assert isinstance(result, NotSentAgain)
    assert result.refusal.code == "stale_escalation"
    assert ops.deliveries() == [("a", "failed", "final_outcome")]


def test_an_acknowledgement_during_the_wish_cancels_what_was_to_be_sent(ops: Desk) -> None:
    """It waits for the wish, and finds a delivery that waits."""
    id_ = failed_delivery(ops)
    with while_open(ops, lambda tx: send_again(tx, ops.context(tx), [id_], actor=ALICE)) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]
    assert ops.lease() == []


def test_two_who_want_the_same_get_it_once(ops: Desk) -> None:
    """The second waits for the first, and finds that it is due already."""
    id_ = failed_delivery(ops)
    with while_open(ops, lambda tx: send_again(tx, ops.context(tx), [id_], actor=ALICE)) as second:
        wish = second.waits(lambda: ops.do(send_again, [id_], actor="token:bob"))
    (result,) = wish.result()
    assert isinstance(result, SentAgain)
    assert result.resending is Resending.DUE_ALREADY
