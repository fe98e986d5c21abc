"""How long things have waited, for those who watch."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx

_D, _E, _L = schema.deliveries, schema.escalations, schema.lanes


def oldest_due_step(tx: Tx) -> datetime | None:
    """Return the instant at which the next step is, or was, due."""
    select = sa.select(sa.func.min(_E.c.due_at)).where(_E.c.due_at.is_not(None))
    due_at: datetime | None = tx.core.scalar(select)
    return due_at


def oldest_unsent(tx: Tx) -> datetime | None:
    """Return when the oldest delivery was made that waits for its first attempt.

    Those that somebody wanted sent once more do not count: they may be many, and are no news. Nor do those to
    a webhook whose breaker is open: it is their receiver that is not there.
    """
    held = sa.select(_L.c.webhook_id).where(_L.c.held_until.is_not(None))
    select = sa.select(sa.func.min(_D.c.created_at)).where(
        _D.c.due_at.is_not(None),
        _D.c.attempts == 0,
        _D.c.resend_of.is_(None),
        _D.c.webhook_id.not_in(held),
    )
    created_at: datetime | None = tx.core.scalar(select)
    return created_at
