"""What was up when: a recovery counts only while something was there that could recover."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

DATABASE = "database"


class Change(NamedTuple):
    """Something came up, or went down."""

    at: datetime
    name: str
    is_up: bool


class Uptime:
    """The database and the nodes, from the first change on."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def changed(self, name: str, at: datetime, *, is_up: bool) -> None:
        self._changes.append(Change(at, name, is_up))

    def able_seconds(self, begin: datetime, end: datetime) -> float:
        """Return for how long of this time the database and at least one node were up."""
        return sum(
            (min(until, end) - max(since, begin)).total_seconds()
            for since, until in _able(self._changes, end)
            if until > begin and since < end
        )


def _able(changes: Iterable[Change], end: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Yield from when to when a node and the database were up, the last until `end`."""
    up: set[str] = set()
    since: datetime | None = None
    for change in sorted(changes, key=lambda each: each.at):
        (up.add if change.is_up else up.discard)(change.name)
        is_able = DATABASE in up and len(up) > 1
        if is_able and since is None:
            since = change.at
        elif not is_able and since is not None:
            yield since, change.at
            since = None
    if since is not None:
        yield since, max(since, end)
