"""The append-only record of each incident, and the feed that gives it positions in commit order."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.store import schema
from tocsin.store.by_key import rows_by_key
from tocsin.store.database import Tx
from tocsin.store.schema import micros_or_none, to_micros
from tocsin.store.statement import insert
from tocsin.stored_json import from_json, to_json

_T = schema.timeline
_ADD = insert(_T)


def add_to_timeline(tx: Tx, entries: Sequence[TimelineEntry]) -> None:
    """Append; the feed's position is given when the transaction commits."""
    tx.run_set(_ADD, [_row(entry) for entry in entries])
    tx.news.feed.extend(("timeline", entry.incident, entry.id) for entry in entries)
    tx.news.silenced += [each.incident for each in entries if each.kind is Kind.NOBODY_LEFT]


def _row(entry: TimelineEntry) -> tuple[Any, ...]:
    return (
        entry.incident,
        entry.id,
        to_micros(entry.at),
        micros_or_none(entry.planned_at),
        entry.kind.value,
        entry.actor,
        to_json(entry.detail) if entry.detail else "{}",
    )


def list_changes(
    tx: Tx, incidents: Iterable[int], kinds: Collection[Kind]
) -> dict[int, list[tuple[Kind, datetime]]]:
    """Return when each of these incidents had entries of these kinds, in their order."""
    found: dict[int, list[tuple[Kind, datetime]]] = {number: [] for number in incidents}
    select = (
        sa.select(_T.c.incident, _T.c.kind, _T.c.at)
        .where(_T.c.incident.in_(list(found)), _T.c.kind.in_([each.value for each in kinds]))
        .order_by(_T.c.incident, _T.c.id)
    )
    for row in tx.core.execute(select):
        found[row.incident].append((Kind(row.kind), row.at))
    return found


def list_timeline(tx: Tx, incident: int) -> list[TimelineEntry]:
    """Return an incident's rows in the order in which they were written."""
    select = sa.select(_T).where(_T.c.incident == incident).order_by(_T.c.id)
    return [_entry(row) for row in tx.core.execute(select)]


def find_entries(tx: Tx, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], TimelineEntry]:
    """Return those of the rows that exist, each by its incident and id."""
    if not keys:
        return {}
    rows = rows_by_key(tx, _T, ("incident", "id"), keys)
    return {(row.incident, row.id): _entry(row) for row in rows}


def _entry(row: Any) -> TimelineEntry:
    return TimelineEntry(
        incident=row.incident,
        id=row.id,
        at=row.at,
        kind=Kind(row.kind),
        actor=row.actor,
        detail=from_json(row.detail),
        planned_at=row.planned_at,
    )
