"""A step that reaches nobody does not keep the next one waiting."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions import webhooks
from tocsin.actions.deliver import record_attempts
from tocsin.actions.incidents import acknowledge
from tocsin.actions.send_again import send_one_again
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros

KEYS = {"db": ["main"]}
OK, REFUSED, FINAL = Outcome.DELIVERED, Outcome.CONNECTION_REFUSED, Outcome.ADDRESS_REFUSED
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Step 1 calls a and b, and may reach nobody for a minute; step 2 comes after ten minutes."""
    desk.configure({"main": [("0s", ["a", "b"], "60s"), ("10m", ["c"])]}, keys=KEYS)
    return desk


def page(desk: Desk) -> dict[str, Lease]:
    """Open an incident and fire its first step; return what is sent, by webhook."""
    desk.opened()
    return leased(desk, desk.fire().leases)


def leased(desk: Desk, leases: Sequence[Lease]) -> dict[str, Lease]:
    names = {each.id: each.slug for each in desk.read(webhooks.list_webhooks, desk.alice.vault)}
    return {names[lease.webhook_id]: lease for lease in leases}


def fire(desk: Desk) -> list[str]:
    """Fire what is due; return who is called."""
    return sorted(leased(desk, desk.fire().leases))


def due(desk: Desk) -> tuple[datetime, datetime | None]:
    """Return when the next step fires, and when already if nobody is reached."""
    step = desk.shown(1).escalations[0].next
    assert step is not None
    return step.due_at, step.sooner_at


def why_sooner(desk: Desk, number: int = 1) -> list[str]:
    return [each.text for each in desk.timeline(number) if each.kind is Kind.REACHED_NOBODY]


def test_the_next_step_fires_when_nobody_took_it_in_time(ops: Desk) -> None:
    """At that instant, not late by its plan; the retries of the first go on."""
    sent = page(ops)
    start = ops.now
    assert ops.news.work_due_at == to_micros(start + MINUTE)
    assert due(ops) == (start + 10 * MINUTE, start + MINUTE)
    ops.record(sent["a"], REFUSED)
    ops.wait(seconds=59)
    assert fire(ops) == []
    ops.wait(seconds=1)
    fired = ops.fire()
    assert sorted(leased(ops, fired.leases)) == ["c"]
    assert fired.lateness == [timedelta(0)]
    (text,) = why_sooner(ops)
    assert text == (
        "ops/main, step 1 of 2, reached nobody within 1 min (a connection refused; b has not answered "
        "yet), so the next step fired at once."
    )
    paged = [each for each in ops.timeline(1) if each.kind is Kind.PAGED]
    assert (paged[-1].planned_at, paged[-1].lateness) == (start + MINUTE, timedelta(0))
    assert [state for _, state, _ in ops.deliveries()] == ["pending", "sending", "sending"]
    assert ops.news.hurried == [(1, "undelivered")]
    assert ops.incident(1).nobody_left_since == ops.now


@pytest.mark.parametrize("outcome", [REFUSED, FINAL])
def test_one_that_is_taken_keeps_the_plan(ops: Desk, outcome: Outcome) -> None:
    """Whatever becomes of the others."""
    sent = page(ops)
    start = ops.now
    ops.record(sent["a"], OK)
    ops.record(sent["b"], outcome)
    assert fire(ops) == []
    ops.wait(minutes=1)
    assert ops.fire().lateness == []
    assert ops.news.work_due_at == to_micros(start + 10 * MINUTE)
    assert due(ops) == (start + 10 * MINUTE, None)
    ops.wait(minutes=9)
    assert ops.fire().lateness == [timedelta(0)]
    assert why_sooner(ops) == []


def test_the_next_step_fires_as_soon_as_all_have_failed(ops: Desk) -> None:
    """Long before the patience ends; whoever sleeps is told."""
    sent = page(ops)
    ops.wait(seconds=2)
    ops.record(sent["a"], FINAL)
    assert fire(ops) == []
    ops.record(sent["b"], FINAL)
    assert ops.news.work_due_at == to_micros(ops.now)
    assert fire(ops) == ["c"]
    (text,) = why_sooner(ops)
    assert "reached nobody (a address refused; b address refused), so the next step" in text


def test_what_failed_together_is_seen_together(ops: Desk) -> None:
    """A batch is as good as its results one by one."""
    sent = page(ops)
    with ops.database.write() as tx:
        record_attempts(tx, [ops.result(each, FINAL) for each in sent.values()], ops.context)
    assert fire(ops) == ["c"]


def test_a_retry_may_still_reach_somebody_afterwards(ops: Desk) -> None:
    """The first step's deliveries are as they were."""
    sent = page(ops)
    for lease in sent.values():
        ops.record(lease, REFUSED)
    ops.wait(minutes=1)
    assert fire(ops) == ["c"]
    again = leased(ops, ops.lease())
    assert sorted(again) == ["a", "b"]
    ops.record(again["a"], OK)
    assert [(name, state) for name, state, _ in ops.deliveries()] == [
        *(("a", "delivered"), ("b", "sending")),
        ("c", "sending"),
    ]


@pytest.mark.parametrize("is_acknowledged_first", [True, False])
def test_who_acknowledges_is_not_overtaken(ops: Desk, is_acknowledged_first: bool) -> None:  # noqa: FBT001
    """An escalation that was stopped looks at nothing and fires nothing."""
    sent = page(ops)
    ops.record(sent["a"], FINAL)
    if is_acknowledged_first:
        ops.change(acknowledge, 1, actor="alice")
        ops.record(sent["b"], FINAL)
    else:
        ops.record(sent["b"], FINAL)
        ops.change(acknowledge, 1, actor="alice")
    ops.wait(minutes=20)
    assert ops.fire().claimed == 0
    assert why_sooner(ops) == []
    (escalation,) = ops.rows(schema.escalations)
    assert (escalation["due_at"], escalation["planned_at"]) == (None, None)


def test_a_look_that_an_outage_made_late_is_made_at_once(ops: Desk) -> None:
    """And the step is late by as much: it should have fired then."""
    page(ops)
    ops.wait(minutes=5)
    assert ops.fire().lateness == [4 * MINUTE]
    assert len(why_sooner(ops)) == 1


def test_a_step_whose_time_has_come_meanwhile_fires_by_the_plan(ops: Desk) -> None:
    """Nobody is told that it was hurried."""
    page(ops)
    ops.wait(minutes=11)
    assert ops.fire().lateness == [MINUTE]
    assert why_sooner(ops) == []


def test_a_step_that_calls_nobody_lets_the_next_fire_with_it(ops: Desk) -> None:
    """Disabled or deleted: in the same transaction."""
    steps: dict[str, Any] = {
        "main": [("0s", ["a", "b"], "60s"), ("10m", ["b"], "60s"), ("10m", ["c"])]
    }
    ops.configure(steps, keys=KEYS, disabled=["a"])
    ops.opened()
    ops.configure(steps, keys=KEYS, disabled=["a", "b"])
    ops.wait(seconds=3)
    fired = ops.fire()
    assert sorted(leased(ops, fired.leases)) == ["c"]
    assert fired.lateness == [3 * SECOND, timedelta(0), timedelta(0)]
    assert fired.leases[0].planned_at == to_micros(ops.now)
    kinds = [each for each in ops.kinds(1) if each in {Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY}]
    assert kinds == [
        *(Kind.TARGET_SKIPPED, Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY),
        *(Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY),
    ]
    assert why_sooner(ops) == [
        f"ops/main, step {step} of 3, reached nobody, so the next step fired at once."
        for step in (1, 2)
    ]


def test_the_pause_before_a_repeat_stays(desk: Desk) -> None:
    """Each run hurries its own steps; to cut the pause short would use the repeats up at once."""
    steps = {"main": [("0s", ["a"], "60s"), ("10m", ["b"], "60s")]}
    desk.configure(steps, keys=KEYS, repeat={"times": 1, "after": "15m"})
    sent = page(desk)
    for at in (1, 2):
        desk.record(sent["a"], FINAL)
        sent = leased(desk, desk.fire().leases)
        desk.record(sent["b"], FINAL)
        assert fire(desk) == []
        assert len(why_sooner(desk)) == at
        if at == 1:
            assert due(desk) == (desk.now + 15 * MINUTE, None)
            desk.wait(minutes=15)
            sent = leased(desk, desk.fire().leases)
    assert desk.incident(1).nobody_left_since == desk.now


def test_the_last_step_ends_as_ever(desk: Desk) -> None:
    """Nobody is left to page: there is no step that could be hurried."""
    desk.configure({"main": [("0s", ["a"], "60s")]}, keys=KEYS)
    sent = page(desk)
    assert desk.incident(1).nobody_left_since == desk.now
    desk.record(sent["a"], FINAL)
    assert desk.fire().claimed == 0


def test_only_the_last_of_those_that_fire_together_is_looked_at(desk: Desk) -> None:
    """The step that follows the first has fired already."""
    steps: dict[str, Any] = {"main": [("0s", ["a"], "60s"), ("0s", ["b"], "30s"), ("10m", ["c"])]}
    desk.configure(steps, keys=KEYS)
    sent = page(desk)
    desk.record(sent["a"], OK)
    desk.wait(seconds=30)
    assert fire(desk) == ["c"]


def test_an_impatient_step_whose_successor_is_due_before_is_still_watched(desk: Desk) -> None:
    """If all of it fails, the next does not wait for its plan either."""
    desk.configure({"main": [("0s", ["a"], "10m"), ("5m", ["b"])]}, keys=KEYS)
    sent = page(desk)
    assert due(desk) == (desk.now + 5 * MINUTE, None)
    desk.record(sent["a"], FINAL)
    assert fire(desk) == ["b"]


def test_one_that_somebody_sends_again_is_waited_for(ops: Desk) -> None:
    """Nothing of it has failed for good then; the look comes when the patience ends."""
    sent = page(ops)
    start = ops.now
    for lease in sent.values():
        ops.record(lease, FINAL)
    ops.do(send_one_again, sent["a"].delivery_id, actor="alice")
    assert fire(ops) == []
    assert due(ops) == (start + 10 * MINUTE, start + MINUTE)
    again = leased(ops, ops.lease())
    ops.record(again["a"], OK)
    ops.wait(minutes=1)
    assert fire(ops) == []
    assert due(ops) == (start + 10 * MINUTE, None)


def test_a_step_without_patience_is_not_looked_at(desk: Desk) -> None:
    """Its escalation has one instant, as ever."""
    desk.configure({"main": [("0s", ["a"]), ("10m", ["c"])]}, keys=KEYS)
    sent = page(desk)
    (row,) = desk.rows(schema.escalations)
    assert row["planned_at"] is None
    desk.record(sent["a"], FINAL)
    assert desk.fire().claimed == 0
    assert due(desk) == (desk.now + 10 * MINUTE, None)


def test_each_escalation_is_hurried_for_itself(desk: Desk) -> None:
    """Two policies of one incident, of which one reaches somebody."""
    desk.configure(
        {
            "one": [("0s", ["a"], "60s"), ("10m", ["c"])],
            "two": [("0s", ["b"], "60s"), ("10m", ["d"])],
        },
        keys={"db": ["one", "two"]},
    )
    sent = page(desk)
    desk.record(sent["a"], OK)
    desk.record(sent["b"], FINAL)
    assert fire(desk) == ["d"]
    desk.wait(minutes=10)
    assert fire(desk) == ["c"]
