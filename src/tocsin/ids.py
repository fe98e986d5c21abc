"""Ids: integers inside, prefixed text at the edge.

An id is 63 bits: milliseconds since 2020 (41), a count (12), the node (10). Ids made by one
source only ever grow, so rows land at the end of a clustered table; and an installation that is
set up anew does not hand out old ids again, which a receiver that drops repeats would take for
repeats.
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from tocsin.errors import TocsinError

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
NODE_BITS = 10
COUNT_BITS = 12
_MILLISECOND = timedelta(milliseconds=1)
_BITS = 63
_DIGITS = 16
_HEXADECIMAL = frozenset("0123456789abcdef")

DELIVERY = "dlv"
ALERT = "alr"
WEBHOOK = "whk"
POLICY = "pol"
TEAM = "team"
KEY = "key"
TOKEN = "tok"


class MalformedId(TocsinError):
    """The text is not an id of the kind that was asked for."""

    code: ClassVar[str] = "malformed_id"
    status_hint: ClassVar[int] = 404


class IdSource:
    """Makes ids that only grow, also when the clock is set back. Not for sharing between threads.

    All are larger than `after`, the newest id that an earlier source made.
    """

    def __init__(self, *, node: int, after: int = 0) -> None:
        self._node = node % (1 << NODE_BITS)
        self._next = (after >> NODE_BITS) + 1

    def take(self, count: int, now: datetime) -> range:
        """Return `count` new ids, ascending.

        Units: `now` is aware UTC. More than 4,096 in a millisecond run ahead into the next one.
        """
        start = max(self._next, ((now - EPOCH) // _MILLISECOND) << COUNT_BITS)
        self._next = start + count
        step = 1 << NODE_BITS
        return range(start * step + self._node, self._next * step + self._node, step)


def first_id_at(at: datetime) -> int:
    """Return an id such that none made at this instant or later is below it. Units: aware UTC."""
    first = max(0, (at - EPOCH) // _MILLISECOND) << COUNT_BITS + NODE_BITS
    return min(first, (1 << _BITS) - 1)


def made_at(id_: int) -> datetime:
    """Return when an id was made, to the millisecond; many made at once may seem to be of a moment later."""
    return EPOCH + (id_ >> COUNT_BITS + NODE_BITS) * _MILLISECOND


def id_text(prefix: str, number: int) -> str:
    """Return an id as people and receivers see it, for example `dlv_0c9a4e2f70d81001`."""
    return f"{prefix}_{number:0{_DIGITS}x}"


def parse_id(prefix: str, text: str) -> int:
    """Return the integer behind an id's text. Raises: MalformedId."""
    head, _, digits = text.strip().lower().rpartition("_")
    is_id = head == prefix and len(digits) == _DIGITS and set(digits) <= _HEXADECIMAL
    if not is_id or int(digits, 16) >> _BITS:
        raise MalformedId(
            f"{text[:60]!r} is not an id of this kind: one looks like {id_text(prefix, 0)}",
            prefix=prefix,
        )
    return int(digits, 16)
