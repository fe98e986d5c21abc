"""Incidents, by number and by entity."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from tocsin.domain.incident import Incident, Status
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, instant_or_none, micros_or_none, to_micros
from tocsin.store.statement import (
    Statement,
    among,
    among_texts,
    id_list,
    insert,
    raw,
    text_list,
)

_I = schema.incidents
_COLUMNS = tuple(_I.columns.keys())
_SELECT = sa.select(_I).with_for_update()
_UNRESOLVED = Statement(
    _SELECT.where(
        among_texts(_I.c.entity_id, "entity_ids"), _I.c.status != Status.RESOLVED.value
    ).order_by(_I.c.number),
    "entity_ids",
)
_BY_NUMBER = Statement(
    _SELECT.where(among(_I.c.number, "numbers")).order_by(_I.c.number), "numbers"
)
_HELD = Statement(
    sa.select(_I)
    .where(_I.c.held_until <= raw("now"))
    .order_by(_I.c.held_until, _I.c.number)
    .limit(raw("limit"))
    .with_for_update(skip_locked=True),  # in this order, waiting could deadlock
    "now",
    "limit",
)
_POSTPONE_HOLD = Statement(
    _I.update()
    .values(held_until=raw("held_until"))
    .where(_I.c.number == raw("number"), _I.c.held_until.is_not(None)),
    *("held_until", "number"),
)
_NEXT_HELD = Statement(sa.select(sa.func.min(_I.c.held_until)).where(_I.c.held_until.is_not(None)))
_INSERT = insert(_I)
_CHANGING = tuple(
    name for name in _COLUMNS if name not in ("number", "entity_id", "opened_at", "first_alert_id")
)
_changing = itemgetter(*map(_COLUMNS.index, _CHANGING))
_UPDATE = Statement(
    _I.update().values({name: raw(name) for name in _CHANGING}).where(_I.c.number == raw("number")),
    *_CHANGING,
    "number",
)


def lock_entities(tx: Tx, entity_ids: Iterable[str]) -> None:
    """Let no other node open an incident for these entities until the transaction ends.

    SQLite has one writer. On PostgreSQL these locks come first, in order, so that nobody deadlocks.
    """
    if not tx.is_sqlite:
        for entity_id in sorted(set(entity_ids)):
            tx.core.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:entity_id, 0))"),
                {"entity_id": entity_id},
            )


def find_unresolved(tx: Tx, entity_ids: Iterable[str]) -> dict[str, Incident]:
    """Return the unresolved incident of each entity that has one, locked."""
    rows = tx.rows(_UNRESOLVED, text_list(set(entity_ids)))
    return {incident.entity_id: incident for incident in map(_incident, rows)}


def find_incidents(tx: Tx, numbers: Iterable[int]) -> dict[int, Incident]:
    """Return those of the incidents that exist, locked in order of number."""
    rows = tx.rows(_BY_NUMBER, id_list(numbers))
    return {incident.number: incident for incident in map(_incident, rows)}


def list_held_until(tx: Tx, now_micros: int, *, limit: int) -> list[Incident]:
    """Return incidents whose hold is over, locked. Units: microseconds since 1970."""
    return [_incident(row) for row in tx.rows(_HELD, now_micros, limit)]


def postpone_hold(tx: Tx, number: int, *, until: datetime) -> None:
    """Let a hold go on that could not be ended."""
    tx.run(_POSTPONE_HOLD, to_micros(until), number)


def next_hold_end(tx: Tx) -> int | None:
    """Return when the next hold ends. Units: microseconds since 1970."""
    (row,) = tx.rows(_NEXT_HELD)
    return row[0]  # type: ignore[no-any-return]


def insert_incidents(tx: Tx, incidents: Sequence[Incident]) -> None:
    tx.run_set(_INSERT, [_row(incident) for incident in incidents])


def update_incidents(tx: Tx, incidents: Sequence[Incident]) -> None:
    """Save what can change of incidents that were loaded, and so locked, in this transaction."""
    tx.run_set(_UPDATE, [(*_changing(_row(each)), each.number) for each in incidents])


def mark_silent(tx: Tx, numbers: Iterable[int], now: datetime) -> list[int]:
    """Mark those of the incidents that are triggered as having nobody left to page; return them."""
    silent = (
        _I.update()
        .where(
            _I.c.number.in_(list(numbers)),
            _I.c.status == Status.TRIGGERED.value,
            _I.c.nobody_left_since.is_(None),
        )
        .values(nobody_left_since=now)
        .returning(_I.c.number)
    )
    return sorted(tx.core.scalars(silent))


def _row(incident: Incident) -> tuple[Any, ...]:
    """Return the values in the order of the table's columns."""
    return (
        incident.number,
        incident.entity_id,
        incident.status.value,
        incident.routing_key,
        to_micros(incident.opened_at),
        to_micros(incident.changed_at),
        incident.alert_count,
        incident.first_alert_id,
        incident.latest_alert_id,
        incident.raising_alert_id,
        incident.was_critical,
        incident.round,
        micros_or_none(incident.held_until),
        micros_or_none(incident.nobody_left_since),
        incident.acknowledged_by,
    )


def _incident(row: Sequence[Any]) -> Incident:
    number, entity_id, status, routing_key, opened_at, changed_at, *rest = row
    count, first, latest, raising, was_critical, round_, held_until, nobody, by = rest
    return Incident(
        number=number,
        entity_id=entity_id,
        status=Status(status),
        routing_key=routing_key,
        opened_at=from_micros(opened_at),
        changed_at=from_micros(changed_at),
        alert_count=count,
        first_alert_id=first,
        latest_alert_id=latest,
        raising_alert_id=raising,
        was_critical=bool(was_critical),
        round=round_,
        held_until=instant_or_none(held_until),
        nobody_left_since=instant_or_none(nobody),
        acknowledged_by=by,
    )
