"""Alerts that were accepted, and those that were refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.alert import Alert
from tocsin.domain.incident import Effect
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import insert
from tocsin.stored_json import to_json

_A, _R = schema.alerts, schema.refused_alerts
_INSERT = insert(_A)
MOST_REFUSED_ALERTS = 10_000


class StoredAlert(NamedTuple):
    """An alert with what became of it."""

    id: int
    alert: Alert
    effect: Effect
    incident: int | None


@dataclass(frozen=True, slots=True)
class RefusedAlert:
    """A request that could not be understood; nothing secret is in it."""

    id: int
    received_at: datetime
    code: str
    reason: str
    masked_key: str
    routing_key: str
    excerpt: str


def insert_alerts(tx: Tx, alerts: Sequence[StoredAlert]) -> None:
    tx.run_many(
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


def insert_refused_alerts(tx: Tx, refused: Sequence[RefusedAlert]) -> None:
    """Keep the latest refusals; the oldest make room."""
    tx.core.execute(
        _R.insert(),
        [
            {
                "id": each.id,
                "received_at": each.received_at,
                "code": each.code,
                "reason": each.reason,
                "masked_key": each.masked_key,
                "routing_key": each.routing_key,
                "excerpt": each.excerpt,
            }
            for each in refused
        ],
    )
    newest = sa.select(_R.c.id).order_by(_R.c.id.desc()).limit(1).offset(MOST_REFUSED_ALERTS)
    tx.core.execute(_R.delete().where(_R.c.id <= newest.scalar_subquery()))
