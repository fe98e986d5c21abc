"""When a server was there last, by what it left: runs that were begun, renewed or ended, and calls of jobs."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.heartbeats import newest_call

_R = schema.runs


def newest_renewal(tx: Tx) -> datetime | None:
    """Return when a run that has not ended was renewed last."""
    newest = sa.select(sa.func.max(_R.c.renewed_at)).where(_R.c.ended_at.is_(None))
    at: datetime | None = tx.core.scalar(newest)
    return at


def newest_sign(tx: Tx) -> datetime | None:
    """Return the latest instant at which some server was certainly there; None: there never was one."""
    ended = tx.core.scalar(sa.select(sa.func.max(_R.c.ended_at)))
    renewed = tx.core.scalar(sa.select(sa.func.max(_R.c.renewed_at)))
    signs = [at for at in (ended, renewed, newest_call(tx)) if at is not None]
    return max(signs, default=None)
