"""Runs: a node from its start to its end. A lease names the run that holds it.

Only where several nodes share a store is a run renewed; SQLite has one node, and the lock on its file
proves that every earlier run is dead.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.domain.node import Load
from tocsin.domain.role import ALL_ROLES, Role, roles_text
from tocsin.store import schema
from tocsin.store.database import Tx

_R = schema.runs
_IDLE = Load()
_MICROSECOND = timedelta(microseconds=1)


class Ended(NamedTuple):
    """A run that somebody else ended, because it had not been renewed since."""

    id: int
    node: str
    renewed_at: datetime


class Run(NamedTuple):
    """What is on record of a node, from its start on."""

    id: int
    node: str
    version: str
    started_at: datetime
    renewed_at: datetime
    ended_at: datetime | None
    ended_by: int | None
    roles: frozenset[Role]
    load: Load


def begin_run(
    tx: Tx,
    *,
    id_: int,
    node: str,
    version: str,
    now: datetime,
    roles: frozenset[Role] = ALL_ROLES,
) -> None:
    """Write down that this run began."""
    values = {"id": id_, "node": node, "version": version, "roles": roles_text(roles)}
    tx.core.execute(_R.insert().values(**values, started_at=now, renewed_at=now))
    tx.news.feed.append(("node_joined", 0, id_))


def renew_run(tx: Tx, *, id_: int, now: datetime, load: Load = _IDLE) -> bool:
    """Say that this run is alive. False: another node had ended it meanwhile; now it goes on."""
    of_ours = _R.c.id == id_
    was_ended = tx.core.scalar(sa.select(_R.c.ended_at).where(of_ours).with_for_update())
    alive = {"renewed_at": now, "ended_at": None, "ended_by": None}
    tx.core.execute(_R.update().where(of_ours).values(**alive, **_columns(load)))
    if was_ended is not None:
        tx.news.feed.append(("node_came_back", 0, id_))
    return was_ended is None


def end_run(tx: Tx, *, id_: int, now: datetime) -> None:
    """Say that nothing of this run is under way any more."""
    ended = {"ended_at": now, "ended_by": id_}
    tx.core.execute(_R.update().where(_R.c.id == id_).values(**ended))
    tx.news.feed.append(("node_left", 0, id_))


def newest_run_ended_at(tx: Tx) -> datetime | None:
    """Return when the run that began last ended; None: it did not say so, or there was none."""
    newest = sa.select(_R.c.ended_at).order_by(_R.c.id.desc()).limit(1)
    ended_at: datetime | None = tx.core.scalar(newest)
    return ended_at


def end_other_runs(tx: Tx, *, id_: int, now: datetime) -> int:
    """End every run but this one: there is one node, so they are dead. Returns how many there were."""
    others = sa.and_(_R.c.ended_at.is_(None), _R.c.id != id_)
    return len(_end(tx, others, by=id_, now=now))


def end_silent_runs(tx: Tx, *, id_: int, silent_since: datetime, now: datetime) -> Sequence[Ended]:
    """End the runs that were last renewed before an instant, but for this one and those being renewed."""
    silent = sa.and_(_R.c.ended_at.is_(None), _R.c.renewed_at < silent_since, _R.c.id != id_)
    return _end(tx, silent, by=id_, now=now)


def _end(tx: Tx, which: sa.ColumnElement[bool], *, by: int, now: datetime) -> Sequence[Ended]:
    select = sa.select(_R.c.id, _R.c.node, _R.c.renewed_at).where(which).order_by(_R.c.id)
    ended = [Ended(*row) for row in tx.core.execute(select.with_for_update(skip_locked=True))]
    if ended:
        ids = [each.id for each in ended]
        tx.core.execute(_R.update().where(_R.c.id.in_(ids)).values(ended_at=now, ended_by=by))
        tx.news.feed.extend(("node_fell_silent", 0, id_) for id_ in ids)
    return ended


def list_runs(tx: Tx, *, ended_since: datetime, limit: int) -> list[Run]:
    """Return the runs that have not ended, and those that ended since an instant, the newest first."""
    recent = sa.or_(_R.c.ended_at.is_(None), _R.c.ended_at >= ended_since)
    select = sa.select(_R).where(recent).order_by(_R.c.started_at.desc(), _R.c.id.desc())
    return [_run(row) for row in tx.core.execute(select.limit(limit))]


def find_runs(tx: Tx, ids: Collection[int]) -> dict[int, Run]:
    """Return those of the runs that exist, by id."""
    rows = tx.core.execute(sa.select(_R).where(_R.c.id.in_(ids))) if ids else ()
    return {row.id: _run(row) for row in rows}


def list_living_roles(tx: Tx, *, silent_since: datetime) -> list[frozenset[Role]]:
    """Return the roles of each run that has not ended and was renewed since an instant."""
    living = sa.and_(_R.c.ended_at.is_(None), _R.c.renewed_at >= silent_since)
    return [_roles(text) for text in tx.core.scalars(sa.select(_R.c.roles).where(living))]


def _columns(load: Load) -> dict[str, int | None]:
    return {
        "in_flight": load.in_flight,
        "waiting": load.waiting,
        "cpu_percent": load.cpu_percent,
        "clock_skew": None if load.clock_skew is None else load.clock_skew // _MICROSECOND,
    }


def _run(row: Any) -> Run:
    skew = None if row.clock_skew is None else row.clock_skew * _MICROSECOND
    return Run(
        id=row.id,
        node=row.node,
        version=row.version,
        started_at=row.started_at,
        renewed_at=row.renewed_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        roles=_roles(row.roles),
        load=Load(row.in_flight or 0, row.waiting or 0, row.cpu_percent, skew),
    )


def _roles(text: str | None) -> frozenset[Role]:
    """Read roles; those that only newer code knows are nothing to us."""
    return ALL_ROLES if text is None else ALL_ROLES.intersection(text.split(","))
