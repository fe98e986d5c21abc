"""Lists of what people configure: read whole, because they are short as a rule, and shown a part at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

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
    shown = items[start : start + SHOWN]
    if start + SHOWN >= len(items):
        return Part(shown, "")
    query = {**visit.query, AFTER: name(shown[-1])}
    return Part(shown, f"{visit.request.url.path}?{urlencode(query)}")
