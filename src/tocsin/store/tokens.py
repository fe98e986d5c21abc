"""Tokens of the management API, kept as hashes."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.principal import Principal, Scope, Token
from tocsin.domain.user import UserRole, administered
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.schema_identity import user_teams, users
from tocsin.store.statement import Statement, raw

_T, _U, _UT, _TEAMS = schema.tokens, users, user_teams, schema.teams

_LISTED = (_T.c.id, _T.c.name, _T.c.scope, _T.c.hint, _T.c.created_at, _T.c.revoked_at)
# Of a user's token one row for each team that the user administers, or one without.
_FIND = Statement(
    sa.select(_T.c.id, _T.c.name, _T.c.scope, _U.c.name, _U.c.role, _TEAMS.c.slug)
    .select_from(_T)
    .outerjoin(_U, _U.c.id == _T.c.user_id)
    .outerjoin(_UT, _UT.c.user_id == _U.c.id)
    .outerjoin(_TEAMS, sa.and_(_TEAMS.c.id == _UT.c.team_id, _TEAMS.c.deleted_at.is_(None)))
    .where(_T.c.hash == raw("hash"), _T.c.revoked_at.is_(None), _U.c.disabled_at.is_(None)),
    "hash",
)


def find_principal(tx: Tx, token_hash: bytes) -> Principal | None:
    """Return whose token this is; None if there is none, if it was revoked, or if its user is disabled.

    A user's token is never for more than the user's role is now.
    """
    rows = tx.rows(_FIND, token_hash)
    if not rows:
        return None
    token_id, name, given, user, role, _ = rows[0]
    scope = Scope(given)
    if user is None:
        return Principal(token_id, name, scope)
    of_role = UserRole(role).scope
    teams = (row[-1] for row in rows if row[-1] is not None)
    may_respond = scope.covers(Scope.RESPOND)
    return Principal(
        token_id,
        name,
        scope if of_role.covers(scope) else of_role,
        user=user,
        teams=administered(UserRole(role), teams) if may_respond else frozenset(),
    )


def list_tokens(tx: Tx) -> list[Token]:
    """Return all tokens ever made, by name, those in force first."""
    select = (
        sa.select(*_LISTED, _U.c.name.label("user"))
        .outerjoin(_U, _U.c.id == _T.c.user_id)
        .order_by(_T.c.revoked_at.is_not(None), _T.c.name, _T.c.id)
    )
    return [_token(row) for row in tx.core.execute(select)]


def insert_token(tx: Tx, token: Token, *, token_hash: bytes, user_id: int | None = None) -> None:
    tx.core.execute(
        _T.insert(),
        {
            "id": token.id,
            "name": token.name,
            "scope": token.scope.value,
            "hash": token_hash,
            "hint": token.hint,
            "created_at": token.created_at,
            "user_id": user_id,
        },
    )


def revoke_token(tx: Tx, token_id: int, *, now: datetime) -> None:
    """Let nobody in by this token from now on."""
    tx.core.execute(_T.update().where(_T.c.id == token_id).values(revoked_at=now))


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        scope=Scope(row.scope),
        hint=row.hint,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        user=row.user,
    )
