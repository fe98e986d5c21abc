"""Alerts that were accepted, and those that were refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.domain.alert import Alert
from tocsin.domain.incident import Effect
from tocsin.domain.refusal import BadKey, Refusal
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import insert
from tocsin.stored_json import to_json

_A, _R = schema.alerts, schema.refused_alerts
_INSERT = insert(_A)
MOST_REFUSED_ALERTS = 10_000
MOST_WITHOUT_A_KEY = 1_000
"""Of those that came without a key in force: anybody could push out the others."""


class StoredAlert(NamedTuple):
    """An alert with what became of it."""

    id: int
    alert: Alert
    effect: Effect
    incident: int | None


@dataclass(frozen=True, slots=True)
class RefusedAlert:
    """A refusal that is kept. Its id grows with every request like it, so that the latest is last."""

    id: int
    refusal: Refusal


def insert_alerts(tx: Tx, alerts: Sequence[StoredAlert]) -> None:
    tx.run_set(
        _INSERT,
        [
            (
                stored.id,
                to_micros(stored.alert.received_at),
                stored.incident,
                stored.alert.entity_id,
                stored.alert.message_type.value,
                stored.alert.routing_key.value if stored.alert.routing_key else "",
                to_json(stored.alert.fields),
                to_json(stored.alert.repairs) if stored.alert.repairs else "[]",
                stored.effect.value,
            )
            for stored in alerts
        ],
    )


def replace_refused_alerts(tx: Tx, ids: Sequence[int], rows: Sequence[RefusedAlert]) -> None:
    """Keep the latest refusals, in the place of those with these ids; the oldest make room."""
    for id_ in ids:
        tx.core.execute(_R.delete().where(_R.c.id == id_))
    tx.core.execute(_R.insert(), [_refused_row(each) for each in rows])
    if len(rows) > len(ids):
        _keep_newest(tx, _R.c.code.not_in(_BAD_KEYS), MOST_REFUSED_ALERTS)
        _keep_newest(tx, _R.c.code.in_(_BAD_KEYS), MOST_WITHOUT_A_KEY)


_BAD_KEYS = [each.value for each in BadKey]


def _keep_newest(tx: Tx, kind: sa.ColumnElement[bool], most: int) -> None:
    newest = sa.select(_R.c.id).where(kind).order_by(_R.c.id.desc()).limit(1).offset(most)
    tx.core.execute(_R.delete().where(kind, _R.c.id <= newest.scalar_subquery()))


def _refused_row(row: RefusedAlert) -> dict[str, Any]:
    refusal = row.refusal
    return {
        "id": row.id,
        "received_at": refusal.last_at,
        "code": refusal.code,
        "reason": refusal.reason,
        "masked_key": refusal.masked_key,
        "routing_key": refusal.routing_key,
        "excerpt": refusal.excerpt,
        "requests": refusal.count,
        "first_received_at": refusal.first_at if refusal.count > 1 else None,
        "revoked_key": refusal.revoked_key,
    }
