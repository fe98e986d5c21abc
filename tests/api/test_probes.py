"""Machines learn whether it is alive, whether it is ready, and how much it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.api.harness import ALERT_KEY, Harness
from tests.api.test_access import check_error

from tocsin.domain.role import Role
from tocsin.domain.webhook import DisabledReason
from tocsin.metrics import Gauges, Metrics
from tocsin.service.readiness import reasons_not_ready, warnings
from tocsin.service.services import Health
from tocsin.store.writer import StoreUnavailable

LATE, IN_TIME = timedelta(seconds=10, microseconds=1), timedelta(seconds=10)


@pytest.mark.parametrize(
    ("health", "codes"),
    [
        (Health(), []),
        (Health(oldest_overdue=IN_TIME, oldest_unsent=IN_TIME), []),
        (Health(oldest_overdue=LATE), ["steps_overdue"]),
        (Health(oldest_unsent=LATE), ["deliveries_unsent"]),
        (Health(oldest_overdue=LATE, oldest_unsent=LATE, is_paused=True), []),
        (Health(commit_error="disk full"), ["commit_failed"]),
        (Health(commit_error="disk full", is_paused=True), ["commit_failed"]),
        (Health(is_out_of_touch=True), ["out_of_touch"]),
        (Health(clock_jumped=timedelta(seconds=-31)), ["clock_jumped"]),
        (Health(free_bytes=64 * 2**20 - 1), ["disk_nearly_full"]),
        (Health(free_bytes=64 * 2**20), []),
        (Health(poisoned=1), ["poison"]),
        (Health(cannot_go_on="upgrade this node", newer_schema="9"), ["newer_schema"]),
        (Health(newer_schema="9"), []),
        (Health(nodes={Role.DELIVER: 0}), []),
        (Health(has_default_routing=False), []),
    ],
)
def test_it_is_ready_unless_pages_may_not_go_out(health: Health, codes: list[str]) -> None:
    """Late steps or first attempts, a failed commit, a full disk, poison: each by its code."""
    assert [each.code for each in reasons_not_ready(health)] == codes


def test_what_only_needs_a_look_is_a_warning() -> None:
    """No default routing, a webhook whose receiver is gone, and the engine paused."""
    health = Health(
        has_default_routing=False, is_paused=True, disabled_webhooks={DisabledReason.GONE: 2}
    )
    assert [each.code for each in warnings(health)] == [
        *("no_default_routing", "webhooks_gone"),
        "paused",
    ]
    assert "2 webhooks are disabled, because" in warnings(health)[1].message
    assert warnings(Health(disabled_webhooks={DisabledReason.BY_HAND: 2})) == []


def test_readiness_is_told_over_http_without_a_token(harness: Harness) -> None:
    """200 or 503, with the reasons as sentences."""
    ready = harness.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "reasons": [], "warnings": []},
    )

    harness.health = Health(oldest_overdue=timedelta(seconds=75))
    unready = harness.http.get("/readyz")
    assert unready.status_code == 503
    (reason,) = unready.json()["reasons"]
    assert reason["code"] == "steps_overdue"
    assert "75 s" in reason["message"]
    assert harness.http.get("/healthz").json() == {"status": "ok", "version": "1.2.3"}
    assert harness.ask("GET", "status").json()["reasons"] == [reason["message"]]


def test_a_store_that_cannot_be_read_is_a_reason(harness: Harness) -> None:
    """It is not ready, rather than broken."""

    def unreadable() -> Health:
        raise StoreUnavailable("no such file")

    harness.measure = unreadable
    answer = harness.http.get("/readyz")
    assert answer.status_code == 503
    assert [each["code"] for each in answer.json()["reasons"]] == ["store_unavailable"]


def test_metrics_are_text_for_prometheus(harness: Harness) -> None:
    """Counters, gauges and histograms, with the version; as OpenMetrics if asked."""
    harness.health = Health(
        oldest_overdue=timedelta(seconds=3),
        queue_depths={"inbox": 4},
        in_flight=5,
        disabled_webhooks={DisabledReason.GONE: 2},
    )
    answer = harness.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'tocsin_build_info{version="1.2.3"} 1.0',
        "tocsin_oldest_overdue_seconds 3.0",
        "tocsin_oldest_unsent_seconds 0.0",
        'tocsin_queue_depth{queue="inbox"} 4.0',
        "tocsin_attempts_in_flight 5.0",
        "tocsin_paused 0.0",
        'tocsin_disabled_webhooks{reason="by_hand"} 0.0',
        'tocsin_disabled_webhooks{reason="gone"} 2.0',
    ):
        assert line in lines
    openmetrics = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = harness.http.get("/metrics", headers=openmetrics)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")


def test_metrics_have_the_codes_of_readyz(harness: Harness) -> None:
    """One alert on either gauge is an alert on all of them."""
    harness.health = Health(commit_error="disk full", is_paused=True)
    lines = harness.http.get("/metrics").text.splitlines()
    assert 'tocsin_not_ready{code="commit_failed"} 1.0' in lines
    assert 'tocsin_warning{code="paused"} 1.0' in lines


def test_metrics_are_told_while_the_store_is_away(harness: Harness) -> None:
    """What was counted, and that it is away: a scrape that failed would say less."""

    def unreadable() -> Health:
        raise StoreUnavailable("no such file")

    harness.measure = unreadable
    answer = harness.http.get("/metrics")
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert 'tocsin_not_ready{code="store_unavailable"} 1.0' in lines
    assert "tocsin_incidents_opened_total 0.0" in lines
    assert not any(line.startswith("tocsin_paused") for line in lines)


def test_what_an_alert_asks_for_begins_at_nought() -> None:
    """Else the first time would not be seen as a rise."""
    text = Metrics(version="1").render(Gauges())[0].decode()
    for sample in (
        'tocsin_poison_total{pipeline="escalate"} 0.0',
        'tocsin_refused_alerts_total{code="store_unavailable"} 0.0',
        'tocsin_deliveries_total{state="failed"} 0.0',
        "tocsin_exhausted_total 0.0",
    ):
        assert sample in text.splitlines()


def test_what_is_counted_is_told() -> None:
    """Each method of Metrics moves its own numbers, and those only."""
    metrics = Metrics(version="1")
    taken_in = [("CRITICAL", "opened"), ("INFO", "recorded"), ("INFO", "recorded")]
    metrics.alerts_taken_in(taken_in, opened=1, unknown_types=2)
    metrics.incident_opened()
    metrics.alert_refused("not_json")
    metrics.steps_fired([900, 40_000_000, 301_000_000], exhausted=4)
    metrics.attempts_ended(["delivered", "delivered", "timed_out"], [5000])
    metrics.deliveries_moved({"delivered": 2, "pending": 1})
    metrics.group_committed(3)
    metrics.group_committed(300)
    metrics.poisoned("escalate")
    metrics.answers_read(["acted", "hold_limit", "acted"])

    lines = metrics.render(Gauges())[0].decode().splitlines()
    for line in (
        'tocsin_alerts_total{effect="opened",type="CRITICAL"} 1.0',
        'tocsin_alerts_total{effect="recorded",type="INFO"} 2.0',
        "tocsin_unknown_type_alerts_total 2.0",
        "tocsin_incidents_opened_total 2.0",
        'tocsin_refused_alerts_total{code="not_json"} 1.0',
        'tocsin_step_lateness_seconds_bucket{le="0.001"} 1.0',
        'tocsin_step_lateness_seconds_bucket{le="60.0"} 2.0',
        'tocsin_step_lateness_seconds_bucket{le="300.0"} 2.0',
        'tocsin_step_lateness_seconds_bucket{le="+Inf"} 3.0',
        "tocsin_step_lateness_seconds_count 3.0",
        "tocsin_step_lateness_seconds_sum 341.0009",
        "tocsin_exhausted_total 4.0",
        'tocsin_attempts_total{outcome="delivered"} 2.0',
        'tocsin_attempts_total{outcome="timed_out"} 1.0',
        'tocsin_first_byte_lateness_seconds_bucket{le="0.005"} 1.0',
        "tocsin_first_byte_lateness_seconds_count 1.0",
        'tocsin_deliveries_total{state="delivered"} 2.0',
        'tocsin_deliveries_total{state="pending"} 1.0',
        'tocsin_commit_group_size_bucket{le="4.0"} 1.0',
        "tocsin_commit_group_size_count 2.0",
        'tocsin_poison_total{pipeline="escalate"} 1.0',
        'tocsin_answers_total{decision="acted"} 2.0',
    ):
        assert line in lines, line


@contextmanager
def disk_full(harness: Harness) -> Iterator[None]:
    """Let SQLite have no page more than it has."""

    def limit(pages: int) -> None:
        with harness.database.write() as tx:
            tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    limit(1)
    try:
        yield
    finally:
        limit(2**30)


def test_a_full_disk_is_503_and_nothing_is_believed_to_be_stored(harness: Harness) -> None:
    """For alerts and for changes, with Retry-After; reads go on, and so does everything after."""
    harness.drain()
    big = {"message_type": "CRITICAL", "entity_id": "a", "state_message": "x" * 20_000}
    with disk_full(harness):
        alert = harness.post_alert(big)
        change = harness.ask("POST", "teams", {"name": "x" * 200})
        many: Any = [harness.ask("POST", "teams", {"name": f"{n} " + "y" * 190}) for n in range(40)]
        assert harness.ask("GET", "alerts").json()["items"] == []

    assert alert.status_code == 503
    assert alert.headers["retry-after"] == "2"
    assert ALERT_KEY not in alert.text
    full = next(each for each in [change, *many] if each.status_code != 201)
    check_error(full, 503, "store_unavailable")
    assert full.headers["retry-after"] == "2"
    assert harness.post_alert(big).status_code == 200
