"""A policy that was edited takes over from the version that runs for an incident, when somebody says so."""

import pytest
from tests.actions.desk import Desk

from tocsin.actions.answers import act
from tocsin.actions.incidents import acknowledge, move, reopen, reroute, resolve
from tocsin.actions.send_again import NotSentAgain, send_again
from tocsin.domain.answer_action import AnswerDecision, AskedAction
from tocsin.domain.incident import Action, IllegalTransition, Status
from tocsin.domain.move_plan import VersionCannotStart
from tocsin.domain.outcome import Outcome
from tocsin.domain.policy_choice import UnknownPolicy
from tocsin.domain.timeline import Kind
from tocsin.store import schema

ALICE = "token:alice"
KEYS = {"db": ["main"], "both": ["main", "net"]}
OLD = {"main": [("0s", ["a"]), ("10m", ["b"])], "net": [("1m", ["a", "c"])]}
NEW = {"main": [("0s", ["d"]), ("5m", ["b"])], "net": [("1m", ["a", "c"])]}


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(OLD, keys=KEYS)
    return desk


def ends(ops: Desk, number: int = 1) -> list[tuple[str, int, str | None, bool]]:
    return [
        (each.policy, each.version, each.end_reason, each.in_force)
        for each in ops.shown(number).escalations
    ]


def test_the_current_version_starts_at_step_1_in_the_same_round(ops: Desk) -> None:
    """The earlier one ends with a reason; the timeline names who, and both versions."""
    ops.opened()
    ops.fire()
    ops.configure(NEW, keys=KEYS)
    ops.wait(minutes=2)
    assert ops.change(move, 1, actor=ALICE, message="d is on call now").changed
    assert ends(ops) == [("ops/main", 1, "moved", False), ("ops/main", 2, None, True)]
    assert ops.incident(1).round == 1
    entry = next(each for each in ops.timeline(1) if each.kind is Kind.MOVED)
    assert entry.detail == {
        "policy": "ops/main",
        "from_version": 1,
        "to_version": 2,
        "escalation": 1,
        "new_escalation": 2,
        "in_flight_at_move": 1,
        "message": "d is on call now",
    }
    ops.fire()
    assert [name for name, *_ in ops.deliveries()] == ["a", "d"]
    ops.wait(minutes=5)
    ops.fire()
    assert [name for name, *_ in ops.deliveries()] == ["a", "d", "b"]


def test_what_waits_of_the_earlier_version_is_cancelled_and_nothing_else(ops: Desk) -> None:
    """Another policy of the incident has not changed: it goes on where it was."""
    ops.opened(key="both")
    ops.fire(room=0)
    ops.wait(minutes=1)
    ops.fire(room=0)
    ops.configure(NEW, keys=KEYS)
    ops.change(move, 1, actor=ALICE)
    assert ops.deliveries() == [
        ("a", "cancelled", "moved"),
        ("a", "pending", None),
        ("c", "pending", None),
    ]
    assert ends(ops) == [
        ("ops/main", 1, "moved", False),
        ("ops/net", 1, "exhausted", True),
        ("ops/main", 2, None, True),
    ]


def test_a_page_that_waited_for_a_cancelled_one_is_sent(ops: Desk) -> None:
    """It stood behind it in line, and is first now."""
    ops.opened(key="both")
    ops.fire(room=0)
    ops.wait(minutes=1)
    ops.fire(room=0)
    ops.configure(NEW, keys=KEYS)
    assert [each["waits_for"] is not None for each in ops.rows(schema.deliveries)] == [
        *(False, True, False),
    ]
    ops.change(move, 1, actor=ALICE)
    assert len(ops.lease()) == 2


def test_who_stood_between_two_pages_leaves_and_they_close_ranks(ops: Desk) -> None:
    """The one behind waits for the attempt that the cancelled one waited for, not at once."""
    ops.configure(
        {
            "main": [("1m", ["a"]), ("10m", ["b"])],
            "net": [("0s", ["a"]), ("2m", ["a"])],
        },
        keys=KEYS,
    )
    ops.opened(key="both")
    (under_way,) = ops.fire().leases
    for _ in range(2):
        ops.wait(minutes=1)
        ops.fire()
    first, second, third = ops.rows(schema.deliveries)
    assert (second["waits_for"], third["waits_for"]) == (first["id"], second["id"])
    ops.configure({"main": [("10m", ["d"])]}, keys=KEYS)
    ops.change(move, 1, actor=ALICE)
    first, second, third = ops.rows(schema.deliveries)
    assert (second["end_reason"], third["waits_for"]) == ("moved", first["id"])
    assert ops.lease() == []
    ops.record(under_way, Outcome.DELIVERED)
    assert [each.delivery_id for each in ops.lease()] == [third["id"]]


def test_only_the_policies_that_are_named_move(ops: Desk) -> None:
    """The others keep the version that runs."""
    ops.opened(key="both")
    ops.configure({"main": [("5m", ["d"])], "net": [("5m", ["d"])]}, keys=KEYS)
    ops.change(move, 1, policies=["ops/net"], actor=ALICE)
    assert ends(ops) == [
        ("ops/main", 1, None, True),
        ("ops/net", 1, "moved", False),
        ("ops/net", 2, None, True),
    ]
    with pytest.raises(UnknownPolicy):
        ops.change(move, 1, policies=["ops/nte"], actor=ALICE)


def test_moving_what_is_current_changes_nothing(ops: Desk) -> None:
    """Asked twice, it moves once; what was acknowledged meanwhile stays so, and pages nobody."""
    ops.opened()
    assert not ops.change(move, 1, actor=ALICE).changed
    ops.configure(NEW, keys=KEYS)
    assert ops.change(move, 1, actor=ALICE).changed
    assert not ops.change(move, 1, actor=ALICE).changed
    ops.configure(OLD, keys=KEYS)
    ops.change(acknowledge, 1, actor=ALICE)
    assert not ops.change(move, 1, actor=ALICE).changed
    assert ops.incident(1).status is Status.ACKNOWLEDGED
    assert [each.end_reason for each in ops.shown(1).escalations] == ["moved", "acknowledged"]


def test_a_resolved_incident_is_not_moved(ops: Desk) -> None:
    """As it is not rerouted."""
    ops.opened()
    ops.change(resolve, 1, actor=ALICE)
    with pytest.raises(IllegalTransition):
        ops.change(move, 1, actor=ALICE)


@pytest.mark.parametrize(
    ("policies", "disabled", "reason"),
    [
        ({"main": [], "net": [("5m", ["d"])]}, "", "policy_is_empty"),
        ({"main": [("0s", ["d"])], "net": [("5m", ["c"])]}, "d", "webhooks_disabled"),
    ],
)
def test_a_version_that_would_reach_nobody_stops_nothing(
    ops: Desk, policies: dict[str, list[tuple[str, list[str]]]], disabled: str, reason: str
) -> None:
    """What runs of the incident goes on, all of it, until somebody mends the policy."""
    ops.opened(key="both")
    ops.configure(policies, keys=KEYS, disabled=disabled)
    with pytest.raises(VersionCannotStart) as refused:
        ops.change(move, 1, actor=ALICE)
    assert refused.value.fields == {"policy": "ops/main", "version": 2, "reason": reason}
    assert [each.end_reason for each in ops.shown(1).escalations] == [None, None]


def test_what_runs_of_a_deleted_policy_goes_on(ops: Desk) -> None:
    """There is no version that could take over."""
    ops.opened()
    ops.configure({"net": [("1m", ["a", "c", "b"])]}, keys={"db": ["net"]}, prune=True)
    assert not ops.change(move, 1, actor=ALICE).changed


def test_reopening_starts_a_moved_policy_once(ops: Desk) -> None:
    """Also when the earlier version was of a policy that is gone by then."""
    ops.opened()
    ops.configure(NEW, keys=KEYS)
    ops.change(move, 1, actor=ALICE)
    ops.change(reroute, 1, policies=["ops/net"], actor=ALICE)
    assert [end for _, _, end, _ in ends(ops)] == ["moved", "rerouted", None]
    ops.configure({"net": [("9m", ["a"])]}, keys={"db": ["net"]}, prune=True)
    ops.change(move, 1, actor=ALICE)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(reopen, 1, actor=ALICE)
    assert [(path, version) for path, version, end, _ in ends(ops) if end is None] == [
        ("ops/net", 2)
    ]
    assert Kind.NOT_STARTED not in ops.kinds(1)


def test_a_page_of_the_earlier_version_has_no_say_any_more(ops: Desk) -> None:
    """Its receiver's answer comes too late, and what failed of it is not sent again."""
    ops.configure(OLD, keys=KEYS, options={"answer_may_act": "true"})
    ops.opened()
    (leased,) = ops.fire().leases
    ops.configure(NEW, keys=KEYS, options={"answer_may_act": "true"})
    ops.change(move, 1, actor=ALICE)
    asked = ops.result(leased, Outcome.DELIVERED, status=200)._replace(
        answer=AskedAction(Action.ACKNOWLEDGE)
    )
    with ops.database.write() as tx:
        decision = act(tx, asked, ops.context, wait=lambda *_: None)
    assert decision is AnswerDecision.STALE_ESCALATION


def test_a_failed_page_of_the_earlier_version_is_not_sent_again(ops: Desk) -> None:
    """Somebody else may be on call by now."""
    ops.opened()
    (leased,) = ops.fire().leases
    ops.record(leased, Outcome.GONE)
    ops.configure(NEW, keys=KEYS)
    ops.change(move, 1, actor=ALICE)
    (result,) = ops.do(send_again, [leased.delivery_id], actor=ALICE)
    assert isinstance(result, NotSentAgain)
    assert result.refusal.code == "stale_escalation"
