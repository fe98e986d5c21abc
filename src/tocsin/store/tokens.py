"""Tokens of the management API, kept as hashes."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.principal import Principal, Scope, Token
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, raw

_T = schema.tokens

_LISTED = (_T.c.id, _T.c.name, _T.c.scope, _T.c.hint, _T.c.created_at, _T.c.revoked_at)
_FIND = Statement(
    sa.select(_T.c.id, _T.c.name, _T.c.scope).where(
        _T.c.hash == raw("hash"), _T.c.revoked_at.is_(None)
    ),
    "hash",
)


def find_principal(tx: Tx, token_hash: bytes) -> Principal | None:
    """Return whose token this is; None if there is none, or if it was revoked."""
    for token_id, name, scope in tx.rows(_FIND, token_hash):
        return Principal(token_id=token_id, name=name, scope=Scope(scope))
    return None


def list_tokens(tx: Tx) -> list[Token]:
    """Return all tokens ever made, by name, those in force first."""
    select = sa.select(*_LISTED).order_by(_T.c.revoked_at.is_not(None), _T.c.name, _T.c.id)
    return [_token(row) for row in tx.core.execute(select)]


def insert_token(tx: Tx, token: Token, *, token_hash: bytes) -> None:
    tx.core.execute(
        _T.insert(),
        {
            "id": token.id,
            "name": token.name,
            "scope": token.scope.value,
            "hash": token_hash,
            "hint": token.hint,
            "created_at": token.created_at,
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
    )
