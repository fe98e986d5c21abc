"""The append-only record of each incident, and the feed that gives its rows positions in commit order."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import micros_or_none, to_micros
from tocsin.store.statement import insert, raw

_ADD = insert(schema.timeline)
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One row: what happened (`kind`), who or what did it (`actor`), and the facts of that kind."""

    incident: int
    id: int
    at: datetime
    kind: str
    actor: str
    planned_at: datetime | None = None
    detail: dict[str, Any] | None = None


def add_to_timeline(tx: Tx, entries: Sequence[TimelineEntry]) -> None:
    """Append; the feed's position is given when the transaction commits."""
    tx.run_many(_ADD, [_row(entry) for entry in entries])
    tx.news.timeline.extend((entry.incident, entry.id) for entry in entries)


def _row(entry: TimelineEntry) -> tuple[Any, ...]:
    return (
        entry.incident,
        entry.id,
        to_micros(entry.at),
        micros_or_none(entry.planned_at),
        entry.kind,
        entry.actor,
        _dumps(entry.detail) if entry.detail else "{}",
    )
