"""Deliveries that are too late to be sent: they end without an attempt."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.deliveries import NewDelivery
from tocsin.store.statement import insert

_D = schema.deliveries
_FAILED, _LATE = DeliveryState.FAILED.value, Ending.SKIPPED_LATE.value
_INSERT = insert(
    _D,
    *("id", "incident", "escalation", "step", "webhook_id", "body_id", "state", "planned_at"),
    *("created_at", "attempts", "ended_at", "end_reason"),
)


class LateDelivery(NamedTuple):
    """A delivery that is too late, and the step that made it. Units: microseconds since 1970."""

    id: int
    incident: int
    escalation: int
    step: int
    webhook_id: int
    planned_at: int


def insert_late_deliveries(tx: Tx, late: Sequence[NewDelivery], *, now: int) -> None:
    """Add deliveries that have ended already, so that somebody may send them all the same.

    Units: microseconds since 1970.
    """
    rows = [(*each[:6], _FAILED, each.planned_at, now, 0, now, _LATE) for each in late]
    tx.run_many(_INSERT, rows)
    tx.news.skipped_late += [each.id for each in late]


def end_late_deliveries(tx: Tx, ids: Iterable[int], *, now: int) -> list[LateDelivery]:
    """End deliveries that wait for their first attempt; return them. Units: microseconds since 1970."""
    update = (
        _D.update()
        .where(_D.c.id.in_(list(ids)), _D.c.state == DeliveryState.PENDING.value)
        .values(
            state=_FAILED,
            due_at=None,
            ended_at=schema.from_micros(now),
            end_reason=_LATE,
        )
        .returning(
            *(_D.c.id, _D.c.incident, _D.c.escalation, _D.c.step, _D.c.webhook_id),
            sa.type_coerce(_D.c.planned_at, sa.BigInteger),
        )
    )
    late = sorted(LateDelivery(*row) for row in tx.core.execute(update))
    tx.news.skipped_late += [each.id for each in late]
    return late
