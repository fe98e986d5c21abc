"""How much there is that would be removed. It reads all that is old: for who asks, not for every hour."""

from typing import Any

import sqlalchemy as sa

from tocsin.domain.incident import Status
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.retention.part import Horizon

_I, _D, _A, _R = schema.incidents, schema.deliveries, schema.alerts, schema.refused_alerts

NOTHING = dict.fromkeys(("incidents", "tests", "alerts", "refused_alerts"), 0)


def count_old(tx: Tx, horizon: Horizon) -> dict[str, int]:
    """Return how many of each part that somebody may miss are over for too long."""
    is_kept = sa.or_(_D.c.ended_at.is_(None), _D.c.ended_at >= horizon.before)
    is_over = sa.and_(
        _I.c.status == Status.RESOLVED.value,
        _I.c.changed_at < horizon.before,
        ~sa.exists().where(_D.c.incident == _I.c.number, is_kept),
    )
    is_test = sa.and_(_D.c.incident.is_(None), _D.c.escalation.is_(None), _D.c.step.is_(None))
    return {
        "incidents": _count(tx, _I, is_over),
        "tests": _count(
            tx, _D, sa.and_(is_test, _is_old(_D, horizon), _D.c.ended_at < horizon.before)
        ),
        "alerts": _count(tx, _A, sa.and_(_A.c.incident.is_(None), _is_old(_A, horizon))),
        "refused_alerts": _count(tx, _R, _is_old(_R, horizon)),
    }


def _is_old(table: sa.Table, horizon: Horizon) -> sa.ColumnElement[bool]:
    return table.c.id < horizon.first_id


def _count(tx: Tx, table: sa.Table, which: sa.ColumnElement[Any]) -> int:
    return int(tx.core.scalar(sa.select(sa.func.count()).select_from(table).where(which)) or 0)
