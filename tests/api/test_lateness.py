"""How late pages are, and how a webhook is, over HTTP."""

from tests.api.harness import Harness
from tests.api.test_access import check_error
from tests.api.test_deliveries import end, fire

from tocsin.domain.outcome import Outcome


def test_planned_against_real(harness: Harness) -> None:
    """Percentiles in milliseconds, a bucket an hour, and what the slowest webhooks took."""
    harness.open_incident()
    (lease,) = fire(harness)
    end(harness, lease, Outcome.DELIVERED, 204)

    found = harness.ask("GET", "lateness").json()
    assert (found["period"], len(found["items"]), found["sample"]) == ("day", 24, False)
    assert found["first_bytes"]["count"] == 1
    assert found["items"][-1]["first_bytes"] == found["first_bytes"]
    assert found["first_bytes"]["p50"] == found["steps"]["p50"] + 1
    (slow,) = found["slowest"]
    assert (slow["webhook"], slow["took"]["p95"], slow["failed"]) == ("pager", 250, 0)
    assert len(harness.ask("GET", "lateness", params={"period": "month"}).json()["items"]) == 30
    check_error(harness.ask("GET", "lateness", params={"period": "week"}), 422, "invalid_request")


def test_how_a_webhook_is(harness: Harness) -> None:
    """Its latest attempts, who calls it and what waits; a slug that nobody has is told so."""
    harness.open_incident()
    (lease,) = fire(harness)
    end(harness, lease, Outcome.REJECTED, 500)

    found = harness.ask("GET", "webhooks/pager/health").json()
    (attempt,) = found["attempts"]
    assert (attempt["outcome"], attempt["status"], attempt["number"]) == ("rejected", 500, 1)
    assert found["took"]["p50"] == 250
    assert (found["last_success"], found["waiting"]) == (None, 1)
    assert found["used_by"] == [{"policy": "ops/primary", "steps": [1, 2]}]
    check_error(harness.ask("GET", "webhooks/nothing/health"), 404, "not_configured")
