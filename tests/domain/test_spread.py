"""How measurements are spread."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.spread import Spread, spread_of

MILLISECOND = timedelta(milliseconds=1)


def test_percentiles_are_measurements_by_nearest_rank() -> None:
    """Of 1 to 200 ms: half took no more than 100, 95 of a hundred no more than 190."""
    found = spread_of(n * MILLISECOND for n in range(200, 0, -1))
    assert found == Spread(
        200, 100 * MILLISECOND, 190 * MILLISECOND, 198 * MILLISECOND, 200 * MILLISECOND
    )


def test_one_is_all_of_them_and_none_is_nothing() -> None:
    assert spread_of([]) is None
    assert spread_of([MILLISECOND]) == Spread(1, *[MILLISECOND] * 4)


def test_what_came_early_was_on_time() -> None:
    """A step that did not wait for its time is not late by less than nothing."""
    assert spread_of([-MILLISECOND]) == Spread(1, *[timedelta(0)] * 4)


@given(st.lists(st.timedeltas(min_value=timedelta(0)), min_size=1))
def test_each_was_really_measured_and_they_are_in_order(measured: list[timedelta]) -> None:
    found = spread_of(measured)
    assert found is not None
    shown = [found.p50, found.p95, found.p99, found.greatest]
    assert shown == sorted(shown)
    assert set(shown) <= set(measured)
    assert found.greatest == max(measured)
