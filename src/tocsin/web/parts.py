"""Lists of what people configure: read whole as a rule, because they are short, and shown a part at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tocsin.web.addresses import address_with
from tocsin.web.visit import Visit

T = TypeVar("T")
SHOWN: Final = 50
AFTER: Final = "after"


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What a page shows of a list."""

    items: Sequence[T]
    more: str
    """The link to the next part; empty: this is the last."""


def part_of(visit: Visit, items: Sequence[T], name: Callable[[T], str]) -> Part[T]:
    """Return the part that comes after the item that the query names.

    One that is gone by now, or never was, begins the list anew.
    """
    after = visit.query.get(AFTER, "")
    names = [name(each) for each in items] if after else []
    start = names.index(after) + 1 if after in names else 0
    return read_part(visit, items[start : start + SHOWN + 1], name)


def read_part(visit: Visit, items: Sequence[T], name: Callable[[T], str]) -> Part[T]:
    """Return a part of a list of which no more was read than it shows, and one item, if there are more."""
    shown = items[:SHOWN]
    if len(items) <= SHOWN:
        return Part(shown, "")
    after = {AFTER: name(shown[-1])}
    return Part(shown, address_with(visit.request.url.path, visit.query, **after))
