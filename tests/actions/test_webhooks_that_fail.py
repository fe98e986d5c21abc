"""A webhook that fails again and again is told of, once; where somebody wants it, by an alert."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions import webhooks
from tocsin.actions.deliver import Recorded, record_attempts
from tocsin.actions.incidents import acknowledge
from tocsin.actions.webhook_state import find_failing
from tocsin.domain.incident import Status
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import NO_INCIDENT, Kind
from tocsin.domain.webhook_failures import Turn
from tocsin.domain.webhook_options import WebhookOptions, options_of
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros
from tocsin.stored_json import from_json

OK, BAD = Outcome.DELIVERED, Outcome.CONNECTION_REFUSED
ENTITY = "tocsin webhook a"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Alerts call a. When it fails, the routing key ops is told, which calls a and b."""
    desk.configure(
        {"main": [("0s", ["a"])], "ops": [("0s", ["a", "b"])]},
        keys={"db": ["main"], "ops": ["ops"]},
        own={"a": {"when_failing": {"routing_key": "Ops"}}},
    )
    return desk


def attempt(desk: Desk, outcome: Outcome, **facts: Any) -> Recorded:
    """Let an attempt to a, of a new incident, end so, five minutes after the one before."""
    desk.wait(minutes=5)
    lease = fired(desk, f"db {desk.now}")
    recorded = desk.record(lease, outcome, **facts)
    news = desk.news
    desk.change(acknowledge, lease.incident or 0, actor="alice")
    desk.news = news
    return recorded


def fired(desk: Desk, entity_id: str) -> Lease:
    number = desk.opened(entity_id)
    leases = [*desk.fire().leases, *desk.lease()]
    (lease,) = [lease for lease in leases if lease.incident == number]
    return lease


def attempts(desk: Desk, *outcomes: Outcome) -> list[Turn]:
    """Return what was told of them."""
    return [each.turn for outcome in outcomes for each in attempt(desk, outcome).turned]


def about(desk: Desk, entity_id: str = ENTITY) -> list[tuple[int, Status]]:
    """Return the incidents of the webhook."""
    return [
        (row["alert_count"], Status(row["status"]))
        for row in desk.rows(schema.incidents)
        if row["entity_id"] == entity_id
    ]


def told(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    return [
        (row["kind"], from_json(row["detail"]))
        for row in desk.rows(schema.timeline)
        if row["incident"] == NO_INCIDENT and not row["kind"].startswith("breaker_")
    ]


def failing(desk: Desk) -> list[str]:
    with desk.database.read() as tx:
        known = webhooks.list_webhooks(tx, desk.alice.vault)
        found = find_failing(tx, known)
    return [each.slug for each in known if each.id in found]


def test_the_third_failure_over_ten_minutes_is_told_once(ops: Desk) -> None:
    """On the timeline that is about no incident and in the feed, with the last reason."""
    first = ops.now + timedelta(minutes=5)
    assert attempts(ops, BAD, BAD) == []
    assert failing(ops) == []
    (turned,) = attempt(ops, Outcome.REJECTED, status=503).turned
    assert (turned.turn, turned.slug, turned.failures.count) == (Turn.FAILING, "a", 3)
    assert failing(ops) == ["a"]
    assert ("timeline", NO_INCIDENT) in [each[:2] for each in ops.news.feed]
    ((kind, detail),) = told(ops)
    assert (kind, detail["webhook"], detail["failures"]) == (Kind.WEBHOOK_FAILING, "a", 3)
    assert detail["since"] == first.isoformat()
    assert detail["cause"].startswith("rejected (HTTP 503): The receiver, or a proxy")
    assert attempts(ops, BAD, BAD) == []
    assert len(told(ops)) == 1


def test_the_next_2xx_is_told_too(ops: Desk) -> None:
    """And then it needs three more."""
    assert attempts(ops, BAD, BAD, BAD, OK) == [Turn.FAILING, Turn.WORKS_AGAIN]
    assert failing(ops) == []
    assert told(ops)[-1] == (Kind.WEBHOOK_WORKS_AGAIN, {"webhook": "a"})
    assert attempts(ops, BAD, BAD, OK, BAD, OK) == []
    assert attempts(ops, BAD, BAD, BAD) == [Turn.FAILING]


def test_less_than_that_is_not_told(ops: Desk) -> None:
    """Two failures, however far apart; three in less than ten minutes."""
    assert attempts(ops, BAD) == []
    ops.wait(hours=5)
    assert attempts(ops, BAD, OK) == []
    for seconds in (0, 60, 539):
        ops.wait(seconds=seconds)
        assert ops.record(fired(ops, str(ops.now)), BAD).turned == ()
    assert failing(ops) == []
    ops.wait(seconds=1)
    assert len(ops.record(fired(ops, str(ops.now)), BAD).turned) == 1


def test_an_alert_opens_an_incident_and_the_next_2xx_resolves_it(ops: Desk) -> None:
    """By the way of all alerts, under the routing key that the webhook names."""
    attempts(ops, BAD, BAD, BAD)
    assert about(ops) == [(1, Status.TRIGGERED)]
    (row,) = [each for each in ops.rows(schema.alerts) if each["entity_id"] == ENTITY]
    fields = json.loads(row["fields"])
    assert (row["message_type"], row["routing_key"]) == ("CRITICAL", "ops")
    assert fields["monitoring_tool"] == "Tocsin"
    assert fields["entity_display_name"] == "Webhook a is failing"
    assert "3 attempts have failed since" in fields["state_message"]
    assert "connection refused: Nothing listens at that address" in fields["state_message"]
    assert ops.news.work_due_at == to_micros(ops.now)
    attempts(ops, OK)
    assert about(ops) == [(1, Status.RESOLVED)]


def test_the_page_about_it_may_call_it_without_an_end(ops: Desk) -> None:
    """That fails, too, and tells nobody: one incident, however often."""
    attempts(ops, BAD, BAD, BAD)
    for _ in range(5):
        ops.wait(minutes=5)
        for lease in [*ops.fire().leases, *ops.lease()]:
            ops.record(lease, BAD)
    assert about(ops) == [(1, Status.TRIGGERED)]
    assert [kind for kind, _ in told(ops)] == [Kind.WEBHOOK_FAILING, Kind.WEBHOOK_FAILING]
    assert sorted(detail["webhook"] for _, detail in told(ops)) == ["a", "b"]


def test_a_webhook_that_asks_for_no_alert_opens_no_incident(ops: Desk) -> None:
    """It is told of all the same."""
    ops.alice.does(webhooks.update_webhook, "a", options=untold(ops))
    assert attempts(ops, BAD, BAD, BAD, OK) == [Turn.FAILING, Turn.WORKS_AGAIN]
    assert about(ops) == []


def untold(desk: Desk, slug: str = "a") -> WebhookOptions:
    """Return the options of a webhook of which nobody is told."""
    webhook = desk.read(webhooks.get_webhook, slug, desk.alice.vault)
    return replace(options_of(webhook), when_failing=None)


@pytest.mark.parametrize(
    "change", [{"url": "https://other.example/"}, {"new_slug": "z"}, {"name": "Another"}]
)
def test_what_is_changed_meanwhile_is_taken_back_where_it_was_told(
    ops: Desk, change: dict[str, str]
) -> None:
    """Another URL or name, another routing key or none: the incident that is open is resolved by the 2xx."""
    attempts(ops, BAD, BAD, BAD)
    ops.alice.does(webhooks.update_webhook, "a", **change)
    slug = change.get("new_slug", "a")
    ops.alice.does(webhooks.update_webhook, slug, options=untold(ops, slug))
    assert failing(ops) == ([] if "url" in change else [slug])
    assert about(ops) == [(1, Status.TRIGGERED)]
    assert attempts(ops, OK) == [Turn.WORKS_AGAIN]
    assert about(ops) == [(1, Status.RESOLVED)]
    assert ops.rows(schema.webhook_failures) == []


def test_a_new_receiver_that_fails_too_is_told_anew(ops: Desk) -> None:
    """Into the incident that is open, as it is the same entity."""
    attempts(ops, BAD, BAD, BAD)
    ops.alice.does(webhooks.update_webhook, "a", url="https://other.example/")
    assert attempts(ops, BAD, BAD, BAD) == [Turn.FAILING]
    assert about(ops) == [(2, Status.TRIGGERED)]


def test_one_under_another_name_is_told_under_that(ops: Desk) -> None:
    """And what is out under the old one is taken back."""
    attempts(ops, BAD, BAD, BAD)
    ops.alice.does(webhooks.update_webhook, "a", new_slug="z", url="https://other.example/")
    assert attempts(ops, BAD, BAD, BAD) == [Turn.FAILING]
    assert about(ops) == [(1, Status.RESOLVED)]
    assert about(ops, "tocsin webhook z") == [(1, Status.TRIGGERED)]


def test_whoever_is_to_be_told_by_now_is_told_by_the_next_failure(ops: Desk) -> None:
    """Also if nobody was before; once, and what is out elsewhere is taken back."""
    asked = replace(untold(ops), when_failing="ops")
    ops.alice.does(webhooks.update_webhook, "a", options=untold(ops))
    attempts(ops, BAD, BAD, BAD)
    assert about(ops) == []
    ops.alice.does(webhooks.update_webhook, "a", options=asked)
    assert attempts(ops, BAD, BAD) == []
    assert about(ops) == [(1, Status.TRIGGERED)]
    ops.alice.does(webhooks.update_webhook, "a", options=replace(asked, when_failing="db"))
    attempts(ops, BAD, BAD)
    assert about(ops) == [(1, Status.RESOLVED), (1, Status.TRIGGERED)]
    ops.alice.does(webhooks.update_webhook, "a", options=untold(ops))
    attempts(ops, BAD)
    assert about(ops) == [(1, Status.RESOLVED), (1, Status.RESOLVED)]
    assert len(told(ops)) == 1


def test_a_disabled_webhook_is_not_failing(ops: Desk) -> None:
    """Nobody calls it; attempts that were under way tell nobody."""
    leases = [fired(ops, each) for each in "123"]
    ops.alice.does(webhooks.update_webhook, "a", enabled=False)
    for lease in leases:
        assert ops.record(lease, BAD).turned == ()
        ops.wait(minutes=5)
    assert failing(ops) == []
    assert about(ops) == []


def test_one_that_is_gone_is_told_before_it_is_disabled(ops: Desk) -> None:
    """In the same transaction: somebody has to know."""
    attempts(ops, Outcome.GONE, Outcome.GONE)
    recorded = attempt(ops, Outcome.GONE)
    assert [each.turn for each in recorded.turned] == [Turn.FAILING]
    assert [each.slug for each in recorded.disabled] == ["a"]
    assert about(ops) == [(1, Status.TRIGGERED)]


def test_a_deleted_webhook_is_forgotten(ops: Desk) -> None:
    """Whoever deletes it resolves the incident about it."""
    attempts(ops, BAD, BAD, BAD)
    ops.alice.apply("routing_keys: {}\nteams: {}\nwebhooks: {}", prune=True)
    assert ops.rows(schema.webhook_failures) == []
    assert about(ops) == [(1, Status.TRIGGERED)]


@pytest.mark.parametrize(
    ("outcomes", "turns", "statuses"),
    [
        ([BAD, BAD, BAD, OK], [Turn.FAILING, Turn.WORKS_AGAIN], [Status.RESOLVED]),
        ([BAD, BAD, OK, BAD], [], []),
        ([BAD, BAD, BAD, BAD], [Turn.FAILING], [Status.TRIGGERED]),
    ],
)
def test_a_batch_is_as_good_as_its_attempts_one_by_one(
    ops: Desk, outcomes: Sequence[Outcome], turns: list[Turn], statuses: list[Status]
) -> None:
    """They are taken in order, and what is told in between is taken back."""
    leases = [fired(ops, each) for each in "1234"]
    results = []
    for lease, outcome in zip(leases, outcomes, strict=True):
        results.append(ops.result(lease, outcome)._replace(ended_at=to_micros(ops.now)))
        ops.wait(minutes=5)
    with ops.database.write() as tx:
        recorded = record_attempts(tx, results, ops.context)
    assert [each.turn for each in recorded.turned] == turns
    assert [status for _, status in about(ops)] == statuses
    kept = [(row["failures"], row["told_as"]) for row in ops.rows(schema.webhook_failures)]
    assert (
        kept
        == {4: [(4, "a")], 1: [(1, None)], 0: []}[
            0 if outcomes[-1] is OK else 1 if OK in outcomes else 4
        ]
    )


def test_a_webhook_that_works_still_costs_no_write(ops: Desk) -> None:
    """A look, for the whole batch."""
    attempts(ops, OK, OK)
    assert ops.rows(schema.webhook_failures) == []
    assert told(ops) == []
