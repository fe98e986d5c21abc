"""Links that were followed: each acts once."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx

_U = schema.used_links


def find_use(tx: Tx, delivery_id: int, action: str) -> datetime | None:
    """Return when a link was used; None: it was not."""
    select = sa.select(_U.c.used_at).where(_U.c.delivery_id == delivery_id, _U.c.action == action)
    used_at: datetime | None = tx.core.scalar(select)
    return used_at


def note_use(tx: Tx, delivery_id: int, action: str, *, at: datetime) -> None:
    """Let a link act no more. Whoever does so has locked its incident."""
    tx.core.execute(_U.insert(), {"delivery_id": delivery_id, "action": action, "used_at": at})
