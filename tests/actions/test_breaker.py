"""The breaker of a webhook, in the transactions that lease and record: what opens and closes it, and its probes."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.actions.breaking import (
    FAILED,
    OK,
    SLOW_RETRIES,
    break_it,
    breakers,
    entries,
    fired,
    lane,
    next_look,
)
from tests.actions.desk import ORGANISATION, Desk

from tocsin.actions import webhooks
from tocsin.actions.deliver import record_attempts, take_over
from tocsin.actions.send_test import send_test
from tocsin.domain.breaker import Closing
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.lanes import claim_due_lanes
from tocsin.store.schema import from_micros, to_micros


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once; nothing is tried again within an hour."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options=SLOW_RETRIES)
    return desk


def test_it_opens_with_the_fifth_failure_over_ten_seconds_and_says_so(ops: Desk) -> None:
    """On the feed, about no incident, and to whoever logs; once."""
    leases = fired(ops, "1", "2", "3", "4")
    start = ops.now
    for each in leases:
        assert ops.record(each, FAILED).breakers == ()
    (fifth,) = fired(ops, "5")
    ops.wait(seconds=10)
    (turned,) = ops.record(fifth, FAILED).breakers
    assert (turned.slug, turned.closing, turned.failures.count) == ("a", None, 5)
    assert breakers(ops) == [(0, 0, 2)]
    facts = {"webhook": "a", "failures": 5, "since": start.isoformat()}
    assert entries(ops, Kind.BREAKER_OPENED) == [(NO_INCIDENT, ENGINE, facts)]
    (told,) = [each for each in ops.news.feed if each[0] == "timeline"]
    assert told[1] == NO_INCIDENT


def test_a_webhook_that_works_pays_nothing(ops: Desk) -> None:
    """It has no row of failures, and its lane holds nothing."""
    (lease,) = fired(ops, "1")
    ops.record(lease, OK)
    assert ops.rows(schema.webhook_failures) == []
    assert (lane(ops)["held_until"], lane(ops)["again_is_next"]) == (None, None)


def test_a_new_page_waits_for_the_probe_and_is_it(ops: Desk) -> None:
    """It takes no slot when its step fires; two seconds later it does."""
    break_it(ops)
    assert fired(ops, "new", "newer") == []
    assert next_look(ops) == 2
    ops.wait(seconds=2)
    (probe,) = ops.lease()
    assert probe.incident == 7
    assert breakers(ops) == [(2, 1, 5)]
    ops.record(probe, FAILED)
    assert next_look(ops) == 5
    assert entries(ops, Kind.BREAKER_CLOSED) == []
    assert len(entries(ops, Kind.BREAKER_OPENED)) == 1


def test_no_probe_follows_one_that_hangs_any_earlier(ops: Desk) -> None:
    """The next instant is set when the probe leaves, not when it has failed."""
    break_it(ops)
    fired(ops, "1", "2")
    ops.wait(seconds=2)
    (hanging,) = ops.lease()
    ops.wait(seconds=4.9)
    assert ops.lease() == []
    ops.wait(seconds=0.1)
    assert len(ops.lease()) == 1
    ops.record(hanging, OK)
    assert breakers(ops) == []


def test_a_first_attempt_is_held_for_ten_seconds_at_the_most(ops: Desk) -> None:
    """All that come in one interval: the newest is the probe, the others leave when they have waited so long."""
    break_it(ops)
    ops.wait(seconds=1)
    fired(ops, "1")
    ops.wait(seconds=1)
    fired(ops, "2")  # the first probe
    ops.wait(seconds=1)
    fired(ops, "3")
    ops.wait(seconds=1)
    fired(ops, "4")
    assert [row["attempts"] for row in ops.rows(schema.deliveries)[5:]] == [0, 1, 0, 0]
    assert next_look(ops) == 3
    ops.wait(seconds=3)
    assert [each.incident for each in ops.lease()] == [9]
    assert next_look(ops) == 4
    ops.wait(seconds=4)
    assert [each.incident for each in ops.lease()] == [6]
    assert next_look(ops) == 2
    ops.wait(seconds=2)
    assert [each.incident for each in ops.lease()] == [8]


def test_a_2xx_closes_it_and_everything_goes_on(ops: Desk) -> None:
    """At once, by all slots; whoever sleeps is told, and the feed says so."""
    break_it(ops)
    fired(ops, *"123456")
    ops.wait(seconds=2)
    (probe,) = ops.lease()
    (turned,) = ops.record(probe, OK).breakers
    assert (turned.slug, turned.closing) == ("a", Closing.DELIVERED)
    assert breakers(ops) == []
    assert ops.rows(schema.webhook_failures) == []
    assert ops.news.work_due_at is not None
    assert from_micros(ops.news.work_due_at) <= ops.now
    ((incident, actor, detail),) = entries(ops, Kind.BREAKER_CLOSED)
    assert (incident, actor) == (NO_INCIDENT, ENGINE)
    assert (detail["webhook"], detail["reason"], detail["failures"]) == ("a", "delivered", 5)
    assert next_look(ops) == -2
    assert len(ops.lease()) == 4


@pytest.mark.parametrize(
    ("outcomes", "turns", "is_open"),
    [
        ([FAILED, OK], [None, Closing.DELIVERED], False),
        ([OK, FAILED], [], False),
        ([FAILED, FAILED], [None], True),
        ([Outcome.UNKNOWN, FAILED], [None], True),
    ],
)
def test_a_batch_is_as_good_as_its_attempts_one_by_one(
    ops: Desk, outcomes: Sequence[Outcome], turns: list[Closing | None], *, is_open: bool
) -> None:
    """It may open and close in one transaction: both are told, and the lane is as it should be."""
    for lease in fired(ops, "1", "2", "3", "4"):
        ops.record(lease, FAILED)
    leases = fired(ops, "5", "6")
    ops.wait(seconds=10)
    results = [ops.result(lease, each) for lease, each in zip(leases, outcomes, strict=True)]
    with ops.database.write() as tx:
        recorded = record_attempts(tx, results, ops.context)
    assert [each.closing for each in recorded.breakers] == turns
    assert (lane(ops)["held_until"] is not None, bool(breakers(ops))) == (is_open, is_open)


def test_a_test_is_the_next_probe_at_once(ops: Desk) -> None:
    """Somebody waits for it; what it finds out holds for all."""
    break_it(ops)
    fired(ops, "1")
    ops.wait(seconds=1)
    webhook = ops.read(webhooks.get_webhook, "a", ops.alice.vault)
    ops.do(send_test, webhook, actor="alice", organisation=ORGANISATION)
    (test,) = ops.lease()
    assert test.is_test
    assert breakers(ops) == [(1, 1, 5)]
    ops.record(test, OK)
    assert breakers(ops) == []
    assert len(ops.lease()) == 1


@pytest.mark.parametrize(
    ("closing", "facts"),
    [
        (Closing.CHANGED, {"url": "https://other.example/hook"}),
        (Closing.DISABLED, {"enabled": False}),
    ],
)
def test_whoever_changes_or_disables_the_webhook_closes_it(
    ops: Desk, closing: Closing, facts: dict[str, Any]
) -> None:
    """What waits is sent to the new URL at once, or given up; the feed says who did it."""
    break_it(ops)
    fired(ops, "1")
    ops.alice.does(webhooks.update_webhook, "a", **facts)
    assert breakers(ops) == []
    assert len(ops.lease()) == 1
    ((incident, actor, detail),) = entries(ops, Kind.BREAKER_CLOSED)
    assert (incident, actor, detail["reason"]) == (NO_INCIDENT, "alice", closing.value)
    count = [row["failures"] for row in ops.rows(schema.webhook_failures)]
    assert count == ([] if closing is Closing.CHANGED else [5])


def test_another_name_or_auth_code_does_not_close_it(ops: Desk) -> None:
    """It is still the same receiver."""
    break_it(ops)
    ops.alice.does(webhooks.update_webhook, "a", name="Another")
    assert breakers(ops) == [(0, 0, 2)]
    assert entries(ops, Kind.BREAKER_CLOSED) == []


def test_a_webhook_that_is_deleted_has_none(ops: Desk) -> None:
    """What waited for it is given up."""
    break_it(ops)
    fired(ops, "1")
    ops.alice.apply("routing_keys: {}\nteams: {}\nwebhooks: {}", prune=True)
    assert breakers(ops) == []
    assert [each[2]["reason"] for each in entries(ops, Kind.BREAKER_CLOSED)] == ["deleted"]
    assert len(ops.lease()) == 1


def test_a_webhook_that_is_gone_is_disabled_and_its_breaker_closed(ops: Desk) -> None:
    """So that what waits for it is given up, and not held; what fails afterwards opens none."""
    break_it(ops)
    fired(ops, "1", "2", "3")
    ops.wait(seconds=2)
    for _ in range(3):
        (lease, *rest) = ops.lease() or fired(ops, str(ops.now))
        recorded = ops.record(lease, Outcome.GONE)
        ops.wait(minutes=5)
    assert [each.slug for each in recorded.disabled] == ["a"]
    assert breakers(ops) == []
    assert [each[2]["reason"] for each in entries(ops, Kind.BREAKER_CLOSED)] == ["disabled"]
    for each in rest:
        assert ops.record(each, FAILED).breakers == ()
    assert breakers(ops) == []


def test_a_crash_changes_nothing_about_it(ops: Desk) -> None:
    """A probe that was cut short tells nothing; the next is made when it would have been."""
    break_it(ops)
    fired(ops, "1")
    ops.wait(seconds=2)
    assert len(ops.lease()) == 1
    ops.run_id = 2
    with ops.database.write() as tx:
        take_over(tx, ops.now, run_id=2, limit=10)
    assert breakers(ops) == [(2, 1, 5)]
    assert ops.lease() == []
    ops.wait(seconds=5)
    (again,) = ops.lease()
    assert again.attempt == 2


def test_what_is_disabled_meanwhile_opens_none(ops: Desk) -> None:
    """Attempts that were under way go on failing; what waits is given up, and not held."""
    for lease in fired(ops, "1", "2", "3"):
        ops.record(lease, FAILED)
    under_way = fired(ops, "4", "5")
    ops.wait(seconds=10)
    ops.alice.does(webhooks.update_webhook, "a", enabled=False)
    for lease in under_way:
        assert ops.record(lease, FAILED).breakers == ()
    assert breakers(ops) == []
    assert [row["failures"] for row in ops.rows(schema.webhook_failures)] == [5]
    assert lane(ops)["held_until"] is None


def test_a_page_takes_no_slot_though_nothing_else_waits(ops: Desk) -> None:
    """All that failed has ended: the breaker alone holds the new one, and nobody looks before its time."""
    for each in range(5):
        (lease,) = fired(ops, f"{each}")
        ops.wait(seconds=2.5)
        ops.record(lease, Outcome.ADDRESS_REFUSED)
    assert breakers(ops) == [(0, 0, 2)]
    ops.opened("new")
    assert ops.fire().leases == []

    def look(tx: Tx) -> int:
        return len(claim_due_lanes(tx, to_micros(ops.now), slots=4, limit=9))

    with ops.database.write() as tx:
        assert look(tx) == 0
    ops.wait(seconds=2)
    with ops.database.write() as tx:
        assert look(tx) == 1
