"""What became of policy versions: by whom they were made, what runs on them, what of them fired last.

All of it reads a bounded number of rows, whatever the store holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.policy import PolicyVersion
from tocsin.ids import COUNT_BITS, NODE_BITS, made_at
from tocsin.store import schema
from tocsin.store import schema_configuration as configured
from tocsin.store.database import Tx
from tocsin.store.policies import find_versions

_V, _C = configured.policy_versions, configured.changes
_E, _D = schema.escalations, schema.deliveries
# A version and the change that tells of it are made in one transaction, one after the other; a file
# may change many policies in it.
_APART: Final = 60_000 << COUNT_BITS + NODE_BITS


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version, when it was made, and by whom if that is known."""

    version: PolicyVersion
    made_at: datetime
    made_by: str | None


@dataclass(frozen=True, slots=True)
class Running:
    """The incidents that escalations run for, by policy version. `is_all` unless there were too many to look at."""

    incidents: dict[int, frozenset[int]]
    is_all: bool


@dataclass(frozen=True, slots=True)
class StepFiring:
    """A delivery, and which position of which version it was made by."""

    version_id: int
    position: int
    delivery: int
    incident: int
    webhook_id: int
    state: DeliveryState
    fired_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecentFirings:
    """What fired, the latest first. `since`: what is older was not looked at; None: nothing is."""

    firings: tuple[StepFiring, ...]
    since: datetime | None


def list_versions(tx: Tx, policy_id: int, *, limit: int) -> list[MadeVersion]:
    """Return a policy's versions, the latest first."""
    select = sa.select(_V.c.id, _V.c.created_at).where(_V.c.policy_id == policy_id)
    rows = tx.core.execute(select.order_by(_V.c.number.desc()).limit(limit)).all()
    ids = [row.id for row in rows]
    versions = {version.id: version for version in find_versions(tx, ids)}
    makers = _find_makers(tx, ids)
    return [MadeVersion(versions[id_], at, makers.get(id_)) for id_, at in rows]


def _find_makers(tx: Tx, version_ids: Iterable[int]) -> dict[int, str]:
    """Return who made each version: its transaction's first change after it, which bears its instant."""
    told = (
        sa.select(_V.c.id.label("version"), sa.func.min(_C.c.id).label("change"))
        .join(_C, sa.and_(_C.c.id > _V.c.id, _C.c.id < _V.c.id + _APART))
        .where(_V.c.id.in_(list(version_ids)), _C.c.at == _V.c.created_at)
        .group_by(_V.c.id)
        .subquery()
    )
    select = sa.select(told.c.version, _C.c.actor).join(_C, _C.c.id == told.c.change)
    return {row.version: row.actor for row in tx.core.execute(select)}


def find_running(tx: Tx, *, most: int) -> Running:
    """Return what runs on which version, of the `most` escalations that are due first."""
    select = (
        sa.select(_E.c.policy_version_id, _E.c.incident)
        .where(_E.c.due_at.is_not(None))
        .order_by(_E.c.due_at)
        .limit(most + 1)
    )
    rows = tx.core.execute(select).all()
    found: dict[int, set[int]] = {}
    for version_id, incident in rows[:most]:
        found.setdefault(version_id, set()).add(incident)
    incidents = {version_id: frozenset(numbers) for version_id, numbers in found.items()}
    return Running(incidents, is_all=len(rows) <= most)


def find_recent_firings(tx: Tx, version_ids: Iterable[int], *, most: int) -> RecentFirings:
    """Return what steps of these versions made, of the `most` deliveries that are newest."""
    newest = sa.select(_D).order_by(_D.c.id.desc()).limit(most).subquery()
    select = (
        sa.select(
            _E.c.policy_version_id.label("version_id"),
            newest.c.step.label("position"),
            newest.c.id.label("delivery"),
            newest.c.incident,
            newest.c.webhook_id,
            newest.c.state,
            newest.c.created_at.label("fired_at"),
            newest.c.ended_at,
        )
        .select_from(newest)
        .join(_E, sa.and_(_E.c.incident == newest.c.incident, _E.c.number == newest.c.escalation))
        .where(_E.c.policy_version_id.in_(list(version_ids)), newest.c.step.is_not(None))
        .order_by(newest.c.id.desc())
    )
    firings = tuple(
        StepFiring(**{**row, "state": DeliveryState(row["state"])})
        for row in tx.core.execute(select).mappings()
    )
    oldest = tx.core.scalar(sa.select(_D.c.id).order_by(_D.c.id.desc()).limit(1).offset(most))
    return RecentFirings(firings, None if oldest is None else made_at(oldest))
