"""Alerts as people look at them: those accepted, with what became of each, and those refused."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.alert_fields import Repair, RepairKind
from tocsin.domain.incident import Effect
from tocsin.domain.message_type import MessageType
from tocsin.domain.refusal import BadKey, Refusal
from tocsin.store import schema
from tocsin.store.alerts import RefusedAlert
from tocsin.store.database import Tx
from tocsin.stored_json import from_json

_A, _R, _T = schema.alerts, schema.refused_alerts, schema.timeline
_MOST_AT_ONCE = 500  # ids in one statement


@dataclass(frozen=True, slots=True)
class AcceptedAlert:
    """An alert as it was stored, and what it did."""

    id: int
    received_at: datetime
    incident: int | None
    entity_id: str
    message_type: MessageType
    routing_key: str
    fields: dict[str, str]
    repairs: tuple[Repair, ...]
    effect: Effect


def find_alerts(tx: Tx, ids: Iterable[int]) -> dict[int, AcceptedAlert]:
    """Return those of the alerts that exist, by id."""
    wanted = sorted(set(ids))
    parts = [wanted[at : at + _MOST_AT_ONCE] for at in range(0, len(wanted), _MOST_AT_ONCE)]
    found = (
        alert for part in parts for alert in _alerts(tx, sa.select(_A).where(_A.c.id.in_(part)))
    )
    return {alert.id: alert for alert in found}


def list_alerts(tx: Tx, *, before: int | None = None, limit: int) -> list[AcceptedAlert]:
    """Return accepted alerts, the latest first, below the id `before`."""
    return _alerts(tx, _page(sa.select(_A), _A, before, limit))


def list_alerts_without_incident(
    tx: Tx, entity_id: str, *, before: int | None = None, limit: int
) -> list[AcceptedAlert]:
    """Return an entity's alerts that found no incident and opened none, the latest first."""
    select = sa.select(_A).where(_A.c.entity_id == entity_id, _A.c.incident.is_(None))
    return _alerts(tx, _page(select, _A, before, limit))


def list_alert_ids_of_incident(tx: Tx, incident: int) -> list[int]:
    """Return the ids of an incident's alerts, the latest first.

    Its timeline names them all, so alerts need no index by incident.
    """
    rows = tx.core.scalars(sa.select(_T.c.detail).where(_T.c.incident == incident))
    ids = {alert for detail in rows if (alert := from_json(detail).get("alert")) is not None}
    return sorted(ids, reverse=True)


def list_refused_alerts(
    tx: Tx, *, before: int | None = None, limit: int, mentioning: Collection[str] = ()
) -> list[RefusedAlert]:
    """Return requests that were refused, the latest first; those whose excerpt has one of the texts."""
    select = sa.select(_R)
    if mentioning:
        has = (_R.c.excerpt.contains(text, autoescape=True) for text in mentioning)
        select = select.where(sa.or_(*has))
    return [_refused(row) for row in tx.core.execute(_page(select, _R, before, limit))]


def list_refused_keys(tx: Tx, *, after: datetime, limit: int) -> list[RefusedAlert]:
    """Return requests whose key let nobody in, those that came after an instant, the latest first."""
    codes = [each.value for each in BadKey]
    select = sa.select(_R).where(_R.c.code.in_(codes), _R.c.received_at > after)
    return [_refused(row) for row in tx.core.execute(_page(select, _R, None, limit))]


def _refused(row: Any) -> RefusedAlert:
    refusal = Refusal(
        code=row.code,
        reason=row.reason,
        masked_key=row.masked_key,
        routing_key=row.routing_key,
        excerpt=row.excerpt,
        revoked_key=row.revoked_key,
        first_at=row.first_received_at or row.received_at,
        last_at=row.received_at,
        count=row.requests,
    )
    return RefusedAlert(row.id, refusal)


def _page(
    select: sa.Select[Any], table: sa.Table, before: int | None, limit: int
) -> sa.Select[Any]:
    if before is not None:
        select = select.where(table.c.id < before)
    return select.order_by(table.c.id.desc()).limit(limit)


def _alerts(tx: Tx, select: sa.Select[Any]) -> list[AcceptedAlert]:
    return [_alert(row) for row in tx.core.execute(select).mappings()]


def _alert(row: sa.RowMapping) -> AcceptedAlert:
    return AcceptedAlert(
        id=row["id"],
        received_at=row["received_at"],
        incident=row["incident"],
        entity_id=row["entity_id"],
        message_type=MessageType(row["message_type"]),
        routing_key=row["routing_key"],
        fields=from_json(row["fields"]),
        repairs=_repairs(from_json(row["repairs"])),
        effect=Effect(row["effect"]),
    )


def _repairs(pairs: Sequence[Sequence[str]]) -> tuple[Repair, ...]:
    return tuple(Repair(RepairKind(kind), field) for kind, field in pairs)
