"""When a certificate's end is warned of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.certificate_ending import WARNING_DAYS, decide_warning, next_warning_at

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO = NOW - 400 * DAY
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("left", "due"),
    [
        (31 * DAY, None),
        (30 * DAY + MOMENT, None),
        (30 * DAY, 30),
        (14 * DAY + MOMENT, 30),
        (14 * DAY, 14),
        (3 * DAY + MOMENT, 14),
        (3 * DAY, 3),
        (-DAY, 3),
    ],
)
def test_the_most_urgent_warning_is_due(left: timedelta, due: int | None) -> None:
    """30, 14 and 3 days before the end, to the moment; whoever comes late is told once, not thrice."""
    assert decide_warning(LONG_AGO, NOW + left, NOW) == due


@pytest.mark.parametrize(
    ("lifetime", "warnings"),
    [(90, {30, 14, 3}), (30, {14, 3}), (14, {3}), (6, {3}), (3, set()), (1, set())],
)
def test_no_warning_comes_before_its_certificate(lifetime: int, warnings: set[int]) -> None:
    """One that a machine renews every day is always near its end, and that is no news."""
    end = NOW + lifetime * DAY
    due = {decide_warning(NOW, end, end - left * DAY) for left in range(lifetime, -2, -1)}
    assert due - {None} == warnings


@given(left=st.timedeltas(-DAY, 60 * DAY), lifetime=st.timedeltas(MOMENT, 100 * DAY))
def test_the_next_warning_is_when_another_one_becomes_due(
    left: timedelta, lifetime: timedelta
) -> None:
    """Whoever sleeps until then misses none, and does not wake in vain."""
    end = NOW + left
    start = end - lifetime
    at = next_warning_at(start, end, NOW)
    if at is None:
        later = [decide_warning(start, end, end + days * DAY) for days in range(-3, 3)]
        assert decide_warning(start, end, NOW) in (None, 3)
        assert decide_warning(start, end, NOW) == later[-1]
    else:
        assert at > NOW
        assert decide_warning(start, end, at) != decide_warning(start, end, NOW)
        assert decide_warning(start, end, at - MOMENT) == decide_warning(start, end, NOW)
        assert decide_warning(start, end, at) in WARNING_DAYS
