"""Every delivery can be looked into: what was sent, when, and what came back."""

import json
from datetime import timedelta
from typing import Any

from tests.api.harness import Harness
from tests.api.test_access import check_error

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import Recorded, record_attempts
from tocsin.actions.escalate import Sending, escalate
from tocsin.actions.incident_set import Context
from tocsin.domain.outcome import Outcome
from tocsin.domain.principal import Scope
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease

SENDING = Sending(run_id=1, slots=4, room=10)
DETAIL = {
    "address": "203.0.113.7",
    "us": [100, 200, None, 300, 700],
    "reason": "",
    "headers": [["Location", "https://pager.example/hook?to=ops"]],
    "body": "out of order",
}


def fire(harness: Harness) -> list[Lease]:
    leases: list[Lease] = harness.write(
        lambda tx, context: escalate(tx, context, limit=10, sending=SENDING).leases
    )
    return leases


def end(harness: Harness, lease: Lease, outcome: Outcome, status: int) -> None:
    """Let an attempt end a quarter of a second after it began."""

    def work(tx: Tx, context: Context) -> Recorded:
        result = AttemptResult(
            lease=lease,
            run_id=1,
            outcome=outcome,
            first_byte_at=lease.started_at + 1000,
            ended_at=lease.started_at + 250_000,
            status_code=status,
            detail=json.dumps(DETAIL),
        )
        return record_attempts(tx, [result], lambda _: context)

    harness.write(work)


def deliveries(harness: Harness, **params: Any) -> list[Any]:
    items: list[Any] = harness.ask("GET", "deliveries", params=params).json()["items"]
    return items


def test_a_delivery_shows_each_attempt_and_the_request(harness: Harness) -> None:
    """The outcome by name, the likely cause, the phases, and the request without its signatures."""
    number = harness.open_incident()
    (lease,) = fire(harness)
    (under_way,) = deliveries(harness)
    assert (under_way["state"], under_way["attempts"][0]["outcome"]) == ("sending", None)
    end(harness, lease, Outcome.REJECTED, 401)

    (line,) = deliveries(harness, incident=number)
    shown = harness.ask("GET", f"deliveries/{line['id']}").json()

    assert line["step"]["policy"] == "ops/primary"
    assert line["step"]["place"] == {"step": 1, "steps": 2, "cycle": 1, "cycles": 1}
    assert (line["webhook"], line["incident"], line["state"]) == ("pager", number, "pending")
    (attempt,) = shown["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("rejected", 401)
    assert "auth code" in attempt["explanation"]
    assert attempt["ended_at"] == "2026-11-02T03:00:00.250000Z"
    assert attempt["milliseconds"] == {
        "resolve": 0.1,
        "connect": 0.2,
        "tls": None,
        "first_byte": 0.3,
        "total": 0.7,
    }
    assert attempt["answer_body"] == "out of order"
    request = shown["request"]
    assert request["url"] == "https://pager.example/hook?to=ops"
    assert request["request_line"] == "POST /hook?to=ops HTTP/1.1"
    assert ["X-VictorOps-Signature", None] in request["headers"]
    assert ["webhook-id", line["id"]] in request["headers"]
    assert ["incident", str(number)] in request["fields"]
    assert f"incident={number}" in request["body"]
    timeline = harness.ask("GET", f"incidents/{number}/timeline").json()["items"]
    assert [each["kind"] for each in timeline] == ["opened", "paged", "attempted"]
    assert timeline[1]["lateness_seconds"] == 0


def test_only_administrators_see_what_gives_a_url_away(harness: Harness) -> None:
    """A URL may be a secret: not in the request, nor in an answer's headers or address."""
    harness.open_incident()
    (lease,) = fire(harness)
    end(harness, lease, Outcome.REDIRECTED, 302)
    (line,) = deliveries(harness)

    answer = harness.ask("GET", f"deliveries/{line['id']}", scope=Scope.RESPOND)

    assert "pager.example" not in answer.text
    assert "203.0.113.7" not in answer.text
    assert answer.json()["request"]["url"] is None
    assert answer.json()["attempts"][0]["answer_headers"] is None
    assert "pager.example" in harness.ask("GET", f"deliveries/{line['id']}").text


def test_deliveries_are_filtered_and_paged(harness: Harness) -> None:
    """By webhook, state and incident; newest first."""
    first, second = harness.open_incident("a"), harness.open_incident("b")
    lease, _ = fire(harness)
    end(harness, lease, Outcome.DELIVERED, 200)
    harness.clock.advance(timedelta(minutes=10))
    fire(harness)

    assert len(deliveries(harness)) == 6
    assert {each["webhook"] for each in deliveries(harness, webhook="siren")} == {"siren"}
    assert [each["incident"] for each in deliveries(harness, state="delivered")] == [first]
    assert {each["incident"] for each in deliveries(harness, incident=second)} == {second}
    unknown = harness.ask("GET", "deliveries", params={"webhook": "sirene"})
    assert check_error(unknown, 422, "unknown_name")["message"].endswith("did you mean 'siren'?")
    listed = harness.ask("GET", f"incidents/{second}/deliveries").json()["items"]
    assert listed == deliveries(harness, incident=second)
    ids = [each["id"] for each in deliveries(harness)]
    page = harness.ask("GET", "deliveries", params={"limit": 4}).json()
    rest = deliveries(harness, cursor=page["next_cursor"])
    assert [each["id"] for each in [*page["items"], *rest]] == ids


def test_a_webhook_is_tested_by_a_real_delivery(harness: Harness) -> None:
    """202 with the delivery, which belongs to no incident and waits to be sent at once."""
    answer = harness.ask("POST", "webhooks/pager/test")
    assert answer.status_code == 202
    shown = harness.ask("GET", f"deliveries/{answer.json()['delivery']}").json()
    assert (shown["incident"], shown["step"], shown["state"]) == (None, None, "pending")
    assert ["message_type", '"INFO"'] in shown["request"]["fields"]
    assert ["vo_organization_id", '"acme"'] in shown["request"]["fields"]
    (item,) = harness.ask("GET", "upcoming").json()["items"]
    assert (item["what"], item["webhooks"]) == ("attempt", ["pager"])


def test_a_delivery_that_is_not_there_is_404(harness: Harness) -> None:
    """By id, whatever the id looks like."""
    check_error(harness.ask("GET", "deliveries/dlv_0000000000000001"), 404, "delivery_not_found")
    check_error(harness.ask("GET", "deliveries/17"), 404, "malformed_id")
