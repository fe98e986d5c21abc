"""Escalation policies and their versions, which are only ever added to."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tocsin.domain.configuration import Policy
from tocsin.domain.policy import NEXT_STEP, PolicyVersion, Repeat, Step, WebhookTarget
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.stored_json import from_json, to_json

_P = schema.policies
_V = schema.policy_versions
_T = schema.teams
_MICROSECOND = timedelta(microseconds=1)
_VERSION = (_V.c.id, _V.c.policy_id, _V.c.number, _V.c.steps, _V.c.repeat_times, _V.c.repeat_after)
_SELECT = (
    sa.select(
        _P.c.id.label("owner_id"),
        _P.c.slug,
        _P.c.name,
        _T.c.slug.label("team_slug"),
        *_VERSION,
    )
    .join(_T, _T.c.id == _P.c.team_id)
    .join(_V, _V.c.id == _P.c.version_id)
)


def list_policies(tx: Tx) -> list[Policy]:
    """Return the policies with their current versions, in order of team and slug."""
    select = _SELECT.where(_P.c.deleted_at.is_(None)).order_by(_T.c.slug, _P.c.slug)
    return [_policy(row) for row in tx.core.execute(select)]


def find_versions(tx: Tx, ids: Iterable[int]) -> list[PolicyVersion]:
    """Return those of the versions that exist, also of policies that were deleted since."""
    select = sa.select(*_VERSION).where(_V.c.id.in_(list(ids)))
    return [_version(row) for row in tx.core.execute(select)]


def insert_policy(tx: Tx, policy: Policy, *, team_id: int, now: datetime) -> None:
    """Add a policy and its first version."""
    _insert_version(tx, policy.current, now=now)
    values = {"id": policy.id, "team_id": team_id, "slug": policy.slug, "name": policy.name}
    tx.core.execute(_P.insert(), values | {"version_id": policy.current.id})


def update_policy(tx: Tx, policy: Policy) -> None:
    """Save a policy's slug and name."""
    tx.core.execute(
        _P.update().where(_P.c.id == policy.id).values(slug=policy.slug, name=policy.name)
    )


def add_version(tx: Tx, version: PolicyVersion, *, now: datetime) -> None:
    """Add a version and make it the one that new escalations follow."""
    _insert_version(tx, version, now=now)
    tx.core.execute(_P.update().where(_P.c.id == version.policy_id).values(version_id=version.id))


def delete_policy(tx: Tx, policy_id: int, *, now: datetime) -> None:
    """Take a policy out of sight. Its versions stay: an escalation goes on with the one it has."""
    tx.core.execute(_P.update().where(_P.c.id == policy_id).values(deleted_at=now))


def _insert_version(tx: Tx, version: PolicyVersion, *, now: datetime) -> None:
    repeat = version.repeat
    tx.core.execute(
        _V.insert(),
        {
            "id": version.id,
            "policy_id": version.policy_id,
            "number": version.number,
            "steps": to_json([_step_out(step) for step in version.steps]),
            "repeat_times": repeat.times if repeat else 0,
            "repeat_after": repeat.after // _MICROSECOND if repeat else 0,
            "created_at": now,
        },
    )


def _step_out(step: Step) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "delay": step.delay // _MICROSECOND,
        "targets": [{"webhook": target.webhook_id} for target in step.targets],
    }
    if step.if_undelivered is not None:
        stored["if_undelivered"] = {"after": step.if_undelivered // _MICROSECOND, "then": NEXT_STEP}
    return stored


def _step_in(step: dict[str, Any]) -> Step:
    targets = tuple(WebhookTarget(target["webhook"]) for target in step["targets"])
    if_undelivered = step.get("if_undelivered")
    return Step(
        delay=step["delay"] * _MICROSECOND,
        targets=targets,
        if_undelivered=if_undelivered["after"] * _MICROSECOND if if_undelivered else None,
    )


def _policy(row: Any) -> Policy:
    return Policy(
        id=row.owner_id,
        team_slug=row.team_slug,
        slug=row.slug,
        name=row.name,
        current=_version(row),
    )


def _version(row: Any) -> PolicyVersion:
    after = row.repeat_after * _MICROSECOND
    return PolicyVersion(
        id=row.id,
        policy_id=row.policy_id,
        number=row.number,
        steps=tuple(_step_in(step) for step in from_json(row.steps)),
        repeat=Repeat(times=row.repeat_times, after=after) if row.repeat_times else None,
    )
