"""When steps fire, what firing makes, and when nobody is left."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from tests.actions.desk import Desk

from tocsin.actions.incidents import acknowledge
from tocsin.domain.escalation import EndReason
from tocsin.domain.incident import Status
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.escalations import move_escalations
from tocsin_receiver import decode_form

MAIN = {"main": [("0s", ["pager"]), ("5m", ["pager", "phone"]), ("10m", ["siren"])]}
KEYS = {"db": ["main"]}


def next_due(desk: Desk, number: int = 1) -> datetime | None:
    step = desk.shown(number).escalations[-1].next
    return None if step is None else step.due_at


def called(desk: Desk) -> Sequence[str]:
    return [webhook for webhook, _, _ in desk.deliveries()]


def test_each_step_fires_at_its_time_and_once(desk: Desk) -> None:
    """A delay counts from the step before: 5 and 10 minutes put the last at minute 15."""
    desk.configure(MAIN, keys=KEYS)
    start = desk.now
    desk.opened()
    fired: list[tuple[timedelta, Sequence[str]]] = []
    for _ in range(16):
        before = len(called(desk))
        desk.fire()
        assert desk.fire().claimed == 0
        if new := called(desk)[before:]:
            fired.append((desk.now - start, new))
        desk.wait(minutes=1)
    assert fired == [
        (timedelta(0), ["pager"]),
        (timedelta(minutes=5), ["pager", "phone"]),
        (timedelta(minutes=15), ["siren"]),
    ]


def test_an_escalation_moves_only_from_the_step_that_it_is_at(desk: Desk) -> None:
    """Whoever else tried: the guard is in the statement."""
    desk.configure(MAIN, keys=KEYS)
    desk.opened()
    desk.fire()
    before = desk.rows(schema.escalations)
    with desk.database.write() as tx:
        for was in (0, 2):
            assert move_escalations(tx, [(3, None, None, None, None, 1, 1, was)]) == {0}
    assert desk.rows(schema.escalations) == before


def test_firing_tells_when_the_next_step_is_due(desk: Desk) -> None:
    """So that whoever sleeps knows until when."""
    desk.configure(MAIN, keys=KEYS)
    desk.opened()
    desk.fire()
    assert desk.news.work_due_at == schema.to_micros(desk.now + timedelta(minutes=5))
    desk.fire()
    assert desk.news.work_due_at is None


@pytest.mark.parametrize(
    ("late", "planned_from"), [(30, timedelta(0)), (31, timedelta(seconds=31))]
)
def test_a_late_step_moves_the_plan_only_after_an_outage(
    desk: Desk, late: int, planned_from: timedelta
) -> None:
    """Up to 30 seconds nothing drifts; beyond, the next step waits its whole delay again."""
    desk.configure(MAIN, keys=KEYS)
    desk.opened()
    start = desk.now
    desk.wait(seconds=late)
    assert desk.fire().lateness == [timedelta(seconds=late)]
    assert next_due(desk) == start + planned_from + timedelta(minutes=5)
    (page,) = [each for each in desk.timeline(1) if each.kind is Kind.PAGED]
    assert (page.at, page.planned_at) == (desk.now, start)
    assert page.lateness == timedelta(seconds=late)


def test_after_hours_of_downtime_only_the_next_step_fires(desk: Desk) -> None:
    """At once, marked late; the others follow at their pace."""
    desk.configure(MAIN, keys=KEYS)
    desk.opened()
    desk.fire()
    desk.wait(hours=6)
    assert desk.fire().claimed == 1
    assert desk.fire().claimed == 0
    assert called(desk) == ["pager", "pager", "phone"]
    assert next_due(desk) == desk.now + timedelta(minutes=10)


def test_a_step_without_delay_fires_in_the_same_transaction(desk: Desk) -> None:
    """With the one before it, planned for the same instant."""
    desk.configure({"main": [("0s", ["a"]), ("0s", ["b"]), ("1m", ["c"])]}, keys=KEYS)
    desk.opened()
    desk.fire()
    assert called(desk) == ["a", "b"]
    pages = [each for each in desk.timeline(1) if each.kind is Kind.PAGED]
    assert [page.detail["step"] for page in pages] == [1, 2]
    assert next_due(desk) == desk.now + timedelta(minutes=1)


def test_a_policy_may_repeat(desk: Desk) -> None:
    """After its last step it waits and begins again; then it ends."""
    desk.configure(
        {"main": [("1m", ["a"]), ("2m", ["b"])]}, keys=KEYS, repeat={"times": 1, "after": "10m"}
    )
    start = desk.now
    desk.opened()
    for minutes in (1, 2, 11, 2):
        desk.wait(minutes=minutes)
        assert desk.fire().claimed == 1
    assert desk.now - start == timedelta(minutes=16)
    assert called(desk) == ["a", "b", "a", "b"]
    assert desk.shown(1).escalations[0].end_reason is EndReason.EXHAUSTED
    pages = [each for each in desk.timeline(1) if each.kind is Kind.PAGED]
    assert [(page.detail["cycle"], page.detail["step"]) for page in pages] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]


def test_when_the_last_step_has_fired_nobody_is_left(desk: Desk) -> None:
    """The incident is marked once no escalation of it has a step to come, and stays triggered."""
    desk.configure(
        {"fast": [("0s", ["a"])], "slow": [("1m", ["b"])]}, keys={"db": ["fast", "slow"]}
    )
    desk.opened()
    assert desk.fire().exhausted == [1]
    assert desk.incident(1).nobody_left_since is None
    desk.wait(minutes=1)
    desk.fire()
    incident = desk.incident(1)
    assert (incident.nobody_left_since, incident.status) == (desk.now, Status.TRIGGERED)
    last = desk.timeline(1)[-2:]
    assert Kind.NOBODY_LEFT in {each.kind for each in last}
    desk.alert("RECOVERY")
    assert desk.incident(1).nobody_left_since is None


def test_a_step_passes_over_webhooks_that_are_disabled_or_deleted(desk: Desk) -> None:
    """It says so, calls the others, and goes on."""
    main = {"main": [("0s", ["a", "b"]), ("1m", ["c"])]}
    desk.configure(main, keys=KEYS)
    desk.opened()
    desk.configure(main, keys=KEYS, disabled=["a"])
    desk.fire()
    assert called(desk) == ["b"]
    desk.configure({"main": [("0s", ["a", "b"])]}, keys=KEYS, prune=True)
    desk.wait(minutes=1)
    desk.fire()
    skipped = [each.detail for each in desk.timeline(1) if each.kind is Kind.TARGET_SKIPPED]
    assert [(each["step"], each["webhook"], each["reason"]) for each in skipped] == [
        (1, "a", "webhook_disabled"),
        (2, None, "webhook_deleted"),
    ]
    assert desk.incident(1).nobody_left_since == desk.now


def test_a_running_escalation_keeps_its_version(desk: Desk) -> None:
    """Editing a policy, or deleting it, changes nothing for an incident that follows it."""
    desk.configure(MAIN, keys=KEYS)
    desk.opened()
    desk.fire()
    desk.configure({"main": [("0s", ["other"])]}, keys=KEYS)
    desk.wait(minutes=5)
    desk.fire()
    desk.configure({"new": [("0s", ["pager", "phone", "siren"])]}, prune=True)
    desk.wait(minutes=10)
    desk.fire()
    assert called(desk) == ["pager", "pager", "phone", "siren"]


def test_a_body_is_kept_once_and_carries_the_alert_that_kept_the_incident_triggered(
    desk: Desk,
) -> None:
    """However many webhooks share it. What came after an acknowledgement does not count."""
    desk.configure({"main": [("0s", ["a", "b"])]}, keys=KEYS)
    desk.alert(state_message="first")
    desk.alert("WARNING", state_message="second")
    leases = desk.fire().leases
    (body,) = desk.rows(schema.bodies)
    assert {lease.body_id for lease in leases} == {body["id"]}
    assert {lease.form for lease in leases} == {bytes(body["form"])}
    fields = decode_form(bytes(body["form"]))
    assert (fields["incident"], fields["state_message"]) == ("1", '"second"')
    desk.alert("ACKNOWLEDGEMENT")
    desk.alert("WARNING", state_message="third")
    assert desk.incident(1).raising_alert_id != desk.incident(1).latest_alert_id


def test_what_has_a_free_slot_is_sent_at_once_and_the_rest_waits(desk: Desk) -> None:
    """Slots are counted for each webhook; room is counted for the process."""
    desk.configure({"main": [("0s", ["a", "b"])]}, keys=KEYS)
    for entity_id in "123":
        desk.opened(entity_id)
    fired = desk.fire(slots=2, room=3)
    states = [(webhook, state) for webhook, state, _ in desk.deliveries()]
    assert states == [
        *[("a", "sending"), ("b", "sending"), ("a", "sending"), ("b", "pending")],
        *[("a", "pending"), ("b", "pending")],
    ]
    assert [lease.attempt for lease in fired.leases] == [1, 1, 1]


def test_a_newer_delivery_does_not_overtake_those_that_wait(desk: Desk) -> None:
    """Where one waits already, a free slot is not for the newcomer."""
    desk.configure({"main": [("0s", ["a"])]}, keys=KEYS)
    desk.opened("1")
    desk.fire(room=0)
    desk.opened("2")
    assert desk.fire().leases == []
    waiting = [row["id"] for row in desk.rows(schema.deliveries)]
    assert [lease.delivery_id for lease in desk.lease()] == waiting


def test_a_storm_is_worked_in_slices_the_oldest_first(desk: Desk) -> None:
    """So that acknowledgements come in between."""
    desk.configure({"main": [("1m", ["a"])]}, keys=KEYS)
    for entity_id in "123":
        desk.opened(entity_id)
        desk.wait(seconds=1)
    desk.wait(hours=1)
    assert desk.fire(limit=2).exhausted == [1, 2]
    desk.do(acknowledge, [3], actor="alice")
    assert desk.fire(limit=2).claimed == 0
