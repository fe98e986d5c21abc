"""`Retry-After`: what a receiver asks for, in whatever form it asks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import asctime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.retry_after import LONGEST, parse_retry_after

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def asked(*values: str, now: datetime = NOW) -> float | None:
    """Return the seconds that are asked for."""
    wait = parse_retry_after(values, now=now)
    return None if wait is None else wait.total_seconds()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("7", 7), ("120", 120), ("0007", 7), (" 7 ", 7), ("\t7\t ", 7), ("86400", 86400)],
)
def test_whole_seconds(text: str, seconds: int) -> None:
    """As most receivers ask."""
    assert asked(text) == seconds


@pytest.mark.parametrize("text", ["86401", "9" * 9, "1" + "0" * 9, "9" * 30, "9" * 5000])
def test_more_than_a_day_is_a_day(text: str) -> None:
    """However many digits it has."""
    assert asked(text) == LONGEST.total_seconds()


@pytest.mark.parametrize("text", ["0" * 5000 + "7", "0" * 5000])
def test_zeros_in_front_count_for_nothing(text: str) -> None:
    """However many."""
    assert asked(text) == int(text[-1])


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 02 Nov 2026 03:01:30 GMT",
        "Monday, 02-Nov-26 03:01:30 GMT",
        "Mon Nov  2 03:01:30 2026",
        "Mon, 02 Nov 2026 03:01:30 +0000",
        "Mon, 02 Nov 2026 03:01:30 -0000",
        "Mon, 02 Nov 2026 03:01:30 UTC",
        "Fri, 02 Nov 2026 03:01:30 GMT",  # the day of the week is not looked at
    ],
)
def test_a_date_in_each_of_the_three_forms(text: str) -> None:
    """The one of today, the one of RFC 850, and C's, which has no zone and means UTC."""
    assert asked(text) == 90


@pytest.mark.parametrize("text", ["Mon, 02 Nov 2026 02:59:59 GMT", "Sat Jan  1 00:00:00 2000"])
def test_a_date_that_is_past_asks_for_no_wait(text: str) -> None:
    """The clocks may differ."""
    assert asked(text) == 0


def test_a_date_far_ahead_asks_for_a_day() -> None:
    """No date is too far."""
    assert asked("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST.total_seconds()


def test_a_leap_second_is_the_second_after_59() -> None:
    """HTTP has a second 60."""
    assert asked("Mon, 02 Nov 2026 03:00:60 GMT") == 60
    assert asked("Fri, 31 Dec 9999 23:59:60 GMT") is None


@pytest.mark.parametrize(("year", "seconds"), [("76", LONGEST.total_seconds()), ("77", 0)])
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: str, seconds: float) -> None:
    """As HTTP has it: 2076 is that year, and 77 was 1977."""
    assert asked(f"Sunday, 02-Nov-{year} 03:00:00 GMT") == seconds


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "soon", "-5", "+5", "1.5", "1e3", "5s", "5 5", "1_0", "0x10", "120, 60", "5;"],
        *["\u0661\u0662", "\uff11\uff12", "\u00b2", "7\u00a0", "\u20037", "7\n", "7\x00", "\ud800"],
        "2026-11-02T03:01:30Z",
        "Mon, 02 Nov 2026 03:01:30",
        "Mon, 02 Nov 2026 03:01:30 PST",
        "Mon, 02 Nov 2026 03:01:30 -0800",
        "Mon, 02 Nov 26 03:01:30 GMT",
        "Mon, 2 Nov 2026 03:01:30 GMT",
        "Mon, 32 Nov 2026 03:01:30 GMT",
        "Mon, 31 Nov 2026 03:01:30 GMT",
        "Mon, 02 Nov 0000 03:01:30 GMT",
        "Mon, 02 Nov 2026 24:01:30 GMT",
        "Mon, 02 Nov 2026 03:60:30 GMT",
        "Mon, 02 Nov 2026 03:01:61 GMT",
        "Mon, 02 Foo 2026 03:01:30 GMT",
        "Mon, \uff10\uff12 Nov 2026 03:01:30 GMT",
        "Monday, 02-Nov-2026 03:01:30 GMT",
        "Mon Nov 2 03:01:30 2026",
        "Mon Nov  2 03:01:30 2026 GMT",
        "x" * 100_000,
    ],
)
def test_nonsense_asks_for_nothing(text: str) -> None:
    """The planned wait stands."""
    assert asked(text) is None


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["10", "120"], 120),
        (["120", "10"], 120),
        (["soon", "10"], 10),
        (["10", "Mon, 02 Nov 2026 03:01:30 GMT"], 90),
        (["soon", "later"], None),
    ],
)
def test_of_several_headers_the_longest_wait_counts(
    values: list[str], seconds: float | None
) -> None:
    """A receiver and the proxy before it may both ask."""
    assert asked(*values) == seconds


@given(st.integers(-1_500_000_000, 1_500_000_000).map(lambda seconds: timedelta(seconds=seconds)))
def test_every_instant_is_read_as_it_was_written(away: timedelta) -> None:
    """To the second, in all three forms: what others' programs print, this one reads."""
    at = NOW + away
    forms = (
        format_datetime(at, usegmt=True),
        f"{at:%A, %d-%b-%y %H:%M:%S} GMT",
        asctime(at.timetuple()),
    )
    expected = min(max(at - NOW, timedelta(0)), LONGEST)
    assert {parse_retry_after([form], now=NOW) for form in forms} == {expected}
    assert parse_retry_after([forms[0]], now=at - timedelta(seconds=5)) == timedelta(seconds=5)


almost_dates = st.from_regex(
    r"[A-Z][a-z]{2,8},? [0-9 ]{2}[ -](Jan|Feb|Mar|Nov)[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} ?(GMT)?",
    fullmatch=True,
)


@given(
    st.lists(st.text(st.characters()) | almost_dates | st.integers().map(str), max_size=3),
    st.datetimes(timezones=st.just(UTC)),
)
@example(["Mon, 02 Nov 2026 03:01:30 GMT"], datetime(9999, 12, 31, tzinfo=UTC))
@example(["Monday, 02-Nov-99 03:01:30 GMT"], datetime(1, 1, 1, tzinfo=UTC))
@example(["Monday, 02-Nov-00 03:01:30 GMT"], datetime(1, 1, 1, tzinfo=UTC))
def test_nothing_that_is_sent_there_breaks_anything(values: list[str], now: datetime) -> None:
    """Whatever comes, and whatever the time: nothing is asked for, or a wait within the bounds."""
    wait = parse_retry_after(values, now=now)
    assert wait is None or timedelta(0) <= wait <= LONGEST
