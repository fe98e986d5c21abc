from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.duration import (
    DurationOutOfBounds,
    DurationWithoutUnit,
    InvalidDuration,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", timedelta(0)),
        ("0m", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        (" 2h\n", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("365d", timedelta(days=365)),
    ],
)
def test_lengths_of_time_carry_their_unit(text: str, length: timedelta) -> None:
    """Days, hours, minutes, seconds, in this order."""
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["0", "10", "1.5", " 90 ", "1" * 5000])
def test_a_bare_number_is_asked_about(text: str) -> None:
    """Guessing between seconds and minutes would page at the wrong time."""
    with pytest.raises(DurationWithoutUnit) as refused:
        parse_duration(text)
    number = text.strip()[:20]
    assert str(refused.value) == f"Is {number} seconds or minutes? Write {number}s or {number}m"
    assert refused.value.code == "duration_without_unit"


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "s", "-5m", "5 m", "10min", "10M", "30m1h", "1m1m", "1.5h", "٣m", "5m\0"),
        *("1e3s", "9" * 10 + "s"),
    ],
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    """With an example of one that is."""
    with pytest.raises(InvalidDuration) as refused:
        parse_duration(text)
    assert refused.value.code == "invalid_duration"
    assert "10m" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fault"), [("9s", "short"), ("25h", "long"), ("999999999d999999999s", "long")]
)
def test_a_length_outside_its_bounds_is_refused(text: str, fault: str) -> None:
    """The refusal names the bounds, which themselves are allowed."""
    bounds = {"at_least": timedelta(seconds=10), "at_most": timedelta(days=1)}
    assert parse_duration("10s", **bounds) == bounds["at_least"]
    assert parse_duration("24h", **bounds) == bounds["at_most"]
    with pytest.raises(DurationOutOfBounds) as refused:
        parse_duration(text, **bounds)
    assert str(refused.value) == f"{text} is too {fault}: write from 10s to 1d"
    assert refused.value.fields == {"given": text, "at_least": "10s", "at_most": "1d"}
    assert refused.value.code == "duration_out_of_bounds"


def test_no_length_is_over_a_year_unless_asked_for() -> None:
    """An instant far beyond could not be represented."""
    with pytest.raises(DurationOutOfBounds):
        parse_duration("366d")
    assert parse_duration("366d", at_most=timedelta(days=400)) == timedelta(days=366)
    with pytest.raises(DurationOutOfBounds):
        parse_duration("999999999d")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=10), "10m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=24), "1d"),
    ],
)
def test_a_length_has_one_spelling(length: timedelta, text: str) -> None:
    """The largest unit that it is a whole number of."""
    assert format_duration(length) == text


@pytest.mark.parametrize("length", [timedelta(seconds=-1), timedelta(milliseconds=1500)])
def test_a_length_that_no_setting_can_have_is_a_bug(length: timedelta) -> None:
    """It is not rounded into another one."""
    with pytest.raises(ValueError, match="whole seconds"):
        format_duration(length)


@given(st.integers(min_value=0, max_value=365 * 86_400))
def test_a_length_survives_being_written(seconds: int) -> None:
    """Every whole number of seconds up to a year."""
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@given(st.text() | st.text(alphabet="0123456789dhms .-"))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    """Also digits of other scripts, and numbers too large for any length of time."""
    with suppress(DurationWithoutUnit, InvalidDuration, DurationOutOfBounds):
        length = parse_duration(text)
        assert parse_duration(format_duration(length)) == length
