"""What attempts tell about their webhooks, in the transaction that records them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions import webhooks
from tocsin.actions.deliver import Recorded, record_attempts
from tocsin.actions.incidents import acknowledge
from tocsin.actions.send_test import send_test
from tocsin.actions.webhook_failures import DisabledWebhook
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros

GONE, OK = Outcome.GONE, Outcome.DELIVERED


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    return desk


def fired(desk: Desk, entity_id: str) -> Lease:
    number = desk.opened(entity_id)
    leases = [*desk.fire().leases, *desk.lease()]
    (lease,) = [lease for lease in leases if lease.incident == number]
    return lease


def ended(desk: Desk, *outcomes: Outcome) -> Recorded:
    """Let an attempt of a new incident end so, five minutes after the one before."""
    for outcome in outcomes:
        desk.wait(minutes=5)
        lease = fired(desk, str(desk.now))
        recorded = desk.record(lease, outcome)
        news = desk.news
        desk.change(
            acknowledge, lease.incident or 0, actor="alice"
        )  # so that it is not tried again
        desk.news = news
    return recorded


def failures(desk: Desk) -> list[tuple[int, int]]:
    """Return how many failures are known of each webhook that has any, and how many were 410."""
    return [(row["failures"], row["gone"]) for row in desk.rows(schema.webhook_failures)]


def webhook(desk: Desk, slug: str = "a") -> Webhook:
    return desk.read(webhooks.get_webhook, slug, desk.alice.vault)


def disabled(desk: Desk) -> list[DisabledReason | None]:
    with desk.database.read() as tx:
        return [each.disabled_reason for each in webhooks.list_webhooks(tx, desk.alice.vault)]


def test_a_webhook_that_works_costs_no_write(ops: Desk) -> None:
    """A row is there from its first failure to its next 2xx, and at no other time."""
    ended(ops, OK, OK)
    assert failures(ops) == []
    ended(ops, Outcome.TIMED_OUT, GONE)
    assert failures(ops) == [(2, 1)]
    ended(ops, Outcome.UNKNOWN)
    assert failures(ops) == [(2, 1)]
    ended(ops, OK)
    assert failures(ops) == []


def test_an_old_connection_that_gave_no_answer_is_no_failure(ops: Desk) -> None:
    """Another one is made at once, and that one counts."""
    result = ops.result(fired(ops, "1"), Outcome.CONNECTION_LOST)._replace(at_once=True)
    with ops.database.write() as tx:
        record_attempts(tx, [result], ops.context)
    assert failures(ops) == []


def test_three_answers_of_410_over_ten_minutes_disable_it_and_say_so(ops: Desk) -> None:
    """In one transaction: the webhook, the audit, the timelines and the feed."""
    first = ops.now + timedelta(minutes=5)
    assert ended(ops, GONE, GONE).disabled == ()
    assert webhook(ops).disabled_at is None
    (told,) = ended(ops, GONE).disabled
    assert told == DisabledWebhook(DisabledReason.GONE, told.failures, 3, "a")
    assert (told.failures.gone, told.failures.gone_since) == (3, first)

    assert webhook(ops).disabled_at == ops.now
    assert disabled(ops) == [DisabledReason.GONE]
    facts = {"reason": "gone", "gone": 3, "since": first.isoformat()}
    change = ops.alice.changes()[0]
    assert (change.actor, change.action, change.object) == (ENGINE, "webhook.disabled", "a")
    assert (change.before, change.after) == ({"enabled": True}, {"enabled": False, **facts})
    entries = [row for row in ops.rows(schema.timeline) if row["kind"] == Kind.WEBHOOK_DISABLED]
    assert [(row["incident"], json.loads(row["detail"])) for row in entries] == [
        (NO_INCIDENT, {"webhook": "a", **facts, "incident": 3}),
        (3, {"webhook": "a", **facts}),
    ]
    added = [("timeline", row["incident"], row["id"]) for row in reversed(entries)]
    assert [each for each in ops.news.feed if each in added] == added
    assert Kind.WEBHOOK_DISABLED in ops.kinds(3)


def test_steps_pass_over_it_from_then_on(ops: Desk) -> None:
    """The configuration that is kept in memory is read anew; the timeline says why it was passed over."""
    ops.configure({"main": [("0s", ["a", "b"])]}, keys={"db": ["main"]})
    for _ in range(3):
        ops.wait(minutes=5)
        ops.opened(str(ops.now))
        to_a, to_b = ops.fire().leases
        ops.record(to_b, OK)
        ops.record(to_a, GONE)
    number = ops.opened("after")
    assert [lease.webhook_id for lease in ops.fire().leases] == [to_b.webhook_id]
    (skipped,) = [each for each in ops.timeline(number) if each.kind is Kind.TARGET_SKIPPED]
    assert skipped.detail["disabled_reason"] == "gone"
    assert "did not call a: it is disabled, because its receiver answered 410" in skipped.text


def test_what_is_disabled_already_stays_as_it_was(ops: Desk) -> None:
    """Attempts that were under way go on counting; whoever disabled it first is named."""
    leases = [fired(ops, entity_id) for entity_id in "1234"]
    ops.alice.does(webhooks.update_webhook, "a", enabled=False)
    at = webhook(ops).disabled_at
    for lease in leases:
        assert ops.record(lease, GONE).disabled == ()
        ops.wait(minutes=5)
    assert failures(ops) == [(4, 4)]
    assert disabled(ops) == [DisabledReason.BY_HAND]
    assert webhook(ops).disabled_at == at
    assert ops.alice.changes()[0].actor == "alice"


def test_a_test_of_the_webhook_counts_too(ops: Desk) -> None:
    """It is about no incident. A 2xx to one forgives, but does not enable: somebody must."""

    def test(outcome: Outcome) -> Recorded:
        ops.do(send_test, webhook(ops), actor="alice", organisation="example")
        (lease,) = ops.lease()
        return ops.record(lease, outcome)

    ended(ops, GONE, GONE)
    ops.wait(minutes=5)
    assert len(test(GONE).disabled) == 1
    entries = [row for row in ops.rows(schema.timeline) if row["kind"] == Kind.WEBHOOK_DISABLED]
    assert [row["incident"] for row in entries] == [NO_INCIDENT]
    test(OK)
    assert failures(ops) == []
    assert disabled(ops) == [DisabledReason.GONE]


def changed(desk: Desk, **facts: Any) -> None:
    desk.alice.does(webhooks.update_webhook, "a", **facts)


@pytest.mark.parametrize("how", ["api", "file", "url"])
def test_enabling_it_begins_to_count_anew(ops: Desk, how: str) -> None:
    """By the API or a file; so does another URL, because that is another receiver."""
    ended(ops, GONE, GONE) if how == "url" else ended(ops, GONE, GONE, GONE)
    if how == "url":
        changed(ops, url="https://other.example/")
    elif how == "api":
        changed(ops, enabled=True)
    else:
        ops.alice.apply("webhooks: {a: {url: 'https://a.example/hook', enabled: true}}")
    assert failures(ops) == []
    ended(ops, GONE, GONE)
    assert disabled(ops) == [None]
    ended(ops, GONE)
    assert disabled(ops) == [DisabledReason.GONE]


def test_other_changes_forgive_nothing(ops: Desk) -> None:
    """Nor does one that changes nothing; a file that does not say `enabled` leaves it disabled."""
    ended(ops, GONE, GONE)
    changed(ops, name="Another", auth_code="x" * 20)
    changed(ops, enabled=True)
    assert failures(ops) == [(2, 2)]
    ended(ops, GONE)
    report = ops.alice.apply("webhooks: {a: {url: 'https://a.example/hook'}}")
    changed(ops, enabled=False)
    assert failures(ops) == [(3, 3)]
    assert disabled(ops) == [DisabledReason.GONE]
    advice = [each.text() for each in report.warnings if each.path == "webhooks.a"]
    assert len(advice) == 1
    assert advice[0].startswith("webhooks.a: it stays disabled, because its receiver answered 410")


def test_what_is_deleted_is_forgotten(ops: Desk) -> None:
    """No row is left of it."""
    ended(ops, GONE)
    ops.alice.apply("routing_keys: {}\nteams: {}\nwebhooks: {}", prune=True)
    assert failures(ops) == []


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([GONE, GONE, GONE, OK], [DisabledReason.GONE]),
        ([GONE, GONE, OK, GONE], [None]),
        ([GONE, GONE, GONE, GONE], [DisabledReason.GONE]),
    ],
)
def test_a_batch_is_as_good_as_its_attempts_one_by_one(
    ops: Desk, outcomes: Sequence[Outcome], expected: list[DisabledReason | None]
) -> None:
    """They are taken in order; a 2xx that comes too late does not undo what was decided."""
    leases = [fired(ops, str(each)) for each in range(4)]
    results = []
    for lease, outcome in zip(leases, outcomes, strict=True):
        results.append(ops.result(lease, outcome)._replace(ended_at=to_micros(ops.now)))
        ops.wait(minutes=5)
    with ops.database.write() as tx:
        recorded = record_attempts(tx, results, ops.context)
    assert disabled(ops) == expected
    counts = [each.failures.gone for each in recorded.disabled]
    assert counts == ([] if expected == [None] else [3])
    assert (
        failures(ops)
        == {
            OK: [],
            GONE: [(1, 1) if OK in outcomes else (4, 4)],
        }[outcomes[-1]]
    )
