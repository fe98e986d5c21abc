"""When a delivery is tried again, and when it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.delivery import DEADLINE, RETRY_WAITS, Retry, decide_retry
from tocsin.domain.retry_after import LONGEST

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@pytest.mark.parametrize(
    ("attempts", "wait"), [(1, 2), (2, 5), (3, 15), (4, 30), (5, 60), (6, 60), (20, 60)]
)
def test_waits_grow_from_seconds_to_a_minute(attempts: int, wait: int) -> None:
    """2, 5, 15, 30, 60, 60 ... seconds: a page cannot wait for minutes."""
    retry = decide_retry(attempts=attempts, first_attempt_at=T0, started_at=T0, now=T0, spread=0.0)
    assert retry == Retry(T0 + seconds(wait), is_last=False)


def test_the_last_attempt_is_made_at_the_deadline() -> None:
    """A wait that would pass the deadline ends at it, and that attempt is the last."""
    now = T0 + DEADLINE - seconds(10)
    retry = decide_retry(attempts=9, first_attempt_at=T0, started_at=now, now=now, spread=0.0)
    assert retry == Retry(T0 + DEADLINE, is_last=True)


def test_the_attempt_at_the_deadline_ends_the_delivery() -> None:
    """It was the last."""
    at = T0 + DEADLINE
    assert decide_retry(attempts=9, first_attempt_at=T0, started_at=at, now=at, spread=0.0) is None


def test_an_attempt_that_outlasts_the_deadline_is_followed_by_the_last_one() -> None:
    """One that began before the deadline and ended after it was not the one at the deadline."""
    started_at, now = T0 + DEADLINE - seconds(5), T0 + DEADLINE + seconds(8)
    retry = decide_retry(
        attempts=9, first_attempt_at=T0, started_at=started_at, now=now, spread=0.0
    )
    assert retry == Retry(now, is_last=True)


@given(
    spread=st.floats(-0.2, 0.2),
    took=st.integers(0, 15),
    deadline=st.integers(10, 86_400).map(seconds),
    outage=st.integers(0, 100_000),
)
def test_a_delivery_always_ends_with_a_real_attempt_at_its_deadline(
    spread: float, took: int, deadline: timedelta, outage: int
) -> None:
    """Whatever time goes by, the last attempt begins at the deadline or later, and all of them end."""
    now, attempts, started_at = T0, 0, T0
    while True:
        started_at = now
        attempts += 1
        ended_at = started_at + seconds(took)
        retry = decide_retry(
            attempts=attempts,
            first_attempt_at=T0,
            started_at=started_at,
            now=ended_at,
            spread=spread,
            deadline=deadline,
        )
        if retry is None:
            break
        assert retry.due_at >= ended_at
        longest = RETRY_WAITS[-1] * 1.2
        assert retry.due_at - ended_at <= longest
        now = retry.due_at + (seconds(outage) if attempts == 3 else seconds(0))
    assert started_at >= T0 + deadline
    assert attempts <= 3 + deadline / (RETRY_WAITS[0] * 0.8)


@pytest.mark.parametrize(
    ("asked", "waits"), [(0, 2), (1, 2), (40, 40), (300, 300), (301, 300), (10**9, 300)]
)
def test_a_receiver_may_ask_for_a_longer_wait(asked: int, waits: int) -> None:
    """Never shorter than planned, never longer than five minutes."""
    retry = decide_retry(
        attempts=1,
        first_attempt_at=T0,
        started_at=T0,
        now=T0,
        spread=0.0,
        asked=seconds(min(asked, 10**9)),
    )
    assert retry == Retry(T0 + seconds(waits), is_last=False)


@given(
    attempts=st.integers(1, 30),
    spread=st.floats(-0.2, 0.2),
    asked=st.timedeltas(timedelta(0), LONGEST) | st.none(),
)
def test_what_is_asked_is_honoured_between_the_planned_wait_and_five_minutes(
    attempts: int, spread: float, asked: timedelta | None
) -> None:
    """Whatever a receiver asks for, a page waits at least as planned and at most five minutes."""
    no_end = timedelta(hours=24)
    facts: dict[str, Any] = {
        "attempts": attempts,
        "first_attempt_at": T0,
        "started_at": T0,
        "now": T0,
    }
    planned, retry = (
        decide_retry(**facts, spread=spread, asked=each, deadline=no_end) for each in (None, asked)
    )
    assert planned is not None
    assert retry is not None
    waits = planned.due_at - T0
    assert retry.due_at - T0 == max(waits, min(asked or waits, timedelta(minutes=5)))
