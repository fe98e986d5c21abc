"""When an incident became what it is, and how long others needed: read from its timeline."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.domain.timeline import Kind

TELLING = frozenset(
    {
        *(Kind.OPENED, Kind.REOPENED, Kind.HOLD_ENDED, Kind.REROUTED),
        *(Kind.ACKNOWLEDGED, Kind.HELD, Kind.RESOLVED),
    }
)
"""The kinds of entries that are needed for it."""
_TRIGGERING = frozenset({Kind.OPENED, Kind.REOPENED, Kind.HOLD_ENDED})
_TAKING = frozenset({Kind.ACKNOWLEDGED, Kind.HELD})


@dataclass(frozen=True, slots=True)
class IncidentTimes:
    """`since` is when it became what it is now; the others are None until they have happened."""

    opened_at: datetime | None = None
    since: datetime | None = None
    first_taken_at: datetime | None = None
    """When it was acknowledged, or held, for the first time."""
    resolved_at: datetime | None = None

    @property
    def until_taken(self) -> timedelta | None:
        return _between(self.opened_at, self.first_taken_at)

    @property
    def until_resolved(self) -> timedelta | None:
        return _between(self.opened_at, self.resolved_at)


def read_times(entries: Iterable[tuple[Kind, datetime]]) -> IncidentTimes:
    """Return what an incident's entries, in their order, say of its times."""
    times = IncidentTimes()
    is_triggered = False
    for kind, at in entries:
        if kind in _TRIGGERING or (kind is Kind.REROUTED and not is_triggered):
            is_triggered = True
            times = replace(times, opened_at=times.opened_at or at, since=at)
        elif kind in _TAKING:
            is_triggered = False
            times = replace(times, since=at, first_taken_at=times.first_taken_at or at)
        elif kind is Kind.RESOLVED:
            is_triggered = False
            times = replace(times, since=at, resolved_at=at)
    return times


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start
