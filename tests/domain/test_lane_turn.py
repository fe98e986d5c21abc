"""Pages that nobody has tried and attempts that follow others share the slots of a webhook."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.lane_turn import take_turns


@pytest.mark.parametrize(
    ("first", "again", "free", "again_is_next", "chosen", "next_is_again"),
    [
        ("ab", "xy", 4, False, "axby", True),
        ("ab", "xy", 3, False, "axb", True),
        ("ab", "xy", 1, False, "a", True),
        ("ab", "xy", 1, True, "x", False),
        ("abcd", "x", 4, False, "axbc", False),
        ("a", "xyz", 3, True, "xay", True),
        ("abc", "", 2, True, "ab", True),
        ("", "xyz", 2, False, "xy", False),
        ("ab", "xy", 0, False, "", False),
    ],
)
def test_they_leave_in_turn_while_both_wait(
    first: str, again: str, free: int, *, again_is_next: bool, chosen: str, next_is_again: bool
) -> None:
    """Whoever is alone takes every slot, and whose turn it is stays."""
    found = take_turns(first, again, free=free, again_is_next=again_is_next)
    assert ("".join(found[0]), found[1]) == (chosen, next_is_again)


@given(
    firsts=st.integers(0, 30),
    agains=st.integers(0, 30),
    slots=st.lists(st.integers(1, 4), max_size=30),
    again_is_next=st.booleans(),
)
def test_neither_kind_waits_for_more_than_one_of_the_other(
    firsts: int, agains: int, slots: list[int], *, again_is_next: bool
) -> None:
    """However few slots are free at a time, as long as both wait."""
    first, again, left = list(range(firsts)), [-each - 1 for each in range(agains)], ""
    for free in slots:
        both = bool(first and again)
        chosen, again_is_next = take_turns(first, again, free=free, again_is_next=again_is_next)
        assert len(chosen) == min(free, len(first) + len(again))
        assert [each for each in chosen if each >= 0] == first[: sum(each >= 0 for each in chosen)]
        left = left + "".join("f" if each >= 0 else "a" for each in chosen) if both else ""
        first = [each for each in first if each not in chosen]
        again = [each for each in again if each not in chosen]
        if first and again:
            assert "ff" not in left
            assert "aa" not in left
