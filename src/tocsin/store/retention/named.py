"""What incidents and deliveries name, once none that is kept can: old versions, what was deleted, runs that ended.

Nobody looks for who names it, which would read everything. An incident goes by policy versions that were in force
when it was opened or later, and a delivery by request heads, webhooks and runs of when it was made or later. So what
was out of force before the oldest of them was there is named by none. These tables are small, and read whole.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.ids import made_at
from tocsin.store import schema
from tocsin.store import schema_configuration as configuration
from tocsin.store import schema_identity as identity
from tocsin.store.database import Tx
from tocsin.store.retention.part import (
    MARGIN,
    Found,
    Horizon,
    Part,
    Removed,
    delete_by_id,
    in_lots,
)
from tocsin.stored_json import from_json

_I, _D, _R, _L = schema.incidents, schema.deliveries, schema.runs, schema.leases
_P, _V, _TEAMS = configuration.policies, configuration.policy_versions, configuration.teams
_W, _H = configuration.webhooks, configuration.request_heads
_OF_A_WEBHOOK = (
    *(_H.c.webhook_id, schema.lanes.c.webhook_id, schema.webhook_failures.c.webhook_id),
    configuration.receiver_certificates.c.webhook_id,
    configuration.certificate_warnings.c.webhook_id,
)


def _incidents_since(tx: Tx, horizon: Horizon) -> datetime:
    """No incident that is kept was opened before this instant, by far."""
    first = sa.select(sa.func.min(_I.c.number)).scalar_subquery()
    oldest = sa.select(_I.c.first_alert_id).where(_I.c.number == first)
    return _since(tx.core.scalar(oldest), horizon)


def _deliveries_since(tx: Tx, horizon: Horizon) -> datetime:
    """No delivery that is kept was made before this instant, by far."""
    return _since(tx.core.scalar(sa.select(sa.func.min(_D.c.id))), horizon)


def _since(oldest_id: int | None, horizon: Horizon) -> datetime:
    # By the id, which only grows: a clock that was set back makes instants that are not in order.
    oldest = horizon.before if oldest_id is None else made_at(oldest_id)
    return min(oldest, horizon.before) - MARGIN


def _replaced(
    tx: Tx,
    id_: sa.Column[Any],
    owner: sa.Column[Any],
    in_force: sa.Column[Any],
    *,
    before: datetime,
) -> list[int]:
    """Return those that are not in force, and whose successor of the same owner was made before an instant."""
    successor = sa.func.lead(id_).over(partition_by=owner, order_by=id_).label("successor")
    used = set(tx.core.scalars(sa.select(in_force).where(in_force.is_not(None))))
    return [
        row.id
        for row in tx.core.execute(sa.select(id_, successor))
        if row.successor and made_at(row.successor) < before and row.id not in used
    ]


def _old_versions(tx: Tx, horizon: Horizon) -> list[int]:
    before = _incidents_since(tx, horizon)
    return _replaced(tx, _V.c.id, _V.c.policy_id, _P.c.version_id, before=before)


def _old_policies(tx: Tx, horizon: Horizon) -> list[int]:
    since = _incidents_since(tx, horizon)
    return list(tx.core.scalars(sa.select(_P.c.id).where(_P.c.deleted_at < since)))


def _remove_policies(tx: Tx, ids: Sequence[int]) -> int:
    return delete_by_id(tx, _V.c.policy_id, ids) + delete_by_id(tx, _P.c.id, ids)


def _old_teams(tx: Tx, horizon: Horizon) -> list[int]:
    since = _incidents_since(tx, horizon)
    has_policies = sa.exists().where(_P.c.team_id == _TEAMS.c.id)
    return list(
        tx.core.scalars(sa.select(_TEAMS.c.id).where(_TEAMS.c.deleted_at < since, ~has_policies))
    )


def _remove_teams(tx: Tx, ids: Sequence[int]) -> int:
    administrators = delete_by_id(tx, identity.user_teams.c.team_id, ids)
    return administrators + delete_by_id(tx, _TEAMS.c.id, ids)


def _old_heads(tx: Tx, horizon: Horizon) -> list[int]:
    before = _deliveries_since(tx, horizon)
    return _replaced(tx, _H.c.id, _H.c.webhook_id, _W.c.head_id, before=before)


def _old_webhooks(tx: Tx, horizon: Horizon) -> list[int]:
    # One that a timeline names without a delivery, as it was passed over, is called by a version that is kept.
    since = _deliveries_since(tx, horizon)
    deleted = set(tx.core.scalars(sa.select(_W.c.id).where(_W.c.deleted_at < since)))
    return sorted(deleted - _called(tx)) if deleted else []


def _called(tx: Tx) -> set[int]:
    """Return the webhooks that a policy version calls, in force or not."""
    versions = (from_json(steps) for steps in tx.core.scalars(sa.select(_V.c.steps)))
    return {target["webhook"] for steps in versions for step in steps for target in step["targets"]}


def _remove_webhooks(tx: Tx, ids: Sequence[int]) -> int:
    rows = sum(delete_by_id(tx, column, ids) for column in _OF_A_WEBHOOK)
    return rows + delete_by_id(tx, _W.c.id, ids)


def _old_runs(tx: Tx, horizon: Horizon) -> list[int]:
    has_leased = sa.exists().where(_L.c.run_id == _R.c.id)
    select = sa.select(_R.c.id).where(_R.c.ended_at < _deliveries_since(tx, horizon), ~has_leased)
    return list(tx.core.scalars(select))


def _by_id(column: sa.Column[Any]) -> Callable[[Tx, Sequence[int]], int]:
    return lambda tx, ids: delete_by_id(tx, column, ids)


def _part(
    name: str,
    old: Callable[[Tx, Horizon], Iterable[int]],
    remove: Callable[[Tx, Sequence[int]], int],
) -> Part:
    def find(tx: Tx, horizon: Horizon, _: int | None, limit: int) -> Found:
        return Found(in_lots(list(old(tx, horizon)), max(1, limit // 8)))

    def remove_lot(tx: Tx, horizon: Horizon, lot: Sequence[int], _: int) -> Removed:
        going = sorted(set(lot).intersection(old(tx, horizon)))
        return Removed(len(going), remove(tx, going))

    return Part(name, find, remove_lot)


NAMED = (
    _part("policy_versions", _old_versions, _by_id(_V.c.id)),
    _part("policies", _old_policies, _remove_policies),
    _part("teams", _old_teams, _remove_teams),
    _part("request_heads", _old_heads, _by_id(_H.c.id)),
    _part("webhooks", _old_webhooks, _remove_webhooks),
    _part("runs", _old_runs, _by_id(_R.c.id)),
)
