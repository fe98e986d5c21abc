"""What a webhook failed since its last 2xx, and when it is disabled for it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.webhook_failures import (
    Failures,
    Told,
    Turn,
    count_attempt,
    decide_disabling,
    decide_turn,
)

START = datetime(2026, 5, 4, 3, tzinfo=UTC)
OURS = [each for each in Outcome if each.is_ours]
THEIRS = [each for each in Outcome if not each.is_ours and not each.is_delivered]
Attempts = list[tuple[Outcome, float]]


def after(attempts: Attempts) -> tuple[Failures | None, list[DisabledReason | None]]:
    """Return what is known after attempts that ended so many minutes after the start."""
    known, decisions = None, []
    for outcome, minutes in attempts:
        at = START + timedelta(minutes=minutes)
        known = count_attempt(known, outcome, at=at)
        decisions.append(decide_disabling(known, outcome, at=at))
    return known, decisions


def is_disabled_by(attempts: Attempts) -> bool:
    return after(attempts)[1][-1] is DisabledReason.GONE


@pytest.mark.parametrize("outcome", THEIRS)
def test_failures_in_a_row_are_counted_since_the_first(outcome: Outcome) -> None:
    """Whatever the receiver, or the way to it, did."""
    known, _ = after([(outcome, 1), (Outcome.TIMED_OUT, 2)])
    assert known is not None
    assert (known.count, known.since) == (2, START + timedelta(minutes=1))


def test_a_2xx_forgives_everything() -> None:
    """So that nothing is kept of a webhook that works."""
    assert after([(Outcome.GONE, 0), (Outcome.REJECTED, 1), (Outcome.DELIVERED, 2)])[0] is None


@pytest.mark.parametrize("outcome", OURS)
def test_what_is_our_own_fault_speaks_against_no_webhook(outcome: Outcome) -> None:
    """Nor for it: what was known stays."""
    assert after([(outcome, 0)])[0] is None
    failed: Attempts = [(Outcome.GONE, 0)]
    assert after([*failed, (outcome, 1)])[0] == after(failed)[0]


def test_the_third_410_after_ten_minutes_disables() -> None:
    """Not two, however far apart; not three in less, by a microsecond; a later one does, too."""
    gone = Outcome.GONE
    assert is_disabled_by([(gone, 0), (gone, 5), (gone, 10)])
    assert not is_disabled_by([(gone, 0), (gone, 600)])
    almost = 10 - 1 / 60_000_000
    assert not is_disabled_by([(gone, 0), (gone, 1), (gone, almost)])
    assert is_disabled_by([(gone, 0), (gone, 1), (gone, almost), (gone, 10)])


def test_only_410_counts_and_only_410_decides() -> None:
    """Other failures in between change nothing; neither do they disable what a 410 will."""
    gone, other = Outcome.GONE, Outcome.REJECTED
    assert is_disabled_by([(gone, 0), (other, 1), (gone, 2), (other, 3), (gone, 10)])
    assert not is_disabled_by([(other, 0), (gone, 5), (gone, 6), (gone, 14.9)])
    assert not is_disabled_by([(gone, 0), (gone, 1), (gone, 2), (other, 20)])


def test_a_2xx_between_begins_anew() -> None:
    """The receiver is there after all."""
    gone = Outcome.GONE
    assert not is_disabled_by([(gone, 0), (gone, 1), (Outcome.DELIVERED, 5), (gone, 11)])
    assert not is_disabled_by(
        [(gone, 0), (gone, 1), (Outcome.DELIVERED, 2), (gone, 3), (gone, 4), (gone, 12)]
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Outcome.GONE] * 3 + [Outcome.DELIVERED, Outcome.REJECTED, *OURS]),
            st.integers(0, 6),
        ),
        max_size=20,
    )
)
def test_it_is_disabled_if_and_only_if_the_rule_says_so(gaps: list[tuple[Outcome, int]]) -> None:
    """Three answers of 410 or more since the last 2xx, the first at least ten minutes before this one."""
    minutes, attempts = 0, []
    for outcome, gap in gaps:
        minutes += gap
        attempts.append((outcome, float(minutes)))
    _, decisions = after(attempts)
    for index, (outcome, at) in enumerate(attempts):
        since: list[float] = []
        for earlier, when in attempts[: index + 1]:
            if earlier is Outcome.DELIVERED:
                since = []
            elif earlier is Outcome.GONE:
                since.append(when)
        expected = outcome is Outcome.GONE and len(since) >= 3 and at - since[0] >= 10
        assert (decisions[index] is DisabledReason.GONE) is expected


def turns(attempts: Attempts) -> list[tuple[Turn | None, bool]]:
    """Return what each attempt changes, and whether the webhook is failing after it."""
    known: Failures | None = None
    seen = []
    for outcome, minutes in attempts:
        before = known
        known = count_attempt(known, outcome, at=START + timedelta(minutes=minutes))
        seen.append((decide_turn(before, known), known is not None and known.is_failing))
    return seen


ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from([Outcome.TIMED_OUT, Outcome.GONE, Outcome.UNKNOWN, Outcome.DELIVERED]),
        st.integers(0, 6),
    ),
    max_size=20,
)


@given(ATTEMPTS)
def test_it_is_failing_if_and_only_if_the_rule_says_so(gaps: list[tuple[Outcome, int]]) -> None:
    """Three failures or more since the last 2xx, over ten minutes or more; each turn is told once."""
    minutes, was = 0, False
    since: list[int] = []
    attempts, expected = [], []
    for outcome, gap in gaps:
        minutes += gap
        attempts.append((outcome, float(minutes)))
        if outcome is Outcome.DELIVERED:
            since = []
        elif not outcome.is_ours:
            since.append(minutes)
        now = len(since) >= 3 and since[-1] - since[0] >= 10
        turn = None if now is was else Turn.FAILING if now else Turn.WORKS_AGAIN
        expected.append((turn, now))
        was = now
    assert turns(attempts) == expected


def test_ten_minutes_are_counted_from_the_first_failure_to_the_latest() -> None:
    """To the microsecond, and not to now: silence does not make a webhook fail."""
    bad, almost = Outcome.TIMED_OUT, 10 - 1 / 60_000_000
    assert turns([(bad, 0), (bad, 1), (bad, 10)])[-1] == (Turn.FAILING, True)
    assert turns([(bad, 0), (bad, 1), (bad, almost)])[-1] == (None, False)
    assert turns([(bad, 0), (bad, 600)])[-1] == (None, False)


def test_the_latest_failure_is_told_with_its_likely_cause() -> None:
    """In the words that the attempt itself is told with."""
    known = count_attempt(None, Outcome.REJECTED, at=START, status=404)
    assert known is not None
    assert known.latest_text == (
        "rejected (HTTP 404): The receiver has nothing at this path; most likely the URL's path is misspelt."
    )
    assert count_attempt(known, Outcome.UNKNOWN, at=START) is known
    assert Failures(2, START).latest_text == "it failed"


def test_what_was_forgiven_is_taken_back_at_the_next_2xx() -> None:
    """Whoever was told hears of it; the count begins anew."""
    told = Told("pager", "ops")
    forgiven = Failures(0, START, told=told)
    assert decide_turn(forgiven, None) is Turn.WORKS_AGAIN
    assert told.entity_id == "tocsin webhook pager"
    later = START + timedelta(hours=1)
    failed = count_attempt(forgiven, Outcome.TIMED_OUT, at=later)
    assert failed is not None
    assert (failed.count, failed.since, failed.told) == (1, later, told)
    assert decide_turn(forgiven, failed) is None
