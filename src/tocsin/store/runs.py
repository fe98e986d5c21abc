"""Runs: a node from its start to its end. A lease names the run that holds it."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx

_R = schema.runs


def begin_run(tx: Tx, *, id_: int, node: str, version: str, now: datetime) -> int:
    """Write down that this run began; return how many earlier ones never said that they ended."""
    dead = tx.core.scalar(sa.select(sa.func.count()).select_from(_R).where(_R.c.ended_at.is_(None)))
    tx.core.execute(
        _R.insert().values(
            id=id_, node=node, version=version, started_at=now, renewed_at=now, ended_at=None
        )
    )
    return int(dead or 0)


def end_runs(tx: Tx, *, now: datetime, but: int | None = None) -> None:
    """Write down that runs have ended: all but one, or all."""
    ended = _R.update().where(_R.c.ended_at.is_(None)).values(ended_at=now)
    tx.core.execute(ended if but is None else ended.where(_R.c.id != but))
