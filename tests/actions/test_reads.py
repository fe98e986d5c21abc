"""What people are shown of incidents, timelines, alerts and deliveries."""

from datetime import timedelta

import pytest
from tests.actions.desk import Desk

from tocsin.actions.incidents import IncidentNotFound, acknowledge, hold, resolve
from tocsin.actions.named_steps import WebhookUnknown
from tocsin.actions.send_test import send_test
from tocsin.actions.show_alerts import (
    AlertNotFound,
    show_alert,
    show_alerts,
    show_alerts_of_incident,
    show_refused_alerts,
)
from tocsin.actions.show_deliveries import (
    DeliveryNotFound,
    show_deliveries,
    show_delivery,
)
from tocsin.actions.show_incidents import show_incident, show_incidents
from tocsin.actions.show_timeline import show_timeline
from tocsin.actions.show_upcoming import Backlog, Upcoming, count_upcoming, show_upcoming
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.incident import Effect, Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.refusal import Refusal
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store.alerts import RefusedAlert, replace_refused_alerts
from tocsin.store.deliveries import Lease

ALICE = "token:alice"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """db leads to ops/main: pager, then pager and phone after 5 minutes."""
    desk.configure(
        {"main": [("0s", ["pager"]), ("5m", ["pager", "phone"])]},
        keys={"db": ["main"], "web": ["main"]},
    )
    return desk


# --- incidents


def test_incidents_are_listed_the_latest_first(ops: Desk) -> None:
    """By status, entity, routing key and silence; page after page, also while new ones come."""
    for entity_id, key in (("a", "db"), ("b", "web"), ("c", "none"), ("a2", "db")):
        ops.alert(entity_id=entity_id, key=key, entity_display_name=f"The {entity_id}")
    ops.change(resolve, 1, actor=ALICE)
    ops.alert(entity_id="a", key="db", state_message="again")

    def numbers(**filters: object) -> list[int]:
        lines = ops.read(show_incidents, **{"limit": 50, **filters})  # type: ignore[arg-type]
        return [line.incident.number for line in lines]

    assert numbers() == [5, 4, 3, 2, 1]
    assert numbers(limit=2) == [5, 4]
    ops.opened("later")
    assert numbers(limit=2, before=4) == [3, 2]
    assert numbers(before=6, status=Status.RESOLVED) == [1]
    assert numbers(entity_id="a") == [5, 1]
    assert numbers(entity_id="a", status=Status.TRIGGERED) == [5]
    assert numbers(routing_key="WEB") == [2]
    assert numbers(nobody_left=True) == [3]
    assert 3 not in numbers(nobody_left=False)
    lines = ops.read(show_incidents, entity_id="a", limit=2)
    assert [(line.title, line.message) for line in lines] == [("a", "again"), ("The a", "")]


def test_an_incident_is_shown_with_what_runs_for_it(ops: Desk) -> None:
    """Which policy and version, how far, what fires next and whom that calls."""
    ops.opened()
    ops.fire()
    shown = ops.read(show_incident, 1)
    (escalation,) = shown.escalations
    assert (escalation.policy, escalation.version) == ("ops/main", 1)
    assert (escalation.fired, escalation.of, escalation.in_force) == (1, 2, True)
    assert escalation.next is not None
    assert escalation.next.due_at == ops.now + timedelta(minutes=5)
    assert str(escalation.next.step.place) == "step 2 of 2"
    assert escalation.next.webhooks == ("pager", "phone")


def test_there_is_no_such_incident(ops: Desk) -> None:
    """The refusal names it."""
    with pytest.raises(IncidentNotFound, match="no incident 9"):
        ops.read(show_incident, 9)
    with pytest.raises(IncidentNotFound):
        ops.read(show_alerts_of_incident, 9, limit=1)


# --- timelines


def an_eventful_incident(desk: Desk) -> Lease:
    """Fired 2 s late, failed, rolled up, fired again, acknowledged with a message; one open attempt."""
    desk.opened()
    desk.wait(seconds=2)
    (lease,) = desk.fire().leases
    desk.wait(seconds=1)
    desk.record(lease, Outcome.REJECTED, status=500)
    desk.wait(minutes=1)
    desk.alert("WARNING", key="web")
    desk.wait(minutes=4)
    desk.fire(room=0)
    (again, *_) = desk.lease(room=1)
    desk.wait(seconds=1)
    desk.change(acknowledge, 1, actor=ALICE, message="looking")
    return again


def test_a_timeline_has_steps_and_attempts_between_what_people_did(ops: Desk) -> None:
    """Each entry with its sentence, when it was planned and how late it was."""
    an_eventful_incident(ops)
    entries = ops.timeline(1)
    assert [each.kind for each in entries] == [
        *(Kind.OPENED, Kind.PAGED, Kind.ATTEMPTED, Kind.ROLLED_UP),
        *(Kind.PAGED, Kind.NOBODY_LEFT, Kind.ATTEMPTED, Kind.ACKNOWLEDGED),
    ]
    assert [each.at for each in entries] == sorted(each.at for each in entries)
    opened, paged, failed, rolled_up, _, _, open_, acknowledged = entries
    assert opened.text.startswith("Opened by rest with alert alr_")
    assert opened.text.endswith("it starts ops/main.")
    assert paged.text == "ops/main, step 1 of 2, fired 2 s late: it calls pager."
    assert (paged.lateness, paged.actor) == (timedelta(seconds=2), "engine")
    assert "Attempt 1 to pager took 1 s: rejected (HTTP 500) (" in failed.text
    assert rolled_up.text.endswith(
        "it came under routing key web: started no escalation of its own."
    )
    assert "Attempt 2 to pager: under way" in open_.text
    assert open_.detail["outcome"] is None
    assert acknowledged.text == (
        "Acknowledged by alice, who says: looking. "
        "1 attempt was under way and could not be recalled."
    )


def test_a_timeline_says_how_long_after_its_step_the_first_byte_left(ops: Desk) -> None:
    """For each delivery of the step, with the state that it is in."""
    ops.opened()
    (lease,) = ops.fire().leases
    ops.wait(milliseconds=7)
    ops.record(lease, Outcome.DELIVERED, status=200)
    (paged,) = [each for each in ops.timeline(1) if each.kind is Kind.PAGED]
    assert paged.detail["deliveries"] == [
        {
            "delivery": id_text(DELIVERY, lease.delivery_id),
            "webhook": "pager",
            "state": "delivered",
            "first_byte_after_ms": 7.0,
        }
    ]


def test_what_happened_at_one_instant_is_in_order_of_cause(desk: Desk) -> None:
    """The step fires, so nobody is left, and is sent; each attempt has a place of its own."""
    desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]})
    desk.opened()
    (lease,) = desk.fire().leases
    desk.record(lease, Outcome.UNKNOWN)
    (lease,) = desk.lease()
    desk.record(lease, Outcome.DELIVERED)
    entries = desk.timeline(1)
    assert [each.kind for each in entries] == [
        *(Kind.OPENED, Kind.PAGED, Kind.NOBODY_LEFT, Kind.ATTEMPTED),
        Kind.ATTEMPTED,
    ]
    assert {each.at for each in entries} == {desk.now}
    assert len({each.position for each in entries}) == len(entries)
    assert desk.read(show_timeline, 1, after=entries[3].position) == entries[4:]


def test_a_timeline_is_read_page_by_page(ops: Desk) -> None:
    """Nothing is shown twice, nothing is left out, also when entries share an instant."""
    an_eventful_incident(ops)
    ops.now -= timedelta(seconds=1)
    ops.alert("INFO")
    ops.alert("INFO")
    pages = []
    after = None
    while page := ops.read(show_timeline, 1, after=after, limit=2):
        pages += page
        after = page[-1].position
    assert pages == ops.timeline(1)
    assert len({each.position for each in pages}) == len(pages) == 10


# --- alerts


def test_alerts_of_an_entity_are_those_of_all_its_incidents_and_those_without(ops: Desk) -> None:
    """The latest first, page after page."""
    receipts = [
        ops.alert(type_)
        for type_ in ("INFO", "CRITICAL", "WARNING", "RECOVERY", "RECOVERY", "CRITICAL", "INFO")
    ]
    ops.alert(entity_id="other")
    ids = [receipt.alert_id for receipt in receipts][::-1]
    assert [each.id for each in ops.read(show_alerts, entity_id="disk", limit=50)] == ids
    page = ops.read(show_alerts, entity_id="disk", limit=3, before=ids[1])
    assert [each.id for each in page] == ids[2:5]
    assert [each.effect for each in page] == [
        *(Effect.NO_OPEN_INCIDENT, Effect.RESOLVED),
        Effect.ROLLED_UP,
    ]
    assert len(ops.read(show_alerts, limit=50)) == 8
    of_first = ops.read(show_alerts_of_incident, 1, limit=50)
    assert [each.id for each in of_first] == ids[3:6]
    assert ops.read(show_alerts_of_incident, 1, limit=1, before=ids[3]) == of_first[1:2]


def test_an_alert_is_shown_with_its_fields_and_repairs(ops: Desk) -> None:
    """As it was stored."""
    sent = ops.make("nonsense", "", note="x" * 2000)
    (receipt,) = ops.ingest(sent)
    shown = ops.read(show_alert, receipt.alert_id)
    assert (shown.fields, shown.repairs) == (sent.fields, sent.repairs)
    assert (shown.received_at, shown.message_type) == (ops.now, sent.message_type)
    with pytest.raises(AlertNotFound):
        ops.read(show_alert, receipt.alert_id + 1)


def refuse(desk: Desk, id_: int, excerpt: str) -> None:
    refusal = Refusal(
        code="not_json",
        reason="The body is not JSON",
        masked_key="keys...",
        routing_key="db",
        excerpt=excerpt,
        first_at=desk.now,
        last_at=desk.now,
    )
    with desk.database.write() as tx:
        replace_refused_alerts(tx, [], [RefusedAlert(id_, refusal)])


def test_refused_alerts_are_listed(ops: Desk) -> None:
    """All, or those that mention something; a percent sign is a percent sign."""
    for id_, excerpt in ((1, "disk 100%"), (2, "disk 1000"), (3, "cpu")):
        refuse(ops, id_, excerpt)
    assert [each.id for each in ops.read(show_refused_alerts, limit=2)] == [3, 2]
    assert [each.id for each in ops.read(show_refused_alerts, limit=2, before=2)] == [1]
    mentioning = ops.read(show_refused_alerts, mentioning="100%", limit=9)
    assert [each.id for each in mentioning] == [1]


# --- deliveries


def test_deliveries_are_listed_with_names_and_attempts(ops: Desk) -> None:
    """By webhook, state and incident; page after page."""
    again = an_eventful_incident(ops)
    ops.opened("cpu")
    ops.fire()
    ops.lease()
    lines = ops.read(show_deliveries, limit=50)
    assert [(line.webhook, line.delivery.state) for line in lines] == [
        ("pager", DeliveryState.SENDING),
        ("phone", DeliveryState.CANCELLED),
        ("pager", DeliveryState.CANCELLED),
        ("pager", DeliveryState.SENDING),
    ]
    first = lines[-1]
    assert [attempt.outcome for attempt in first.attempts] == [Outcome.REJECTED, None]
    assert first.attempts[1].number == again.attempt == 2
    assert first.step is not None
    assert (first.step.policy, str(first.step.place)) == ("ops/main", "step 1 of 2")

    def ids(**filters: object) -> list[int]:
        found = ops.read(show_deliveries, **{"limit": 50, **filters})  # type: ignore[arg-type]
        return [line.delivery.id for line in found]

    everything = ids()
    assert ids(limit=2) + ids(before=everything[1]) == everything
    assert ids(webhook="phone") == everything[1:2]
    with pytest.raises(WebhookUnknown):
        ids(webhook="nobody")
    assert ids(state=DeliveryState.SENDING) == [everything[0], everything[3]]
    assert ids(incident=2) == everything[:1]


def test_a_request_is_shown_to_the_byte_but_for_what_each_attempt_makes(ops: Desk) -> None:
    """The headers in their order, the body as it is sent; no signature, and no secret."""
    ops.opened()
    (lease,) = ops.fire().leases
    shown = ops.ask(show_delivery, lease.delivery_id, with_url=True, vault=ops.alice.vault)
    request = shown.request
    assert request.url == "https://pager.example/hook"
    assert request.request_line == "POST /hook HTTP/1.1"
    assert request.headers == (
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-VictorOps-Signature", None),
        ("Content-Length", str(len(lease.form))),
        ("Connection", "keep-alive"),
        ("Host", "pager.example"),
        ("Accept", "*/*"),
        ("User-Agent", "AHC/1.0"),
        ("webhook-id", id_text(DELIVERY, lease.delivery_id)),
        ("webhook-timestamp", None),
        ("webhook-signature", None),
    )
    assert request.body.encode() == lease.form
    assert dict(request.fields)["entity_id"] == '"disk"'


def test_only_administrators_see_where_a_request_goes(ops: Desk) -> None:
    """The rest of it is for everybody. Once the webhook was deleted, nobody can see it."""
    ops.opened()
    (lease,) = ops.fire().leases
    hidden = ops.ask(
        show_delivery, lease.delivery_id, with_url=False, vault=ops.alice.vault
    ).request
    assert (hidden.url, hidden.request_line) == (None, None)
    assert dict(hidden.headers)["Host"] is None
    assert "pager" not in str(hidden.headers)
    ops.configure({}, prune=True)
    gone = ops.ask(show_delivery, lease.delivery_id, with_url=True, vault=ops.alice.vault)
    assert (gone.request.url, gone.request.headers) == (None, ())
    assert gone.line.webhook == "pager"
    with pytest.raises(DeliveryNotFound):
        ops.ask(show_delivery, 1, with_url=False, vault=ops.alice.vault)


def test_a_test_delivery_belongs_to_no_step(ops: Desk) -> None:
    """Nor to an incident."""
    with ops.database.write() as tx:
        context = ops.context(tx)
        (webhook, *_) = context.configuration.webhooks.values()
        id_ = send_test(tx, context, webhook, actor=ALICE, organisation="example-org")
    line = ops.ask(show_delivery, id_, with_url=False, vault=ops.alice.vault).line
    assert (line.step, line.delivery.incident, line.attempts) == (None, None, ())


# --- what comes next


def test_what_comes_next_is_listed_the_earliest_first(ops: Desk) -> None:
    """Steps with whom they call and whom they pass over, ends of holds, attempts."""
    ops.opened("held")
    ops.change(hold, 1, until=timedelta(minutes=3), actor=ALICE)
    ops.opened()
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.REJECTED)
    ops.configure({}, disabled=["phone"])
    items = ops.ask(show_upcoming, limit=50)
    attempt, hold_end, step = items
    assert [item.what for item in items] == [Upcoming.ATTEMPT, Upcoming.HOLD_END, Upcoming.STEP]
    assert [item.due_at - ops.now for item in items] == [
        timedelta(seconds=2),
        timedelta(minutes=3),
        timedelta(minutes=5),
    ]
    assert (attempt.incident, attempt.webhooks) == (2, ("pager",))
    assert attempt.delivery == lease.delivery_id
    assert (hold_end.incident, hold_end.entity_id) == (1, "held")
    assert (step.webhooks, step.skipped) == (("pager",), ("phone",))
    assert step.step is not None
    assert str(step.step.place) == "step 2 of 2"
    assert ops.ask(show_upcoming, limit=2) == items[:2]
    assert ops.ask(show_upcoming, until=ops.now + timedelta(minutes=4), limit=50) == items[:2]
    assert ops.read(count_upcoming, ops.now) == Backlog(steps=0, hold_ends=0, attempts=0)
    later = ops.now + timedelta(hours=1)
    assert ops.read(count_upcoming, later) == Backlog(steps=1, hold_ends=1, attempts=1)
