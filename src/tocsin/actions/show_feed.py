"""The feed as people read it: what happened anywhere, each entry in words, with the incident that it is about.

The feed holds keys, a row for each transaction. What they name is looked up for many at once: a page costs the same
few statements however much there is, because it begins at a position, and looks back only so far.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Final

from tocsin.actions.feed_search import narrow
from tocsin.actions.named_steps import Names
from tocsin.actions.show_incidents import IncidentLine, describe_incidents
from tocsin.actions.show_timeline import (
    Told,
    attempts_made,
    followings,
    named_entry,
    pagings,
    told,
)
from tocsin.domain.feed import BEGINNING, About, Group, Place, Wanted, group_of
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import (
    Delivery,
    find_deliveries,
    list_attempts,
    list_deliveries_of_causes,
    list_deliveries_of_steps,
)
from tocsin.store.feed import Added, FeedRow, Key, find_position_instant, read_feed, read_feed_back
from tocsin.store.incident_reads import find_incidents_by_number
from tocsin.store.runs import find_runs
from tocsin.store.timeline import find_entries

MOST_LOOKED_AT: Final = 1_000
"""Entries, for one page; whoever wants more looks on from there."""
MOST_PASSED_OVER: Final = 20_000
"""Transactions that are about other incidents, for one page."""
_NEVER: Final = Place(2**62, 0)
"""Behind whatever will be."""
_ROWS_AT_ONCE: Final = 50
_LOOKED_UP_AT_ONCE: Final = 200
_OF_NODES: Final = {
    each.value: each
    for each in (Kind.NODE_JOINED, Kind.NODE_CAME_BACK, Kind.NODE_LEFT, Kind.NODE_FELL_SILENT)
}


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """What happened, where in the feed that stands, and the incident that it is about, as that is now."""

    place: Place
    group: Group
    told: Told
    incident: IncidentLine | None

    @property
    def about(self) -> About | None:
        """The incident, as far as somebody may look for it."""
        if self.incident is None:
            return None
        incident = self.incident.incident
        return About(incident.number, incident.entity_id, incident.routing_key)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Entries that somebody wants, the newest first."""

    entries: list[FeedEntry]
    newest: Place
    """All that was committed up to here has been looked at, if the page began at the newest."""
    older: Place | None
    """Before where to look on; None: there is nothing older."""
    back_to: datetime | None
    """How far back was looked, if not to where the page is full, nor to the end."""


@dataclass(frozen=True, slots=True)
class FeedPart:
    """What comes behind a place, the oldest first."""

    entries: list[FeedEntry]
    upto: Place
    """Everything up to here was looked at."""
    is_all: bool
    """False: it was more than somebody wants to know, and `entries` are none of it."""


def show_feed(tx: Tx, wanted: Wanted, *, before: Place | None = None, limit: int) -> FeedPage:
    """Return the newest entries that are wanted, those before a place."""
    newest = end_of_feed(tx)
    start = before or newest.behind
    floor = 0 if wanted.incident is None else max(0, start.position - MOST_PASSED_OVER)
    keys = _back(tx, start, since=floor, incident=wanted.incident)
    found: list[FeedEntry] = []
    last: Added | None = None
    looked_at = 0
    while len(found) <= limit and looked_at < MOST_LOOKED_AT:
        some = list(islice(keys, limit + 1 if wanted.is_all else _LOOKED_UP_AT_ONCE))
        if not some:
            last = None
            break
        last = some[-1]
        looked_at += len(some)
        found += tell(tx, narrow(tx, some, wanted))
    if len(found) > limit:
        return FeedPage(found[:limit], newest, found[limit - 1].place, None)
    if last is not None:
        return FeedPage(found, newest, last.place, last.at)
    if back_to := find_position_instant(tx, floor):
        return FeedPage(found, newest, Place(floor, 0), back_to)
    return FeedPage(found, newest, None, None)


def read_on(tx: Tx, *, after: Place, upto: Place | None = None, most: int) -> FeedPart:
    """Return what comes behind a place, up to another one or the end, unless that is more than `most` entries."""
    some = list(islice(_on(tx, after, upto), most + 1))
    if len(some) > most:
        return FeedPart([], upto or end_of_feed(tx), is_all=False)
    return FeedPart(tell(tx, some), some[-1].place if some else after, is_all=True)


def end_of_feed(tx: Tx) -> Place:
    """Return the place of the newest entry; the beginning: there is none."""
    return next((each.place for each in _back(tx, _NEVER)), BEGINNING)


def _back(tx: Tx, before: Place, *, since: int = 0, incident: int | None = None) -> Iterator[Added]:
    until = before.position
    while rows := read_feed_back(
        tx, until=until, limit=_ROWS_AT_ONCE, since=since, incident=incident
    ):
        for row in rows:
            for each in reversed(_added(row)):
                if each.place < before and incident in (None, each.incident):
                    yield each
        until = rows[-1].position - 1


def _on(tx: Tx, after: Place, upto: Place | None) -> Iterator[Added]:
    since = after.position
    while rows := read_feed(tx, since=since, limit=_ROWS_AT_ONCE):
        for row in rows:
            for each in _added(row):
                if upto is not None and each.place > upto:
                    return
                if each.place > after:
                    yield each
        since = rows[-1].position + 1


def _added(row: FeedRow) -> list[Added]:
    return [Added(Place(row.position, number), row.at, key) for number, key in enumerate(row.keys)]


def tell(tx: Tx, added: Sequence[Added]) -> list[FeedEntry]:
    """Return in words what keys name, in their order; what was removed meanwhile is left out."""
    if not added:
        return []
    rows = _Rows(tx, added)
    entries = []
    for place, at, key in added:
        entry = rows.find(key, at)
        line = entry and rows.lines.get(entry.incident)
        if entry is not None and (line is not None or entry.incident == NO_INCIDENT):
            entries.append(FeedEntry(place, group_of(entry), told(entry), line))
    return entries


class _Rows:
    """Whatever these keys name, looked up together."""

    def __init__(self, tx: Tx, added: Sequence[Added]) -> None:
        keys: dict[str, set[Key]] = {}
        for _, _, (kind, *rest) in added:
            keys.setdefault(kind, set()).add(tuple(rest))
        self._stored = find_entries(tx, _pairs(keys.get("timeline", ())))
        steps = list_deliveries_of_steps(tx, _triples(keys.get("paged", ())))
        causes = list_deliveries_of_causes(tx, [cause for _, cause in keys.get("followed_up", ())])
        self._attempted = find_deliveries(tx, {id_ for _, id_, _ in keys.get("attempted", ())})
        self._of_step = _grouped(steps)
        self._of_cause = {cause: list(group) for cause, group in groupby(causes, _cause_of)}
        deliveries = {each.id: each for each in (*steps, *causes)} | self._attempted
        self._attempts = list_attempts(tx, deliveries.values())
        self._runs = find_runs(tx, {id_ for kind in _OF_NODES for _, id_ in keys.get(kind, ())})
        numbers = {each.incident for each in added} - {NO_INCIDENT}
        self._names = Names(tx, incidents=numbers)
        # Last of all: what is removed meanwhile is not there any more.
        incidents = find_incidents_by_number(tx, numbers)
        self.lines = {
            line.incident.number: line for line in describe_incidents(tx, list(incidents.values()))
        }

    def find(self, key: Key, at: datetime) -> TimelineEntry | None:
        """Return the entry that a key of a transaction of that instant names."""
        match key:
            case ("timeline", int(incident), int(id_)):
                return self._entry(incident, id_)
            case ("paged", int(), int(), int()):
                deliveries = self._of_step.get(key[1:], [])
                return next(pagings(deliveries, self._attempts, self._names), None)
            case ("followed_up", int(), int(cause)):
                deliveries = self._of_cause.get(cause, [])
                return next(followings(deliveries, self._attempts, self._names), None)
            case ("attempted", int(), int(id_), int(number)):
                return self._attempt(id_, number)
            case (str(kind), int(), int(run_id)) if kind in _OF_NODES and run_id in self._runs:
                run = self._runs[run_id]
                detail = {"node": run.node, "version": run.version}
                return TimelineEntry(NO_INCIDENT, run_id, at, _OF_NODES[kind], ENGINE, detail)
        return None  # a node of a newer version may add what this one does not know

    def _entry(self, incident: int, id_: int) -> TimelineEntry | None:
        entry = self._stored.get((incident, id_))
        return None if entry is None else named_entry(entry, self._names)

    def _attempt(self, id_: int, number: int) -> TimelineEntry | None:
        delivery = self._attempted.get(id_)
        if delivery is None:
            return None
        only = {id_: [each for each in self._attempts[id_] if each.number == number]}
        return next(attempts_made([delivery], only, self._names), None)


def _pairs(keys: Iterable[Key]) -> list[tuple[int, int]]:
    return [(incident, id_) for incident, id_ in keys]


def _triples(keys: Iterable[Key]) -> list[tuple[int, int, int]]:
    return [(incident, escalation, step) for incident, escalation, step in keys]


def _grouped(deliveries: Sequence[Delivery]) -> dict[Key, list[Delivery]]:
    found: dict[Key, list[Delivery]] = {}
    for each in deliveries:
        found.setdefault((each.incident, each.escalation, each.step), []).append(each)
    return found


def _cause_of(delivery: Delivery) -> int | None:
    return delivery.cause
