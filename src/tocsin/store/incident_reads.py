"""Incidents as people look at them: listed, found, and what of them is still to come. Nothing is locked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.incident import Incident, Status
from tocsin.store import schema
from tocsin.store.database import Tx

_I, _E = schema.incidents, schema.escalations
# In the text, as a partial index is used only when its condition can be seen.
_RESOLVED = sa.literal(Status.RESOLVED.value, literal_execute=True)


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step that will fire: of which escalation, which position, when."""

    incident: int
    entity_id: str
    escalation: int
    policy_version_id: int
    position: int
    due_at: datetime
    planned_at: datetime | None
    """When it is planned, if `due_at` is when it is seen whether it must fire sooner."""


def find_incident(tx: Tx, number: int) -> Incident | None:
    return _first(tx, sa.select(_I).where(_I.c.number == number))


def find_incidents_by_number(tx: Tx, numbers: Collection[int]) -> dict[int, Incident]:
    """Return those of the incidents that exist, by number."""
    select = sa.select(_I).where(_I.c.number.in_(numbers))
    rows = tx.core.execute(select).mappings() if numbers else ()
    return {row["number"]: _incident(row) for row in rows}


def find_latest_incident(tx: Tx, entity_id: str) -> Incident | None:
    """Return the entity's unresolved incident, or else its last one."""
    return _first(tx, _of_entity(entity_id).order_by(_I.c.number.desc()).limit(1))


def list_incidents_of_entity(tx: Tx, entity_id: str) -> list[int]:
    """Return the numbers of an entity's incidents, the latest first."""
    select = _of_entity(entity_id).with_only_columns(_I.c.number).order_by(_I.c.number.desc())
    return list(tx.core.scalars(select))


def list_incidents(
    tx: Tx,
    *,
    status: Status | None = None,
    entity_id: str | None = None,
    routing_key: str | None = None,
    nobody_left: bool | None = None,
    before: int | None = None,
    limit: int,
) -> list[Incident]:
    """Return incidents, the latest first, below the number `before`."""
    select = sa.select(_I) if entity_id is None else _of_entity(entity_id)
    if status is not None:
        select = select.where(_I.c.status == status.value)
    if routing_key is not None:
        select = select.where(_I.c.routing_key == routing_key)
    if nobody_left is not None:
        since = _I.c.nobody_left_since
        select = select.where(since.is_not(None) if nobody_left else since.is_(None))
    if before is not None:
        select = select.where(_I.c.number < before)
    rows = tx.core.execute(select.order_by(_I.c.number.desc()).limit(limit))
    return [_incident(row) for row in rows.mappings()]


def list_due_steps(
    tx: Tx, *, incident: int | None = None, until: datetime | None = None, limit: int
) -> list[DueStep]:
    """Return the next step of each running escalation, the earliest first."""
    select = (
        sa.select(
            _E.c.incident,
            _I.c.entity_id,
            _E.c.number.label("escalation"),
            _E.c.policy_version_id,
            _E.c.next_step.label("position"),
            _E.c.due_at,
            _E.c.planned_at,
        )
        .join(_I, _I.c.number == _E.c.incident)
        .where(_E.c.due_at.is_not(None))
        .order_by(_E.c.due_at, _E.c.incident, _E.c.number)
        .limit(limit)
    )
    if incident is not None:
        select = select.where(_E.c.incident == incident)
    if until is not None:
        select = select.where(_E.c.due_at <= until)
    return [DueStep(**row) for row in tx.core.execute(select).mappings()]


def list_held_incidents(tx: Tx, *, until: datetime | None = None, limit: int) -> list[Incident]:
    """Return incidents whose hold is to end, the earliest first."""
    select = sa.select(_I).where(_I.c.held_until.is_not(None)).order_by(_I.c.held_until)
    if until is not None:
        select = select.where(_I.c.held_until <= until)
    return [_incident(row) for row in tx.core.execute(select.limit(limit)).mappings()]


def count_due(tx: Tx, until: datetime) -> tuple[int, int]:
    """Return how many steps are due, and how many holds are over, by an instant."""
    steps = sa.select(sa.func.count()).select_from(_E).where(_E.c.due_at <= until)
    holds = sa.select(sa.func.count()).select_from(_I).where(_I.c.held_until <= until)
    return int(tx.core.scalar(steps) or 0), int(tx.core.scalar(holds) or 0)


def _of_entity(entity_id: str) -> sa.Select[Any]:
    # Two halves, because the entity's unresolved incident and its history have an index each.
    is_its = _I.c.entity_id == entity_id
    return sa.select(_I).where(
        sa.or_(sa.and_(is_its, _I.c.status != _RESOLVED), sa.and_(is_its, _I.c.status == _RESOLVED))
    )


def _first(tx: Tx, select: sa.Select[Any]) -> Incident | None:
    row = tx.core.execute(select).mappings().first()
    return None if row is None else _incident(row)


def _incident(row: sa.RowMapping) -> Incident:
    return Incident(**{**row, "status": Status(row["status"])})
