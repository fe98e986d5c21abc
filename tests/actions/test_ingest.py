"""What alerts do to incidents."""

import pytest
from tests.actions.desk import Desk

from tocsin.domain.escalation import EndReason
from tocsin.domain.incident import Effect, Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Routing key db leads to ops/main: pager at once, phone after ten minutes."""
    desk.configure({"main": [("0s", ["pager"]), ("10m", ["phone"])]}, keys={"db": ["main"]})
    return desk


def test_critical_opens_an_incident(ops: Desk) -> None:
    """It is triggered, and the first step of its policy is due at once."""
    receipt = ops.alert()
    assert (receipt.effect, receipt.incident) == (Effect.OPENED, 1)
    shown = ops.shown(1)
    assert shown.line.incident.status is Status.TRIGGERED
    (escalation,) = shown.escalations
    assert escalation.next is not None
    assert (escalation.policy, escalation.next.due_at) == ("ops/main", ops.now)
    assert ops.news.work_due_at == schema.to_micros(ops.now)


def test_the_same_entity_rolls_up(ops: Desk) -> None:
    """Its alerts are counted, the first and the latest are kept, and no second policy starts."""
    first = ops.alert()
    ops.alert()
    ops.wait(minutes=1)
    latest = ops.alert("WARNING")
    incident = ops.incident(1)
    assert latest.effect is Effect.ROLLED_UP
    assert incident.alert_count == 3
    assert (incident.first_alert_id, incident.latest_alert_id) == (first.alert_id, latest.alert_id)
    assert incident.changed_at == ops.now
    assert len(ops.shown(1).escalations) == 1


def test_a_roll_up_under_another_routing_key_says_that_it_starts_nothing(ops: Desk) -> None:
    """The incident stays with the policies of the alert that opened it."""
    ops.alert()
    assert ops.alert(key="web").effect is Effect.ROLLED_UP
    ops.alert()
    others = [each for each in ops.timeline(1) if each.kind is Kind.ROLLED_UP]
    assert [each.detail.get("note") for each in others] == [
        "came under routing key web: started no escalation of its own",
        None,
    ]
    assert len(ops.shown(1).escalations) == 1


def test_entities_do_not_share_incidents(ops: Desk) -> None:
    """Not even when their alerts come in one batch, or when only their case differs."""
    receipts = ops.ingest(ops.make(entity_id="a"), ops.make(entity_id="A"), ops.make(entity_id="a"))
    assert [receipt.incident for receipt in receipts] == [1, 2, 1]


def test_only_critical_opens_unless_the_routing_key_says_so(desk: Desk) -> None:
    """Which types open is a setting for each key."""
    policies = {"main": [("0s", ["pager"])]}
    desk.configure(policies, keys={"db": ["main"]})
    assert desk.alert("WARNING").effect is Effect.DOES_NOT_OPEN
    assert desk.alert("INFO").effect is Effect.RECORDED
    desk.configure(policies, keys={"db": ["main"]}, opening="WARNING INFO")
    assert desk.alert("CRITICAL").effect is Effect.DOES_NOT_OPEN
    assert desk.alert("WARNING", "a").effect is Effect.OPENED
    assert desk.alert("INFO", "b").effect is Effect.OPENED


def test_critical_reopens_what_was_only_a_warning_before(desk: Desk) -> None:
    """It pages again from step 1, with its own fields; a second CRITICAL does not."""
    desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]}, opening="WARNING CRITICAL")
    desk.alert("WARNING")
    (lease,) = desk.fire().leases
    desk.record(lease, Outcome.DELIVERED)
    desk.alert("ACKNOWLEDGEMENT")
    assert desk.alert("WARNING").effect is Effect.ROLLED_UP
    assert desk.incident(1).status is Status.ACKNOWLEDGED
    critical = desk.alert("CRITICAL")
    assert critical.effect is Effect.REOPENED
    incident = desk.incident(1)
    assert incident.status is Status.TRIGGERED
    assert incident.raising_alert_id == critical.alert_id
    assert [escalation.in_force for escalation in desk.shown(1).escalations] == [False, True]
    assert len(desk.fire().leases) == 1
    desk.alert("ACKNOWLEDGEMENT")
    assert desk.alert("CRITICAL").effect is Effect.ROLLED_UP
    assert desk.incident(1).status is Status.ACKNOWLEDGED


def test_critical_does_not_reopen_what_was_critical_before(ops: Desk) -> None:
    """Also when a warning came in between."""
    ops.alert("CRITICAL")
    ops.alert("WARNING")
    ops.alert("ACKNOWLEDGEMENT")
    assert ops.alert("CRITICAL").effect is Effect.ROLLED_UP
    assert ops.incident(1).status is Status.ACKNOWLEDGED


def test_acknowledgement_acknowledges(ops: Desk) -> None:
    """In the name of its author; what runs stops. Saying so again is only recorded."""
    ops.alert()
    acknowledgement = ops.alert("ACKNOWLEDGEMENT", ack_author="bob", ack_msg="on it")
    assert acknowledgement.effect is Effect.ACKNOWLEDGED
    incident = ops.incident(1)
    assert (incident.status, incident.acknowledged_by) == (Status.ACKNOWLEDGED, "bob")
    (escalation,) = ops.shown(1).escalations
    assert (escalation.end_reason, escalation.next) == (EndReason.ACKNOWLEDGED, None)
    assert ops.timeline(1)[-1].detail["message"] == "on it"
    assert ops.alert("ACKNOWLEDGEMENT").effect is Effect.ALREADY_ACKNOWLEDGED
    assert ops.kinds(1)[-2:] == [Kind.ACKNOWLEDGED, Kind.RECORDED]
    assert ops.incident(1).acknowledged_by == "bob"


@pytest.mark.parametrize("type_", ["RECOVERY", "OK", "ok"])
def test_recovery_and_ok_resolve(ops: Desk, type_: str) -> None:
    """Then the entity's next alert opens another incident, with another number."""
    ops.alert()
    resolving = ops.alert(type_)
    assert (resolving.effect, resolving.incident) == (Effect.RESOLVED, 1)
    assert ops.incident(1).status is Status.RESOLVED
    assert ops.shown(1).escalations[0].end_reason is EndReason.RESOLVED
    assert ops.alert().incident == 2


@pytest.mark.parametrize("type_", ["ACKNOWLEDGEMENT", "RECOVERY"])
def test_without_an_open_incident_nothing_is_acknowledged_or_resolved(
    ops: Desk, type_: str
) -> None:
    """The alert is recorded all the same."""
    receipt = ops.alert(type_)
    assert (receipt.effect, receipt.incident) == (Effect.NO_OPEN_INCIDENT, None)
    assert [row["id"] for row in ops.rows(schema.alerts)] == [receipt.alert_id]


def test_info_changes_nothing(ops: Desk) -> None:
    """It is on the timeline of the open incident, and not counted. So is a type that is unknown."""
    ops.alert()
    before = ops.incident(1)
    for type_ in ("INFO", "PROBLEM"):
        assert ops.alert(type_).effect is Effect.RECORDED
    assert ops.incident(1) == before
    assert ops.kinds(1) == [Kind.OPENED, Kind.RECORDED, Kind.RECORDED]


def test_each_policy_of_the_routing_key_starts_an_escalation(desk: Desk) -> None:
    """An unknown key takes the default routing; keys have no case."""
    desk.configure(
        {name: [("0s", [name])] for name in ("a", "b", "c")},
        keys={"db": ["a", "b"]},
        default=["c"],
    )
    for entity_id, key, expected in (
        ("1", "DB", ["ops/a", "ops/b"]),
        ("2", "unknown", ["ops/c"]),
        ("3", "not a key!", ["ops/c"]),
    ):
        number = desk.opened(entity_id, key=key)
        assert [each.policy for each in desk.shown(number).escalations] == expected


def test_numbers_begin_where_the_installation_says_and_are_never_given_twice(ops: Desk) -> None:
    """Receivers may remember numbers from before."""
    ops.first_number = 5000
    assert [ops.opened(entity_id) for entity_id in "ab"] == [5000, 5001]
    ops.alert("RECOVERY", "b")
    assert ops.opened("b") == 5002
    ops.first_number = 9000
    assert ops.opened("c") == 9000


def test_with_nowhere_to_go_an_incident_is_marked(desk: Desk) -> None:
    """No routing, an empty policy, disabled webhooks: silence is visible, with its reason."""
    desk.configure(
        {"empty": [], "off": [("0s", ["pager"])], "on": [("0s", ["phone"])]},
        keys={"e": ["empty"], "o": ["off"], "both": ["off", "on"]},
        disabled=["pager"],
    )
    for key, reasons in (
        ("none", []),
        ("e", ["policy_is_empty"]),
        ("o", ["webhooks_disabled"]),
    ):
        number = desk.opened(key, key=key)
        assert desk.incident(number).nobody_left_since == desk.now
        entries = desk.timeline(number)
        not_started = [each for each in entries if each.kind is Kind.NOT_STARTED]
        assert [each.detail["reason"] for each in not_started] == reasons
        assert entries[-1].kind is Kind.NOBODY_LEFT
        assert desk.shown(number).escalations == ()
    number = desk.opened("both", key="both")
    assert desk.incident(number).nobody_left_since is None
    assert desk.kinds(number) == [Kind.OPENED, Kind.NOT_STARTED]


def test_what_the_first_of_a_batch_stopped_keeps_its_reason(desk: Desk) -> None:
    """Acknowledged, reopened and resolved at once: the delivery was cancelled by the first."""
    desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]}, opening="WARNING CRITICAL")
    desk.alert("WARNING")
    desk.fire(room=0)
    desk.ingest(*(desk.make(type_) for type_ in ("ACKNOWLEDGEMENT", "CRITICAL", "RECOVERY")))
    assert {Kind.ACKNOWLEDGED, Kind.REOPENED, Kind.RESOLVED} <= set(desk.kinds(1))
    assert desk.deliveries() == [("pager", "cancelled", "acknowledged")]


def test_a_batch_is_folded_in_order(ops: Desk) -> None:
    """Open, resolve, open again, acknowledge: in one transaction as in four."""
    receipts = ops.ingest(
        *(ops.make(type_) for type_ in ("CRITICAL", "RECOVERY", "CRITICAL", "ACKNOWLEDGEMENT"))
    )
    assert [receipt.incident for receipt in receipts] == [1, 1, 2, 2]
    assert [ops.incident(number).status for number in (1, 2)] == [
        Status.RESOLVED,
        Status.ACKNOWLEDGED,
    ]
    assert ops.kinds(1) == [Kind.OPENED, Kind.RESOLVED]
    assert ops.kinds(2) == [Kind.OPENED, Kind.ACKNOWLEDGED]
    assert ops.fire().claimed == 0
