"""Runs: a node from its start to its end. A lease names the run that holds it.

Only where several nodes share a store is a run renewed; SQLite has one node, and the lock on its file
proves that every earlier run is dead.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx

_R = schema.runs


class Ended(NamedTuple):
    """A run that somebody else ended, because it had not been renewed since."""

    id: int
    node: str
    renewed_at: datetime


def begin_run(tx: Tx, *, id_: int, node: str, version: str, now: datetime) -> None:
    """Write down that this run began."""
    tx.core.execute(
        _R.insert().values(
            id=id_, node=node, version=version, started_at=now, renewed_at=now, ended_at=None
        )
    )


def renew_run(tx: Tx, *, id_: int, now: datetime) -> bool:
    """Say that this run is alive. False: another node had ended it meanwhile; now it goes on."""
    of_ours = _R.c.id == id_
    was_ended = tx.core.scalar(sa.select(_R.c.ended_at).where(of_ours).with_for_update())
    tx.core.execute(_R.update().where(of_ours).values(renewed_at=now, ended_at=None))
    return was_ended is None


def end_run(tx: Tx, *, id_: int, now: datetime) -> None:
    """Say that nothing of this run is under way any more."""
    tx.core.execute(_R.update().where(_R.c.id == id_).values(ended_at=now))


def end_other_runs(tx: Tx, *, id_: int, now: datetime) -> int:
    """End every run but this one: there is one node, so they are dead. Returns how many there were."""
    others = sa.and_(_R.c.ended_at.is_(None), _R.c.id != id_)
    return tx.core.execute(_R.update().where(others).values(ended_at=now)).rowcount


def end_silent_runs(tx: Tx, *, id_: int, silent_since: datetime, now: datetime) -> Sequence[Ended]:
    """End the runs that were last renewed before an instant, but for this one and those being renewed."""
    silent = sa.and_(_R.c.ended_at.is_(None), _R.c.renewed_at < silent_since, _R.c.id != id_)
    select = sa.select(_R.c.id, _R.c.node, _R.c.renewed_at).where(silent).order_by(_R.c.id)
    ended = [Ended(*row) for row in tx.core.execute(select.with_for_update(skip_locked=True))]
    if ended:
        ids = [each.id for each in ended]
        tx.core.execute(_R.update().where(_R.c.id.in_(ids)).values(ended_at=now))
    return ended
