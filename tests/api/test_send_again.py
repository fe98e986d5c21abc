"""Sending deliveries again over HTTP: one, or all of a choice that was counted first."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.harness import Harness
from tests.api.test_access import check_error
from tests.api.test_deliveries import SENDING, deliveries, end, fire

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import lease as lease_due
from tocsin.actions.deliver import record_attempts
from tocsin.actions.escalate import Sending, escalate
from tocsin.actions.incident_set import Context
from tocsin.actions.send_again import SLICE
from tocsin.domain.outcome import Outcome
from tocsin.domain.principal import Scope
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros

MANY = "deliveries/send-again"


def fail(harness: Harness, *entity_ids: str, outcome: Outcome = Outcome.GONE) -> list[str]:
    """Open incidents whose first delivery, to pager, fails; return the ids of the deliveries."""
    for entity_id in entity_ids:
        harness.open_incident(entity_id)
        for lease in fire(harness):
            end(harness, lease, outcome, 200 if outcome.is_delivered else 410)
    return [each["id"] for each in reversed(deliveries(harness))]


def again(harness: Harness, id_: str, **more: Any) -> Any:
    return harness.ask("POST", f"deliveries/{id_}/send-again", **more)


def many(harness: Harness, **choice: Any) -> Any:
    return harness.ask("POST", MANY, choice)


def test_what_failed_is_sent_again_by_whoever_responds(harness: Harness) -> None:
    """The answer is the delivery as it is now; repeating the wish changes nothing."""
    (id_,) = fail(harness, "a")
    answer = again(harness, id_, scope=Scope.RESPOND)
    assert answer.status_code == 200
    sent = answer.json()
    assert (sent["id"], sent["state"], sent["resending"], sent["changed"]) == (
        *(id_, "pending"),
        *("pending_again", True),
    )
    assert sent["due_at"] == "2026-11-02T03:00:00.000000Z"
    assert (sent["ended_at"], sent["end_reason"], len(sent["attempts"])) == (None, None, 1)
    repeated = again(harness, id_).json()
    assert (repeated["resending"], repeated["changed"]) == ("due_already", False)
    (lease,) = harness.write(lambda tx, context: lease_due(tx, context, limit=9, sending=SENDING))
    end(harness, lease, Outcome.DELIVERED, 200)
    shown = harness.ask("GET", f"deliveries/{id_}").json()
    assert [each["number"] for each in shown["attempts"]] == [1, 2]
    (entry,) = [
        each
        for each in harness.ask("GET", "incidents/1/timeline").json()["items"]
        if each["kind"] == "sent_again"
    ]
    assert entry["actor"] == "token:can-respond"
    (change,) = harness.ask("GET", "changes", params={"limit": 1}).json()["items"]
    assert (change["action"], change["object"]) == ("delivery.sent_again", id_)


def test_what_was_delivered_becomes_a_new_delivery_once(harness: Harness) -> None:
    """Marked on both; with an Idempotency-Key the wish is heard once."""
    (id_,) = fail(harness, "a", outcome=Outcome.DELIVERED)
    key = {"idempotency-key": "once"}
    sent = again(harness, id_, headers=key).json()
    assert again(harness, id_, headers=key).json() == sent
    assert (sent["resend_of"], sent["resending"], sent["test"]) == (id_, "new_delivery", False)
    assert sent["id"] != id_
    assert (sent["incident"], sent["step"]["policy"]) == (1, "ops/primary")
    assert [each["id"] for each in deliveries(harness)] == [sent["id"], id_]
    assert harness.ask("GET", f"deliveries/{id_}").json()["resends"] == [sent["id"]]
    shown = harness.ask("GET", f"deliveries/{sent['id']}").json()
    assert (shown["resends"], shown["resend_of"]) == ([], id_)
    assert ["webhook-id", sent["id"]] in shown["request"]["headers"]


def test_refusals_have_codes(harness: Harness) -> None:
    """Of a stopped escalation, of a webhook that is disabled, of a delivery that is not there."""
    stale, other = fail(harness, "a", "b")
    harness.ask("POST", "incidents/1/acknowledge")
    error = check_error(again(harness, stale), 409, "stale_escalation")
    assert "reopen incident 1" in error["message"]
    harness.ask("PATCH", "webhooks/pager", {"enabled": False})
    check_error(again(harness, other), 409, "webhook_disabled")
    check_error(again(harness, "dlv_0000000000000001"), 404, "delivery_not_found")
    check_error(again(harness, "31"), 404, "malformed_id")
    check_error(again(harness, other, scope=Scope.READ), 403, "scope_too_narrow")


def test_many_are_counted_first(harness: Harness) -> None:
    """A dry run changes nothing; with its count they are sent, and not with another one."""
    ids = fail(harness, "a", "b", "c")
    harness.ask("POST", "incidents/2/acknowledge")
    choice = {"webhook": "pager", "since": "2026-11-02T03:00:00Z"}
    counted = many(harness, **choice, dry_run=True).json()
    assert counted == {
        "dry_run": True,
        "count": 2,
        "unchanged": 0,
        "refused": {"stale_escalation": 1},
    }
    assert {each["state"] for each in deliveries(harness)} == {"failed"}
    error = check_error(many(harness, **choice, expected_count=3), 409, "count_changed")
    assert error["fields"] == {"expected": 3, "count": 2}
    assert {each["state"] for each in deliveries(harness)} == {"failed"}

    sent = many(harness, **choice, expected_count=2).json()
    assert sent == {**counted, "dry_run": False}
    states = {each["id"]: each["state"] for each in deliveries(harness)}
    assert states == {ids[0]: "pending", ids[1]: "failed", ids[2]: "pending"}
    (change,) = harness.ask("GET", "changes", params={"limit": 1}).json()["items"]
    assert (change["action"], change["object"]) == ("delivery.sent_again", "pager")
    assert change["after"] == {
        "webhook": "pager",
        "state": "failed",
        "expected_count": 2,
        "since": "2026-11-02T03:00:00.000000Z",
    }
    assert many(harness, **choice, expected_count=0).json()["count"] == 0
    check_error(many(harness, **choice), 422, "invalid_request")


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({}, 2),
        ({"webhook": "siren"}, 0),
        ({"incident": 1}, 1),
        ({"test": True}, 0),
        ({"test": False}, 2),
        ({"until": "2026-11-02T03:00:00Z"}, 0),
        ({"since": "2026-11-02T03:00:00.000001Z"}, 0),
        ({"state": "delivered"}, 1),
        ({"state": "pending"}, 0),
    ],
)
def test_all_that_is_given_must_hold(harness: Harness, choice: dict[str, Any], count: int) -> None:
    """Without anything it is all that failed."""
    fail(harness, "a", "b")
    fail(harness, "c", outcome=Outcome.DELIVERED)
    assert many(harness, **choice, dry_run=True).json()["count"] == count


def fail_all(tx: Tx, context: Context) -> None:
    """Fire what is due, and let every attempt fail."""
    sending = Sending(run_id=1, slots=2 * SLICE, room=2 * SLICE)
    leases = escalate(tx, context, limit=2 * SLICE, sending=sending).leases
    at = to_micros(context.now)
    record_attempts(
        tx,
        [AttemptResult(each, 1, Outcome.GONE, at, at, 410, None) for each in leases],
        lambda _: context,
    )


def test_many_are_sent_in_slices(harness: Harness) -> None:
    """Each is a transaction of its own, so that an acknowledgement comes in between."""
    count = SLICE + 1
    for number in range(count):
        harness.post_alert({"message_type": "CRITICAL", "entity_id": str(number)})
    harness.write(fail_all)
    before = len(harness.news)
    assert many(harness, expected_count=count).json()["count"] == count
    slices = [news for news in harness.news[before:] if news.feed]
    assert [sum(each[0] == "timeline" for each in news.feed) for news in slices] == [SLICE, 1]
    assert {each["state"] for each in deliveries(harness, limit=200)} == {"pending"}
    changes = harness.ask("GET", "changes", params={"limit": 200}).json()["items"]
    assert [each["action"] for each in changes].count("delivery.sent_again") == 1


def test_tests_are_marked_and_listed(harness: Harness) -> None:
    """No incident asked for them."""
    (other,) = fail(harness, "a")
    test = harness.ask("POST", "webhooks/pager/test").json()["delivery"]
    harness.clock.advance(timedelta(minutes=1))
    assert [each["id"] for each in deliveries(harness, test=True)] == [test]
    assert [each["id"] for each in deliveries(harness, test=False)] == [other]
    assert [each["test"] for each in deliveries(harness)] == [True, False]
    since = {"since": "2026-11-02T03:00:30Z"}
    assert deliveries(harness, **since) == []
    assert len(deliveries(harness, until="2026-11-02T03:00:30Z")) == 2
    check_error(harness.ask("GET", "deliveries", params={"since": "2h"}), 422, "invalid_request")


def test_the_request_of_an_attempt_is_for_administrators(harness: Harness) -> None:
    """To the byte, with what it is; an attempt that there was not is 404."""
    (id_,) = fail(harness, "a")
    path = f"deliveries/{id_}/attempts/1/request"
    request = harness.ask("GET", path).json()
    assert request["source"] == "not_known"  # this harness records no head
    assert request["note"].startswith("What this attempt sent is not on record")
    assert request["url"] == "https://pager.example/hook?to=ops"
    head, _, body = request["text"].partition("\r\n\r\n")
    assert head.startswith("POST /hook?to=ops HTTP/1.1\r\nContent-Type: ")
    assert body == request["body"]
    check_error(harness.ask("GET", path, scope=Scope.RESPOND), 403, "scope_too_narrow")
    check_error(
        harness.ask("GET", f"deliveries/{id_}/attempts/2/request"), 404, "attempt_not_found"
    )
    missing = "deliveries/dlv_0000000000000001/attempts/1/request"
    check_error(harness.ask("GET", missing), 404, "delivery_not_found")


def test_an_unknown_webhook_is_refused(harness: Harness) -> None:
    """A slip of the pen is no choice of nothing."""
    asked = {"webhook": "nobody", "since": "2026-11-02T03:00:00Z", "dry_run": True}
    error = check_error(harness.ask("POST", "deliveries/send-again", asked), 422, "unknown_name")
    assert error["message"] == "There is no webhook 'nobody': look at the list of webhooks"
