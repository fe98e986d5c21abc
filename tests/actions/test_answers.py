"""What receivers' answers do, in the transaction that records their attempts."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.actions.desk import Desk
from tests.actions.test_batches import picture, tables

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import Recorded, record_attempts
from tocsin.actions.incidents import acknowledge, reopen
from tocsin.actions.send_test import send_test
from tocsin.domain.answer_action import AnswerDecision, AskedAction
from tocsin.domain.incident import Action, Status
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.deliveries import Lease

ALICE = "token:alice"
ACKNOWLEDGE = AskedAction(Action.ACKNOWLEDGE)
RESOLVE = AskedAction(Action.RESOLVE)
HOLD = AskedAction(Action.HOLD, timedelta(minutes=30), "Looking at it")
STEPS = {"main": [("0s", ["a", "b", "c"]), ("10m", ["a"])]}


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Three webhooks whose answers may act, called at once; and one of them again."""
    desk.configure(STEPS, keys={"db": ["main"]}, options={"answer_may_act": "true"})
    return desk


def paged(desk: Desk, entity_id: str = "disk") -> list[Lease]:
    desk.opened(entity_id)
    return desk.fire(slots=100).leases


def answered(desk: Desk, lease: Lease, answer: AskedAction | AnswerDecision) -> AttemptResult:
    return desk.result(lease, Outcome.DELIVERED, status=200)._replace(answer=answer)


def record(desk: Desk, *results: AttemptResult) -> Recorded:
    with desk.database.write() as tx:
        recorded = record_attempts(tx, results, desk.context)
    desk.news = tx.news
    return recorded


def detail(desk: Desk) -> list[str | None]:
    return [row["detail"] for row in desk.rows(schema.attempts)]


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        (ACKNOWLEDGE, Status.ACKNOWLEDGED, "Acknowledged by webhook a, in its answer to dlv_"),
        (RESOLVE, Status.RESOLVED, "Resolved by webhook a, in its answer to dlv_"),
        (HOLD, Status.ACKNOWLEDGED, "Held by webhook a until 2026-03-01 09:30:00"),
    ],
)
def test_an_answer_acts_as_its_webhook(
    ops: Desk, asked: AskedAction, status: Status, text: str
) -> None:
    """Escalation and waiting deliveries stop with it, as they do for a person."""
    first, second, third = paged(ops)
    ops.record(second, Outcome.REJECTED)
    assert record(ops, answered(ops, first, asked)).answers == (AnswerDecision.ACTED,)

    incident = ops.incident(1)
    assert incident.status is status
    told = [each for each in ops.timeline(1) if each.actor == "webhook:a"]
    assert [each.detail["webhook"] for each in told] == ["a"]
    assert told[0].text.startswith(text)
    assert told[0].text.endswith("1 attempt was under way and could not be recalled.")
    assert [state for _, state, _ in ops.deliveries()] == ["delivered", "cancelled", "sending"]
    assert ops.news.cancelled == [(third.delivery_id, 1)]
    ops.wait(minutes=10)
    assert ops.fire().leases == []


def test_a_hold_ends(ops: Desk) -> None:
    """After the minutes that were asked for; its message is on the timeline."""
    lease, *others = paged(ops)
    record(ops, answered(ops, lease, HOLD))
    record(ops, *(ops.result(other, Outcome.REJECTED) for other in others))
    assert ops.incident(1).held_until == ops.now + timedelta(minutes=30)
    assert any("who says: Looking at it" in each.text for each in ops.timeline(1))
    ops.wait(minutes=30)
    assert ops.end_holds() == 1
    assert len(ops.fire().leases) == 3


def test_a_webhook_holds_an_incident_three_times(ops: Desk) -> None:
    """The fourth is refused, with the reason; another webhook has its own three."""
    decisions: list[AnswerDecision] = []
    lease, *others = paged(ops)
    for _ in range(4):
        decisions += record(ops, answered(ops, lease, HOLD)).answers
        if decisions[-1] is AnswerDecision.ACTED:
            record(ops, *(ops.result(other, Outcome.REJECTED) for other in others))
            ops.wait(minutes=30)
            ops.end_holds()
            lease, *others = ops.fire(slots=100).leases
    assert decisions == ["acted", "acted", "acted", "hold_limit"]
    assert ops.incident(1).status is Status.TRIGGERED
    assert record(ops, answered(ops, others[0], HOLD)).answers == ("acted",)


def test_the_last_step_may_have_fired(desk: Desk) -> None:
    """An escalation without steps to come still pages until somebody acts."""
    desk.configure(
        {"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options={"answer_may_act": "true"}
    )
    (lease,) = paged(desk)
    assert record(desk, answered(desk, lease, ACKNOWLEDGE)).answers == ("acted",)
    assert desk.incident(1).nobody_left_since is None


def test_what_belongs_to_a_stopped_escalation_does_nothing(ops: Desk) -> None:
    """Acknowledged or reopened meanwhile: kept with the reason, and delivered all the same."""
    first, second, _ = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    assert record(ops, answered(ops, first, RESOLVE)).answers == ("stale_escalation",)
    assert ops.incident(1).status is Status.ACKNOWLEDGED
    ops.change(reopen, 1, actor=ALICE)
    assert record(ops, answered(ops, second, RESOLVE)).answers == ("stale_escalation",)
    assert ops.incident(1).status is Status.TRIGGERED
    assert [state for _, state, _ in ops.deliveries()][:2] == ["delivered", "delivered"]
    assert any("had been stopped by then" in each.text for each in ops.timeline(1))


def test_a_webhook_that_may_not_any_more_does_nothing(ops: Desk) -> None:
    """What holds when the attempt is recorded decides."""
    lease, *_ = paged(ops)
    ops.configure(STEPS, keys={"db": ["main"]}, options={"answer_may_act": "false"})
    assert record(ops, answered(ops, lease, ACKNOWLEDGE)).answers == ("not_allowed",)
    assert ops.incident(1).status is Status.TRIGGERED


def test_a_test_is_about_no_incident(ops: Desk) -> None:
    """Its answer is kept with the reason."""
    with ops.database.write() as tx:
        context = ops.context(tx)
        webhook, *_ = context.configuration.webhooks.values()
        send_test(tx, context, webhook, actor="alice", organisation="example-org")
    (lease,) = ops.lease()
    assert record(ops, answered(ops, lease, ACKNOWLEDGE)).answers == ("no_incident",)


def test_what_came_of_an_answer_is_kept_with_its_attempt(ops: Desk) -> None:
    """Beside what else is known of it; an attempt that was not asked keeps nothing more."""
    first, second, third = paged(ops)
    known = answered(ops, first, AnswerDecision.NOT_SECURE)._replace(detail='{"address":"::1"}')
    record(ops, known, answered(ops, second, ACKNOWLEDGE))
    ops.record(third, Outcome.DELIVERED)
    assert detail(ops) == ['{"address":"::1","answer":"not_secure"}', '{"answer":"acted"}', None]


def test_a_lost_lease_does_nothing(ops: Desk) -> None:
    """Another run has closed that attempt."""
    lease, *_ = paged(ops)
    old = lease._replace(attempt=7)
    assert record(ops, answered(ops, old, ACKNOWLEDGE)).answers == ()
    assert ops.incident(1).status is Status.TRIGGERED


ENDINGS = st.sampled_from(
    [
        *(ACKNOWLEDGE, RESOLVE, HOLD, AnswerDecision.NOT_JSON),
        *(Outcome.DELIVERED, Outcome.REJECTED, Outcome.GONE, Outcome.UNKNOWN),
    ]
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(6)), endings=st.lists(ENDINGS, min_size=6, max_size=6))
def test_a_batch_is_as_good_as_its_results_one_by_one(
    ops: Desk, order: list[int], endings: list[Any]
) -> None:
    """Whichever answers act, and in whatever order: the next result sees what the one before did."""
    pictures = []
    for is_together in (True, False):
        ops.begin_anew()
        leases = [*paged(ops), *paged(ops, "cpu")]
        results = [
            ops.result(leases[place], ending, status=500)
            if isinstance(ending, Outcome)
            else answered(ops, leases[place], ending)
            for place, ending in zip(order, endings, strict=True)
        ]
        if is_together:
            record(ops, *results)
        else:
            for result in results:
                record(ops, result)
        pictures.append(picture(tables(ops)))
    assert pictures[0] == pictures[1]
