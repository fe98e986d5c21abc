"""How instants and lengths of time read, and where a step stands."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tocsin.domain.policy import PolicyVersion, Repeat, Step
from tocsin.domain.step_place import place_of
from tocsin.domain.wording import counted, instant_text, lateness_text, length_text, listed


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(microseconds=2999), "2 ms"),
        (timedelta(seconds=1.5), "1.5 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(seconds=-90), "-1 min 30 s"),
    ],
)
def test_a_length_has_two_units_at_the_most(length: timedelta, text: str) -> None:
    """The larger ones, cut and not rounded up."""
    assert length_text(length) == text


def test_an_instant_is_read_as_utc() -> None:
    """To the millisecond, whatever its own offset is."""
    at = datetime(2026, 1, 2, 3, 4, 5, 6999, tzinfo=timezone(timedelta(hours=2)))
    assert instant_text(at) == instant_text(at.astimezone(UTC)) == "2026-01-02 01:04:05.006Z"


def test_less_than_a_millisecond_is_on_time() -> None:
    """More is late."""
    assert lateness_text(timedelta(microseconds=999)) == "on time"
    assert lateness_text(timedelta(milliseconds=1)) == "1 ms late"


def test_words_are_listed_and_counted() -> None:
    """As a sentence does."""
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        *("nobody", "a", "a and b"),
        "a, b and c",
    ]
    assert [counted(1, "alert"), counted(2, "alert")] == ["1 alert", "2 alerts"]


def version(*, steps: int, times: int) -> PolicyVersion:
    repeat = Repeat(times=times, after=timedelta(0)) if times else None
    return PolicyVersion(1, 1, 1, (Step(timedelta(0), ()),) * steps, repeat)


def test_people_count_steps_from_one_and_in_cycles() -> None:
    """The position behind the last is the last."""
    assert [str(place_of(version(steps=2, times=0), position)) for position in (0, 1, 2)] == [
        *("step 1 of 2", "step 2 of 2"),
        "step 2 of 2",
    ]
    places = [str(place_of(version(steps=2, times=1), position)) for position in (1, 2, 4)]
    assert places == [
        *("step 2 of 2, cycle 1 of 2", "step 1 of 2, cycle 2 of 2"),
        "step 2 of 2, cycle 2 of 2",
    ]
    assert place_of(version(steps=0, times=0), 0).steps == 0
