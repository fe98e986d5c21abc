"""What people and programs do to incidents."""

from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import ORGANISATION, Desk

from tocsin.actions.incidents import (
    Changed,
    IncidentNotFound,
    Refused,
    acknowledge,
    create_incident,
    hold,
    only,
    reopen,
    reroute,
    resolve,
)
from tocsin.domain.escalation import EndReason
from tocsin.domain.hold import HoldOutOfBounds
from tocsin.domain.incident import IllegalTransition, Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.policy_choice import PoliciesNotChosen, UnknownPolicy, UnknownRoutingKey
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin_receiver import decode_form

ALICE = "token:alice"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """db leads to ops/main (pager, phone after 10 minutes); ops/other calls siren."""
    desk.configure(
        {"main": [("0s", ["pager"]), ("10m", ["phone"])], "other": [("1m", ["siren"])]},
        keys={"db": ["main"], "web": ["other"]},
    )
    return desk


def test_acknowledging_stops_everything_in_one_transaction(ops: Desk) -> None:
    """What waits is cancelled with the reason; what is under way is counted and made the last."""
    ops.opened("other-entity")
    ops.opened()
    ops.fire(room=1, slots=4)
    sending, waiting = (row["id"] for row in ops.rows(schema.deliveries))
    changed = ops.change(acknowledge, 1, actor=ALICE, message="looking")
    assert (changed.changed, changed.incident.status) == (True, Status.ACKNOWLEDGED)
    assert changed.incident.acknowledged_by == ALICE
    assert ops.news.cancelled == [(sending, 1)]
    ops.change(acknowledge, 2, actor=ALICE)
    assert ops.deliveries() == [
        ("pager", "sending", "acknowledged"),
        ("pager", "cancelled", "acknowledged"),
    ]
    entry = next(each for each in ops.timeline(1) if each.kind is Kind.ACKNOWLEDGED)
    assert entry.actor == ALICE
    assert entry.detail == {"in_flight_at_acknowledge": 1, "message": "looking"}
    (escalation,) = ops.shown(1).escalations
    assert (escalation.end_reason, escalation.ended_at) == (EndReason.ACKNOWLEDGED, ops.now)
    ops.wait(hours=1)
    assert ops.fire().claimed == 0
    assert ops.lease() == []
    assert waiting not in dict(ops.news.cancelled)


def test_other_incidents_go_on(ops: Desk) -> None:
    """Stopping one stops nothing of another, whose delivery waits in the same lane."""
    for entity_id in ("a", "b"):
        ops.opened(entity_id)
    ops.fire(room=0)
    ops.change(acknowledge, 1, actor=ALICE)
    assert [lease.incident for lease in ops.lease()] == [2]


@pytest.mark.parametrize("action", [acknowledge, resolve, reopen])
def test_repeating_what_is_true_changes_nothing(ops: Desk, action: Any) -> None:
    """It succeeds, says so, and leaves no trace."""
    ops.opened()
    if action is not reopen:
        assert ops.change(action, 1, actor=ALICE).changed
    before, entries = ops.incident(1), ops.timeline(1)
    ops.wait(minutes=1)
    again = ops.change(action, 1, actor="token:bob")
    assert (again.changed, again.incident) == (False, before)
    assert (ops.incident(1), ops.timeline(1)) == (before, entries)


def test_a_held_incident_is_triggered_again_when_the_hold_ends(ops: Desk) -> None:
    """Its policies start anew, from step 1; the entry says when that was planned."""
    ops.opened()
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.DELIVERED)
    until = ops.now + timedelta(hours=1)
    held = ops.change(hold, 1, until=timedelta(hours=1), actor=ALICE)
    assert (held.incident.status, held.incident.held_until) == (Status.ACKNOWLEDGED, until)
    assert ops.news.work_due_at == schema.to_micros(until)
    assert ops.end_holds() == 0
    ops.now = until + timedelta(seconds=2)
    assert ops.end_holds() == 1
    assert ops.end_holds() == 0
    incident = ops.incident(1)
    assert (incident.status, incident.held_until) == (Status.TRIGGERED, None)
    assert incident.acknowledged_by is None
    ended = next(each for each in ops.timeline(1) if each.kind is Kind.HOLD_ENDED)
    assert (ended.planned_at, ended.lateness) == (until, timedelta(seconds=2))
    reasons = [each.end_reason for each in ops.shown(1).escalations]
    assert reasons == [EndReason.HELD, None]
    assert len(ops.fire().leases) == 1


def test_holding_until_the_same_instant_changes_nothing(ops: Desk) -> None:
    """Until another instant, or for good, does."""
    ops.opened()
    until = ops.now + timedelta(hours=1)
    assert ops.change(hold, 1, until=until, actor=ALICE).changed
    assert not ops.change(hold, 1, until=until, actor=ALICE).changed
    assert ops.change(hold, 1, until=until + timedelta(hours=1), actor=ALICE).changed
    for_good = ops.change(acknowledge, 1, actor=ALICE)
    assert (for_good.changed, for_good.incident.held_until) == (True, None)
    ops.now = until + timedelta(days=1)
    assert ops.end_holds() == 0


@pytest.mark.parametrize("seconds", [-1, 59, 7 * 86400 + 1])
def test_a_hold_has_bounds(ops: Desk, seconds: int) -> None:
    """From a minute to seven days, given as a length or as an instant."""
    number = ops.opened()
    wrong = timedelta(seconds=seconds)
    for until in (wrong, ops.now + wrong):
        with pytest.raises(HoldOutOfBounds, match="for 1m to 7d"):
            ops.do(hold, [number], until=until, actor=ALICE)
    for right in (timedelta(minutes=1), timedelta(days=7)):
        assert ops.change(hold, number, until=right, actor=ALICE).changed


def test_reopening_starts_the_policies_in_force_as_they_are_now(ops: Desk) -> None:
    """New escalations, of the current versions, from step 1."""
    ops.opened()
    ops.fire()
    ops.change(acknowledge, 1, actor=ALICE)
    ops.configure({"main": [("2m", ["siren"])]}, keys={"db": ["main"]})
    reopened = ops.change(reopen, 1, actor=ALICE)
    assert (reopened.changed, reopened.incident.acknowledged_by) == (True, None)
    old, new = ops.shown(1).escalations
    assert (old.version, old.in_force, old.end_reason) == (1, False, EndReason.ACKNOWLEDGED)
    assert (new.version, new.in_force, new.fired) == (2, True, 0)
    assert new.next is not None
    assert (new.next.due_at, new.next.webhooks) == (ops.now + timedelta(minutes=2), ("siren",))


def test_reopening_says_which_policy_was_deleted_meanwhile(ops: Desk) -> None:
    """And marks the incident when nothing else could start."""
    ops.opened()
    ops.change(acknowledge, 1, actor=ALICE)
    ops.configure({"other": [("0s", ["siren"])]}, prune=True)
    ops.change(reopen, 1, actor=ALICE)
    entries = ops.timeline(1)
    assert [each.kind for each in entries[-3:]] == [
        *(Kind.REOPENED, Kind.NOT_STARTED),
        Kind.NOBODY_LEFT,
    ]
    assert entries[-2].detail == {"reason": "policy_deleted", "policy": "ops/main"}
    assert ops.incident(1).nobody_left_since == ops.now


def test_an_incident_that_no_policy_was_started_for_takes_the_routing_of_now(desk: Desk) -> None:
    """Reopening it after the routing was mended pages."""
    desk.opened()
    assert desk.incident(1).nobody_left_since is not None
    desk.change(acknowledge, 1, actor=ALICE)
    assert desk.incident(1).nobody_left_since is None
    desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]})
    desk.change(reopen, 1, actor=ALICE)
    assert len(desk.fire().leases) == 1


def test_rerouting_stops_what_runs_and_starts_other_policies(ops: Desk) -> None:
    """Named, or those of a routing key; also from acknowledged, and back to triggered."""
    ops.opened()
    ops.fire(room=0)
    ops.change(reroute, 1, policies=["ops/other"], actor=ALICE)
    assert ops.deliveries() == [("pager", "cancelled", "rerouted")]
    ops.change(acknowledge, 1, actor=ALICE)
    rerouted = ops.change(reroute, 1, routing_key="DB", actor=ALICE)
    assert rerouted.incident.status is Status.TRIGGERED
    assert rerouted.incident.acknowledged_by is None
    assert [(each.policy, each.end_reason) for each in ops.shown(1).escalations] == [
        ("ops/main", EndReason.REROUTED),
        ("ops/other", EndReason.ACKNOWLEDGED),
        ("ops/main", None),
    ]
    assert ops.change(reroute, 1, policies=["ops/main"], actor=ALICE).changed


def test_reopening_after_a_reroute_goes_by_the_reroute(ops: Desk) -> None:
    """The policies that were running when it stopped, not those of the routing key."""
    ops.opened()
    ops.change(reroute, 1, policies=["ops/other"], actor=ALICE)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(reopen, 1, actor=ALICE)
    in_force = [each.policy for each in ops.shown(1).escalations if each.in_force]
    assert in_force == ["ops/other"]


def test_rerouting_ends_silence(ops: Desk) -> None:
    """Somebody is paged again."""
    number = ops.opened(key="unknown")
    ops.change(reroute, number, policies=["ops/main"], actor=ALICE)
    assert ops.incident(number).nobody_left_since is None


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [
        ({}, PoliciesNotChosen),
        ({"policies": ["ops/main"], "routing_key": "db"}, PoliciesNotChosen),
        ({"policies": ["ops/main", "ops/none"]}, UnknownPolicy),
        ({"routing_key": "none"}, UnknownRoutingKey),
    ],
)
def test_a_person_names_what_exists(
    ops: Desk, chosen: dict[str, Any], refusal: type[Exception]
) -> None:
    """Nobody means the default routing by a misspelt name; nothing is changed."""
    number = ops.opened()
    before = ops.timeline(number)
    with pytest.raises(refusal):
        ops.do(reroute, [number], actor=ALICE, **chosen)
    with pytest.raises(refusal):
        created(ops, **chosen)
    assert ops.timeline(number) == before


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        (acknowledge, {}),
        (reopen, {}),
        (hold, {"until": timedelta(hours=1)}),
        (reroute, {"policies": ["ops/main"]}),
    ],
)
def test_a_resolved_incident_stays_so(ops: Desk, action: Any, facts: dict[str, Any]) -> None:
    """Nothing but a new alert pages again."""
    ops.opened()
    ops.change(resolve, 1, actor=ALICE)
    before = ops.timeline(1)
    with pytest.raises(IllegalTransition):
        ops.change(action, 1, actor=ALICE, **facts)
    assert ops.timeline(1) == before


def test_one_bad_number_spoils_nothing_for_the_others(ops: Desk) -> None:
    """Each number has its own result, once, in the order given."""
    for entity_id in "123":
        ops.opened(entity_id)
    ops.change(resolve, 2, actor=ALICE)
    ops.change(acknowledge, 3, actor=ALICE)
    results = ops.do(acknowledge, [2, 77, 3, 1, 2**70, 1], actor=ALICE)
    assert [result.number for result in results] == [2, 77, 3, 1, 2**70]
    illegal, unknown, already, done, too_large = results
    assert isinstance(illegal, Refused)
    assert isinstance(illegal.refusal, IllegalTransition)
    assert isinstance(unknown, Refused)
    assert isinstance(unknown.refusal, IncidentNotFound)
    assert isinstance(already, Changed)
    assert isinstance(done, Changed)
    assert (already.changed, done.changed) == (False, True)
    assert isinstance(too_large, Refused)
    assert ops.incident(1).status is Status.ACKNOWLEDGED
    with pytest.raises(IncidentNotFound):
        only([unknown])


def created(desk: Desk, **chosen: Any) -> int:
    incident = desk.do(
        create_incident,
        summary="Heating is cold",
        details="Since last night",
        created_by="alice",
        actor=ALICE,
        alert_uuid=desk.uuid(),
        entity_uuid="6a1f0e7a-5d0f-4c4e-9a53-3f3c1d5b7a10",
        organisation=ORGANISATION,
        **chosen,
    )
    return incident.number


def test_an_incident_created_by_hand_pages_whom_it_names(ops: Desk) -> None:
    """Its webhook has the fields of VictorOps' manual incidents, no more and no fewer."""
    number = created(ops, policies=["ops/main"])
    (lease,) = ops.fire().leases
    fields = decode_form(lease.form)
    assert {name for name in fields if name not in {"incident", "summary", "message"}} == {
        *("alert_type", "created_by", "entity_display_name", "entity_id", "entity_state"),
        *("message_type", "monitor_name", "monitoring_tool", "state_message"),
        *("vo_alert_rcv_time", "vo_monitor_type", "vo_organization_id", "vo_uuid"),
    }
    assert fields["incident"] == str(number)
    assert fields["created_by"] == '"alice"'
    assert fields["monitor_name"] == '"vouser-alice"'
    assert fields["entity_display_name"] == '"Heating is cold"'
    assert fields["state_message"] == '"Since last night"'
    opened = ops.timeline(number)[0]
    assert (opened.kind, opened.actor) == (Kind.OPENED, ALICE)
    assert opened.detail["policies"] == ["ops/main"]


def test_an_incident_created_for_a_routing_key_is_known_by_it(ops: Desk) -> None:
    """Though the key is not on the wire."""
    number = created(ops, routing_key="WEB")
    assert ops.incident(number).routing_key == "web"
    assert [each.policy for each in ops.shown(number).escalations] == ["ops/other"]
    ops.wait(minutes=1)
    (lease,) = ops.fire().leases
    assert "routing_key" not in decode_form(lease.form)


def test_what_an_earlier_stop_cancelled_keeps_its_reason(ops: Desk) -> None:
    """Resolving says nothing new about a delivery that an acknowledgement has stopped."""
    ops.opened("a")
    ops.opened("b")
    leases = ops.fire().leases
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(resolve, 1, actor=ALICE)
    ops.record(leases[0], Outcome.REJECTED)
    assert ops.deliveries()[0] == ("pager", "cancelled", "acknowledged")
