"""Invitations, kept as hashes until they are used."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.domain.invitation import Invitation
from tocsin.domain.user import UserRole
from tocsin.store import schema_identity as schema
from tocsin.store.database import Tx

_I, _U = schema.invitations, schema.users


def find_invitation(tx: Tx, invitation_hash: bytes, *, now: datetime) -> Invitation | None:
    """Return an invitation in force, unless its user is disabled."""
    select = (
        sa.select(_I, _U.c.name)
        .outerjoin(_U, _U.c.id == _I.c.user_id)
        .where(_I.c.hash == invitation_hash, _I.c.expires_at > now, _U.c.disabled_at.is_(None))
    )
    row = tx.core.execute(select).one_or_none()
    if row is None:
        return None
    return Invitation(row.id, row.name, UserRole(row.role), row.created_at, row.expires_at)


def insert_invitation(
    tx: Tx, invitation: Invitation, *, user_id: int | None, invitation_hash: bytes
) -> None:
    tx.core.execute(
        _I.insert(),
        {
            "id": invitation.id,
            "hash": invitation_hash,
            "user_id": user_id,
            "role": invitation.role.value,
            "created_at": invitation.created_at,
            "expires_at": invitation.expires_at,
        },
    )


def delete_invitation(tx: Tx, invitation_id: int) -> None:
    tx.core.execute(_I.delete().where(_I.c.id == invitation_id))


def delete_invitations(tx: Tx, *, user_id: int | None) -> None:
    """Let the links of a user, or those that are nobody's in particular, do nothing any more."""
    tx.core.execute(_I.delete().where(_I.c.user_id.is_not_distinct_from(user_id)))


def delete_ended_invitations(tx: Tx, *, now: datetime) -> None:
    """Remove the rows of links that nobody can use any more."""
    tx.core.execute(_I.delete().where(_I.c.expires_at <= now))
