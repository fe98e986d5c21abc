"""When a job is told of, and when that is taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.heartbeat import (
    JUDGED_LATE,
    LONGEST_MESSAGE,
    TRANSITIONS,
    Condition,
    Decision,
    Happening,
    Heartbeat,
    HeartbeatState,
    InvalidHeartbeat,
    Verdict,
    began,
    check_times,
    decide_call,
    decide_due,
    excuse,
    may_have_called,
    parse_status,
    said,
    state_of,
)
from tocsin.domain.message_type import MessageType

START = datetime(2026, 5, 4, 3, tzinfo=UTC)
EVERY, GRACE = timedelta(minutes=5), timedelta(minutes=1)
SECONDS = st.integers(0, 1000)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def heartbeat(every: timedelta = EVERY, grace: timedelta = GRACE) -> Heartbeat:
    """One that was made at the start."""
    made = Heartbeat(1, "backup", "Backup", every, grace, "ops", START, START)
    return began(made, START)


def test_everything_can_happen_in_every_condition() -> None:
    """The table has no gap, and whoever is told of is taken back exactly when it is well again."""
    for condition in Condition:
        assert TRANSITIONS[condition].keys() == set(Happening)
        for move in TRANSITIONS[condition].values():
            if move.tells is MessageType.RECOVERY:
                assert (condition is Condition.WELL, move.condition) == (False, Condition.WELL)
            if move.condition is not Condition.WELL and move.condition is not condition:
                assert move.tells is MessageType.CRITICAL


@given(gaps=st.lists(SECONDS, min_size=1, max_size=12))
def test_it_is_told_exactly_when_a_call_was_too_late(gaps: list[int]) -> None:
    """Whatever the gaps: once for each that is longer than interval and grace, at its end; and taken back by the call."""
    now, beat, told, taken_back = START, heartbeat(), [], 0
    for gap in gaps:
        called_at = now + timedelta(seconds=gap)
        if beat.due_at is not None and beat.due_at <= called_at:
            due_at = beat.due_at
            decision = decide_due(beat, due_at)
            assert decision.tells is MessageType.CRITICAL
            told.append((due_at - now).total_seconds())
            beat = decision.heartbeat
        decision = decide_call(beat, Happening.CALLED, "", called_at)
        taken_back += decision.tells is MessageType.RECOVERY
        beat, now = decision.heartbeat, called_at
    late = [gap for gap in gaps if gap >= 360]
    assert told == [360] * len(late)
    assert taken_back == len(late)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What can happen to a heartbeat, and how long after what came before."""
    kinds = st.sampled_from(["call", "fail", "look", "late look", "outage", "pause", "resume"])
    return draw(st.lists(st.tuples(kinds, SECONDS), max_size=30))


def _pause(beat: Heartbeat, now: datetime) -> Decision:
    if beat.paused_at is not None:
        return Decision(beat, Verdict.NOTHING_TO_TAKE_BACK, None)
    paused = replace(beat, paused_at=now, due_at=now)
    return decide_due(paused, now)


def _step(  # noqa: PLR0911 - one arm for each kind
    beat: Heartbeat, kind: str, now: datetime
) -> Decision | None:
    is_due = beat.due_at is not None and beat.due_at <= now
    match kind:
        case "call":
            return decide_call(beat, Happening.CALLED, "", now)
        case "fail":
            return decide_call(beat, Happening.REPORTED_FAILURE, "", now)
        case "look" if is_due:
            assert beat.due_at is not None
            return decide_due(beat, beat.due_at)
        case "late look" if is_due:
            return decide_due(beat, now)
        case "outage" if may_have_called(beat, None, now):
            return excuse(beat, now)
        case "pause":
            return _pause(beat, now)
        case "resume" if beat.paused_at is not None:
            resumed = began(replace(beat, paused_at=None), now)
            return Decision(resumed, Verdict.EXCUSED, None)
    return None


@given(history=histories())
def test_whatever_happens_what_is_told_and_what_is_true_agree(
    history: list[tuple[str, int]],
) -> None:
    """An incident is open exactly while the job is not well; one that is watched and not silent has a time."""
    now, beat, is_open = START, heartbeat(), False
    for kind, gap in history:
        now += timedelta(seconds=gap)
        decision = _step(beat, kind, now)
        if decision is None:
            continue
        beat = decision.heartbeat
        is_open = {MessageType.CRITICAL: True, MessageType.RECOVERY: False, None: is_open}[
            decision.tells
        ]
        assert is_open is (beat.condition is not Condition.WELL)
        waits = beat.paused_at is None and beat.condition is not Condition.SILENT
        assert (beat.due_at is not None) is waits
        if beat.paused_at is not None:
            assert not is_open
        if beat.due_at is not None:
            assert beat.due_at == beat.counts_from + EVERY + GRACE


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, Verdict.FELL_SILENT), (10, Verdict.FELL_SILENT), (10.000001, Verdict.EXCUSED)],
)
def test_who_judges_too_late_was_not_there(seconds: float, verdict: Verdict) -> None:
    """Up to ten seconds are our own slowness; beyond, nobody could have heard the call."""
    beat = heartbeat()
    assert beat.due_at == at(360)
    decision = decide_due(beat, at(360 + seconds))
    assert decision.verdict is verdict
    if verdict is Verdict.EXCUSED:
        assert decision.heartbeat.due_at == at(360 + seconds + 360)
    assert timedelta(seconds=10) == JUDGED_LATE


@pytest.mark.parametrize(
    ("deaf_from", "now", "may"),
    [
        (None, 239, False),  # it calls at 300, give or take a minute
        (None, 240, True),
        (100, 200, False),
        (100, 240, True),
        (250, 251, True),
        (360, 400, True),
        (361, 400, False),  # it was due before
    ],
)
def test_only_a_call_that_may_have_come_is_excused(
    deaf_from: int | None, now: int, *, may: bool
) -> None:
    """An outage between two calls changes nothing."""
    since = None if deaf_from is None else at(deaf_from)
    assert may_have_called(heartbeat(), since, at(now)) is may


def test_a_paused_a_silent_and_a_removed_one_are_not_excused() -> None:
    """There is nothing that they could have missed."""
    silent = decide_due(heartbeat(), at(360)).heartbeat
    for beat in (
        silent,
        replace(heartbeat(), paused_at=START),
        replace(heartbeat(), deleted_at=START),
    ):
        assert not may_have_called(beat, None, at(400))


def test_each_state_has_its_name() -> None:
    """Never called, on time, late, silent, failed and paused; what never called is silent, too, in the end."""
    made = heartbeat()
    called = decide_call(made, Happening.CALLED, "", START).heartbeat
    assert state_of(made, at(301)) is HeartbeatState.NEVER_CALLED
    assert state_of(called, at(300)) is HeartbeatState.ON_TIME
    assert state_of(called, at(301)) is HeartbeatState.LATE
    for beat in (made, called):
        assert state_of(decide_due(beat, at(360)).heartbeat, at(360)) is HeartbeatState.SILENT
    failed = decide_call(made, Happening.REPORTED_FAILURE, "", START).heartbeat
    assert state_of(failed, START) is HeartbeatState.FAILED
    assert state_of(replace(failed, paused_at=START), START) is HeartbeatState.PAUSED


@pytest.mark.parametrize("status", ["", "ok", "OK", "success", "0"])
def test_these_words_are_good(status: str) -> None:
    """`$?` and `$SERVICE_RESULT` among them; and they add nothing to what is said."""
    assert parse_status(status) is Happening.CALLED
    assert said(status, "done") == "done"


@pytest.mark.parametrize("status", ["fail", "1", "00", "exit-code", "okay", "\u0660"])
def test_what_is_not_good_is_a_failure(status: str) -> None:
    """A word that is misspelt is seen, and told."""
    assert parse_status(status) is Happening.REPORTED_FAILURE
    told = "full" if status == "fail" else f"status {status}: full"
    assert said(status, "full") == told
    assert len(said(status * 100, "x" * 5000)) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("every", "grace", "is_fine"),
    [(9, 0, False), (10, 0, True), (86400 * 365, 86400 * 31, True), (60, 86400 * 32, False)],
)
def test_times_have_bounds(every: int, grace: int, *, is_fine: bool) -> None:
    """Ten seconds to a year, and a month of grace."""
    lengths = timedelta(seconds=every), timedelta(seconds=grace)
    if is_fine:
        check_times(*lengths)
    else:
        with pytest.raises(InvalidHeartbeat):
            check_times(*lengths)
