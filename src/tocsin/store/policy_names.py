"""What policies are called, also those that were deleted, for what still follows a version of theirs."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx

_P, _V, _T = schema.policies, schema.policy_versions, schema.teams


@dataclass(frozen=True, slots=True)
class VersionName:
    """Version `number` of the policy `path`."""

    path: str
    number: int
    is_deleted: bool


def find_version_names(tx: Tx, version_ids: Iterable[int]) -> dict[int, VersionName]:
    """Return what each of these versions is called, by its id."""
    select = (
        sa.select(_V.c.id, _V.c.number, _P.c.slug, _P.c.deleted_at, _T.c.slug.label("team"))
        .join(_P, _P.c.id == _V.c.policy_id)
        .join(_T, _T.c.id == _P.c.team_id)
        .where(_V.c.id.in_(sorted(set(version_ids))))
    )
    return {
        row.id: VersionName(f"{row.team}/{row.slug}", row.number, row.deleted_at is not None)
        for row in tx.core.execute(select)
    }
