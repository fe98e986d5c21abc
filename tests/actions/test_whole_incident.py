"""All of an incident at once: the sentence, the ladders, what the alert brought, what was before."""

from datetime import timedelta

import pytest
from tests.actions.desk import Desk
from tests.actions.test_retention_costs import traced

from tocsin.actions.incidents import acknowledge, hold, move, resolve
from tocsin.actions.show_ladder import MOST_FIRED, MOST_TO_COME, Ladder
from tocsin.actions.whole_incident import MOST_HISTORY, WholeIncident, show_headline, show_whole
from tocsin.domain.headline import HeadlineReason
from tocsin.domain.ladder import RungState
from tocsin.domain.outcome import Outcome

ALICE = "token:alice"
KEYS = {"db": ["main"]}
STEPS = {"main": [("0s", ["a", "b"]), ("5m", ["c"]), ("10m", ["a"])]}


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(STEPS, keys=KEYS)
    return desk


def whole(ops: Desk, number: int = 1, *, history_before: int | None = None) -> WholeIncident:
    return ops.ask(show_whole, number, now=ops.now, history_before=history_before)


def states(ladder: Ladder) -> list[RungState]:
    return [rung.state for rung in ladder.rungs]


FIRED, NEXT, TO_COME, NEVER = RungState


def test_each_step_says_what_it_did_or_when_it_will(ops: Desk) -> None:
    """Planned and real instants, what receivers answered, and when the steps to come are planned."""
    start = ops.now
    ops.opened()
    ops.wait(seconds=3)
    first, second = ops.fire().leases
    ops.record(first, Outcome.DELIVERED, status=204)
    ops.record(second, Outcome.REJECTED, status=500)
    (ladder,) = whole(ops).ladders

    assert (ladder.policy, ladder.version, ladder.fired, ladder.of) == ("ops/main", 1, 1, 3)
    assert states(ladder) == [FIRED, NEXT, TO_COME]
    fired, next_, later = ladder.rungs
    assert (fired.planned_at, fired.fired_at) == (start, ops.now)
    assert fired.lateness == timedelta(seconds=3)
    assert [(each.webhook, each.attempts[-1].status_code) for each in fired.calls] == [
        ("a", 204),
        ("b", 500),
    ]
    assert (next_.planned_at, next_.webhooks) == (start + timedelta(minutes=5), ("c",))
    assert (later.planned_at, later.delay) == (start + timedelta(minutes=15), timedelta(minutes=10))
    assert (next_.lateness, later.calls) == (None, ())


def test_repeats_are_rungs_of_their_own(desk: Desk) -> None:
    """The pause before each is in its plan."""
    desk.configure(
        {"main": [("1m", ["a"]), ("2m", ["b"])]}, keys=KEYS, repeat={"times": 1, "after": "10m"}
    )
    start = desk.now
    desk.opened()
    (ladder,) = whole(desk).ladders
    minutes = [(each.planned_at or start) - start for each in ladder.rungs]
    assert [each / timedelta(minutes=1) for each in minutes] == [1, 3, 14, 16]
    assert [(each.place.number, each.place.cycle) for each in ladder.rungs] == [
        *((1, 1), (2, 1), (1, 2), (2, 2)),
    ]


def test_what_stopped_it_is_named_with_who_did(ops: Desk) -> None:
    """The steps that are left never fire."""
    ops.opened()
    ops.fire()
    ops.change(acknowledge, 1, actor=ALICE)
    (ladder,) = whole(ops).ladders
    assert (ladder.end_reason, ladder.ended_by, ladder.ended_at) == (
        "acknowledged",
        "alice",
        ops.now,
    )
    assert states(ladder) == [FIRED, NEVER, NEVER]
    assert [rung.planned_at for rung in ladder.rungs[1:]] == [None, None]


def test_the_latest_escalation_comes_first_and_says_when_its_policy_has_changed(ops: Desk) -> None:
    """Only one that runs: what was stopped cannot move."""
    ops.opened()
    ops.configure({"main": [("1m", ["d"])]}, keys=KEYS)
    assert [each.new_version for each in whole(ops).movable] == [2]
    ops.change(move, 1, actor=ALICE)
    current, earlier = whole(ops).ladders
    assert (current.version, current.new_version, current.in_force) == (2, None, True)
    assert (earlier.version, earlier.new_version, earlier.in_force) == (1, None, False)
    assert (earlier.end_reason, earlier.ended_by) == ("moved", "alice")


def test_skipped_targets_are_on_their_rung(ops: Desk) -> None:
    """Also where all of a step was skipped: it fired, and called nobody."""
    ops.configure(STEPS, keys=KEYS, disabled="bc")
    ops.opened()
    ops.fire()
    ops.wait(minutes=5)
    ops.fire()
    fired, skipped, _ = whole(ops).ladders[0].rungs
    assert [each.webhook for each in fired.calls] == ["a"]
    assert fired.remarks == (
        "ops/main, step 1 of 3, did not call b: it is disabled, by an administrator.",
    )
    assert (skipped.state, skipped.calls, skipped.fired_at) == (FIRED, (), ops.now)
    assert skipped.remarks == (
        "ops/main, step 2 of 3, did not call c: it is disabled, by an administrator.",
    )


def test_a_step_that_reached_nobody_says_so(desk: Desk) -> None:
    """On its rung; the next one says when it fires sooner."""
    desk.configure({"main": [("0s", ["a"], "1m"), ("10m", ["b"])]}, keys=KEYS)
    start = desk.now
    desk.opened()
    desk.fire(room=0)
    next_ = whole(desk).ladders[0].rungs[1]
    assert next_.planned_at == start + timedelta(minutes=10)
    assert next_.sooner_at == start + timedelta(minutes=1)
    desk.wait(minutes=1)
    desk.fire(room=0)
    first = whole(desk).ladders[0].rungs[0]
    assert "reached nobody within 1 min" in first.remarks[0]


def test_of_a_long_ladder_the_middle_is_shown_and_the_rest_counted(desk: Desk) -> None:
    """So that a page has an end."""
    desk.configure({"main": [("1m", ["a"])]}, keys=KEYS, repeat={"times": 99, "after": "1m"})
    desk.opened()
    fired = MOST_FIRED + 2
    for _ in range(fired):
        desk.wait(minutes=2)
        desk.fire(room=0)
    (ladder,) = whole(desk).ladders
    assert (ladder.earlier, ladder.later) == (2, 100 - fired - MOST_TO_COME)
    assert states(ladder).count(FIRED) == MOST_FIRED
    assert len(ladder.rungs) == MOST_FIRED + MOST_TO_COME


def test_the_sentence_goes_by_what_is_in_force(ops: Desk) -> None:
    """What an earlier round called does not count."""
    ops.opened()
    assert ops.ask(show_headline, 1, now=ops.now).reason is HeadlineReason.NOT_YET
    (first, second) = ops.fire().leases
    assert ops.ask(show_headline, 1, now=ops.now).reason is HeadlineReason.CALLING
    ops.record(first, Outcome.DELIVERED)
    ops.record(second, Outcome.GONE)
    assert ops.ask(show_headline, 1, now=ops.now).reason is HeadlineReason.TOLD
    ops.wait(minutes=1)
    ops.change(hold, 1, until=timedelta(minutes=5), actor=ALICE)
    headline = ops.ask(show_headline, 1, now=ops.now)
    assert headline.reason is HeadlineReason.HELD
    assert headline.parts[2] == ops.now
    ops.wait(minutes=5)
    ops.end_holds()
    assert ops.ask(show_headline, 1, now=ops.now).reason is HeadlineReason.NOT_YET
    assert whole(ops).headline == ops.ask(show_headline, 1, now=ops.now)


def test_the_sentence_does_not_deny_what_was_called_before_a_move(ops: Desk) -> None:
    """Its call was taken, or is under way; what runs now has called nobody."""
    ops.opened()
    (first, _) = ops.fire().leases
    ops.record(first, Outcome.DELIVERED)
    ops.configure({"main": [("1h", ["c"])]}, keys=KEYS)
    ops.change(move, 1, actor=ALICE)
    text = ops.ask(show_headline, 1, now=ops.now).text
    assert text.startswith(
        "Nobody has been called since its policies last started, though an attempt to call b was under way"
    )


def test_annotations_are_those_of_the_alert_that_raised_it_last(ops: Desk) -> None:
    """With every field of it."""
    ops.alert(**{"vo_annotate.u.Runbook": "https://wiki.example/old"})
    ops.alert(**{"vo_annotate.u.Runbook": "https://wiki.example/new"})
    seen = whole(ops)
    assert [each.text for each in seen.annotations] == ["https://wiki.example/new"]
    assert seen.alert.id == seen.alerts[0].id != seen.alerts[1].id


def test_earlier_incidents_of_the_entity_say_how_long_others_needed(ops: Desk) -> None:
    """The latest first, page by page; those of other entities are not among them."""
    ops.opened("cpu")
    for number in range(2, MOST_HISTORY + 4):
        assert ops.opened() == number
        ops.wait(minutes=2)
        if number % 2:
            ops.change(acknowledge, number, actor=ALICE)
        ops.wait(minutes=3)
        ops.change(resolve, number, actor=ALICE)
    seen = whole(ops, MOST_HISTORY + 3)
    numbers = [each.line.incident.number for each in seen.history]
    assert numbers == list(range(MOST_HISTORY + 2, 2, -1))
    assert seen.history_goes_on
    assert seen.history[-1].until_taken == timedelta(minutes=2)
    assert seen.history[-2].until_taken is None
    assert {each.until_resolved for each in seen.history} == {timedelta(minutes=5)}
    rest = whole(ops, MOST_HISTORY + 3, history_before=numbers[-1])
    assert [each.line.incident.number for each in rest.history] == [2]
    assert not rest.history_goes_on


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_looking_at_an_incident_scans_no_large_table(ops: Desk) -> None:
    """Whatever else there is, it reads what is the incident's, and its entity's, by an index."""
    ops.opened()
    ops.fire()
    with ops.database.read() as tx:
        with traced(tx) as statements:
            show_whole(tx, ops.context(tx).configuration, 1, now=ops.now)
        plans = [
            row[3]
            for text in statements
            if text.startswith(("SELECT", "WITH"))
            for row in tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")
        ]
    large = ("incidents", "deliveries", "alerts", "timeline", "attempts", "escalations")
    scans = [plan.split()[1] for plan in plans if plan.startswith("SCAN")]
    assert len(plans) > 5
    assert not set(scans) & set(large)
