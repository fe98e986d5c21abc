"""Whose turn it is in the lane of a webhook: pages that nobody has tried go before attempts that follow."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def take_turns(
    first: Sequence[T], again: Sequence[T], *, free: int, again_is_next: bool
) -> tuple[list[T], bool]:
    """Return who leaves by `free` slots, in order, and whether one of `again` is next after that.

    While both wait they leave in turn, so that neither a flood of retries holds up pages, nor a flood of
    pages holds up retries for ever. Where only one kind waits it takes every slot, and turns stay as they are.
    """
    chosen: list[T] = []
    at_first = at_again = 0
    while len(chosen) < free:
        has_first, has_again = at_first < len(first), at_again < len(again)
        if not (has_first or has_again):
            break
        is_again = has_again and (again_is_next or not has_first)
        if has_first and has_again:
            again_is_next = not is_again
        if is_again:
            chosen.append(again[at_again])
            at_again += 1
        else:
            chosen.append(first[at_first])
            at_first += 1
    return chosen, again_is_next
