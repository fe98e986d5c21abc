"""How long what is over is kept, as people write it, and what they are told of what is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.duration import DurationOutOfBounds
from tocsin.domain.retention import InvalidRetention, parse_retention, removed_hint


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("400d", timedelta(days=400)),
        (" 1d\n", timedelta(days=1)),
        ("36h", timedelta(hours=36)),
        ("3650d", timedelta(days=3650)),
        ("forever", None),
        ("Forever", None),
    ],
)
def test_days_or_for_ever(text: str, keep: timedelta | None) -> None:
    """A length of time with its unit, or the word."""
    assert parse_retention(text) == keep


@pytest.mark.parametrize("text", ["0", "0d", "00", "0s", "400", "1.5", "never", "a year", ""])
def test_what_could_mean_two_things_is_refused(text: str) -> None:
    """Is 400 days or seconds, and is 0 nothing or everything? The refusal says what to write."""
    with pytest.raises(InvalidRetention, match=r"400d.*forever|forever.*400d"):
        parse_retention(text)


@pytest.mark.parametrize("text", ["23h", "1s", "36501d"])
def test_less_than_a_day_is_refused(text: str) -> None:
    """What is over since today would be gone before anybody has looked at it."""
    with pytest.raises(DurationOutOfBounds, match="write from 1d to 36500d"):
        parse_retention(text)


def test_a_hint_is_given_only_where_something_was_removed() -> None:
    """Nobody is sent looking for a retention that has removed nothing."""
    assert removed_hint(None) == ""
    assert "before 2026-01-31" in removed_hint(datetime(2026, 1, 31, 5, tzinfo=UTC))
