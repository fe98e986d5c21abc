"""What a server would do at once that starts on this database now."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx

_D, _E, _I = schema.deliveries, schema.escalations, schema.incidents


class Outstanding(NamedTuple):
    """What is not done yet."""

    unresolved_incidents: int
    overdue_steps: int
    waiting_deliveries: int
    """To be sent, at once or later; those that were being sent are among them."""


def count_outstanding(tx: Tx, now: datetime) -> Outstanding:
    """Count what is left to do. Units: a step is overdue that was due before `now`."""
    waits = sa.or_(_D.c.due_at.is_not(None), _D.c.waits_for.is_not(None), _D.c.state == "sending")
    return Outstanding(
        _count(tx, _I, _I.c.status != "resolved"),
        _count(tx, _E, _E.c.due_at <= now),
        _count(tx, _D, waits),
    )


def _count(tx: Tx, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return tx.core.scalar(sa.select(sa.func.count()).select_from(table).where(which)) or 0
