"""Users, the teams they administer, and who a provider says that they are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tocsin.domain.single_sign_on import LinkedIdentity
from tocsin.domain.slug import is_slug
from tocsin.domain.user import User, UserRole
from tocsin.store import schema_configuration, schema_identity
from tocsin.store.database import Tx

_U, _UT = schema_identity.users, schema_identity.user_teams
_I, _T = schema_identity.identities, schema_configuration.teams
_LISTED: Final = (
    *(_U.c.id, _U.c.name, _U.c.role, _U.c.time_zone, _U.c.created_at, _U.c.signed_in_at),
    *(_U.c.disabled_at, _U.c.password_hash.is_not(None).label("has_password")),
)


def list_users(tx: Tx) -> list[User]:
    """Return the users by name, those who are disabled last."""
    select = sa.select(*_LISTED).order_by(_U.c.disabled_at.is_not(None), _U.c.name)
    return _users(tx, select, is_all=True)


def list_users_after(
    tx: Tx, name: str, *, was_disabled: bool = False, begins: str = "", limit: int
) -> list[User]:
    """Return some users of that order, who come after the one of a name; from the first on, if nobody has it.

    `was_disabled`: where in that order the one was seen, who may be enabled or disabled since.

    Names are read in order by their index, so that it costs as much as it returns. `begins`: only such
    names, for which it may pass all that there are.
    """
    last = find_user(tx, name)
    found: list[User] = []
    for is_disabled in (False, True):
        if (last and is_disabled < was_disabled) or len(found) >= limit:
            continue
        after = last.name if last is not None and is_disabled is was_disabled else ""
        select = (
            sa.select(*_LISTED)
            .where(_U.c.disabled_at.is_not(None) if is_disabled else _U.c.disabled_at.is_(None))
            .where(_U.c.name > after, _U.c.name.startswith(begins, autoescape=True))
            .order_by(_U.c.name)
            .limit(limit - len(found))
        )
        found += _users(tx, select)
    return found


def list_able(tx: Tx, role: UserRole) -> list[User]:
    """Return the users of a role who can sign in: by a password, or because a provider knows them."""
    is_known = sa.exists().where(_I.c.user_id == _U.c.id)
    select = (
        sa.select(*_LISTED)
        .where(_U.c.role == role.value, _U.c.disabled_at.is_(None))
        .where(sa.or_(_U.c.password_hash.is_not(None), is_known))
        .order_by(_U.c.name)
    )
    return _users(tx, select)


def find_user(tx: Tx, name: str) -> User | None:
    """Return a user by name. What cannot be one is not looked for: PostgreSQL refuses some texts."""
    if not is_slug(name):
        return None
    return next(iter(_users(tx, sa.select(*_LISTED).where(_U.c.name == name))), None)


def find_user_by_id(tx: Tx, user_id: int) -> User | None:
    return next(iter(_users(tx, sa.select(*_LISTED).where(_U.c.id == user_id))), None)


def find_password_hash(tx: Tx, user_id: int) -> str | None:
    """Return the argon2 hash of a user's password; None: there is none."""
    hash_: str | None = tx.core.scalar(sa.select(_U.c.password_hash).where(_U.c.id == user_id))
    return hash_


def insert_user(tx: Tx, user: User) -> None:
    """Add a user, without a password and without teams."""
    tx.core.execute(
        _U.insert(),
        {
            "id": user.id,
            "name": user.name,
            "role": user.role.value,
            "time_zone": user.time_zone,
            "created_at": user.created_at,
        },
    )


def update_user(tx: Tx, user: User) -> None:
    """Save a user's role, time zone, and whether the user is disabled."""
    values = {
        "role": user.role.value,
        "time_zone": user.time_zone,
        "disabled_at": user.disabled_at,
    }
    tx.core.execute(_U.update().where(_U.c.id == user.id).values(values))


def note_sign_in(tx: Tx, user_id: int, *, now: datetime) -> None:
    """Put on record that a user has signed in."""
    tx.core.execute(_U.update().where(_U.c.id == user_id).values(signed_in_at=now))


def save_password_hash(tx: Tx, user_id: int, password_hash: str | None) -> None:
    tx.core.execute(_U.update().where(_U.c.id == user_id).values(password_hash=password_hash))


def save_teams(tx: Tx, user_id: int, team_ids: Sequence[int]) -> None:
    """Let a user administer these teams and no others."""
    tx.core.execute(_UT.delete().where(_UT.c.user_id == user_id))
    if team_ids:
        rows = [{"user_id": user_id, "team_id": team_id} for team_id in team_ids]
        tx.core.execute(_UT.insert(), rows)


def delete_user(tx: Tx, user_id: int) -> None:
    """Remove a user's row, with all that says something of them alone."""
    for table in (_UT, _I):
        tx.core.execute(table.delete().where(table.c.user_id == user_id))
    tx.core.execute(_U.delete().where(_U.c.id == user_id))


def find_identity(tx: Tx, *, issuer: str, subject: str) -> int | None:
    """Return the id of the user whom an issuer knows by a subject."""
    select = sa.select(_I.c.user_id).where(_I.c.issuer == issuer, _I.c.subject == subject)
    user_id: int | None = tx.core.scalar(select)
    return user_id


def insert_identity(tx: Tx, *, issuer: str, subject: str, user_id: int, now: datetime) -> None:
    row = {"issuer": issuer, "subject": subject, "user_id": user_id, "created_at": now}
    tx.core.execute(_I.insert(), row)


def list_identities(tx: Tx, user_id: int) -> list[LinkedIdentity]:
    """Return who providers say that a user is, the oldest first."""
    select = (
        sa.select(_I.c.issuer, _I.c.subject, _I.c.created_at)
        .where(_I.c.user_id == user_id)
        .order_by(_I.c.created_at, _I.c.issuer, _I.c.subject)
    )
    return [LinkedIdentity(*row) for row in tx.core.execute(select)]


def delete_identity(tx: Tx, *, issuer: str, subject: str) -> None:
    tx.core.execute(_I.delete().where(_I.c.issuer == issuer, _I.c.subject == subject))


def _users(tx: Tx, select: sa.Select[Any], *, is_all: bool = False) -> list[User]:
    rows = tx.core.execute(select).all()
    teams: defaultdict[int, list[str]] = defaultdict(list)
    alive = (
        sa.select(_UT.c.user_id, _T.c.slug)
        .join(_T, _T.c.id == _UT.c.team_id)
        .where(_T.c.deleted_at.is_(None))
        .order_by(_T.c.slug)
    )
    if not is_all:  # a statement takes only so many ids
        alive = alive.where(_UT.c.user_id.in_([row.id for row in rows]))
    for user_id, slug in tx.core.execute(alive) if rows else ():
        teams[user_id].append(slug)
    return [
        User(
            id=row.id,
            name=row.name,
            role=UserRole(row.role),
            created_at=row.created_at,
            teams=tuple(teams[row.id]),
            time_zone=row.time_zone,
            has_password=bool(row.has_password),
            signed_in_at=row.signed_in_at,
            disabled_at=row.disabled_at,
        )
        for row in rows
    ]
