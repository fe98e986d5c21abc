"""Sessions, kept as hashes. Finding one is a part of every page, so it is one statement."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.session import LASTS_UNUSED, Client, Session
from tocsin.domain.user import User, UserRole
from tocsin.store import schema_configuration, schema_identity
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, instant_or_none, to_micros
from tocsin.store.statement import Statement, raw

_S, _U, _UT = schema_identity.sessions, schema_identity.users, schema_identity.user_teams
_T = schema_configuration.teams
_OF_A_USER = (
    *(_U.c.id, _U.c.name, _U.c.role, _U.c.time_zone, _U.c.created_at, _U.c.signed_in_at),
    _U.c.password_hash.is_not(None),
)
# One row for each team that the user administers, or one without.
_FIND = Statement(
    sa.select(_S.c.id, _S.c.last_seen_at, *_OF_A_USER, _T.c.slug)
    .select_from(_S)
    .join(_U, _U.c.id == _S.c.user_id)
    .outerjoin(_UT, _UT.c.user_id == _U.c.id)
    .outerjoin(_T, sa.and_(_T.c.id == _UT.c.team_id, _T.c.deleted_at.is_(None)))
    .where(
        _S.c.hash == raw("hash"),
        _S.c.expires_at > raw("now"),
        _S.c.last_seen_at > raw("seen_after"),
        _U.c.disabled_at.is_(None),
    ),
    *("hash", "now", "seen_after"),
)


class FoundSession(NamedTuple):
    """A session that is in force, and whose it is."""

    id: int
    last_seen_at: datetime
    user: User


def find_session(tx: Tx, session_hash: bytes, *, now: datetime) -> FoundSession | None:
    """Return a session in force of a user who is not disabled."""
    rows = tx.rows(_FIND, session_hash, to_micros(now), to_micros(now - LASTS_UNUSED))
    if not rows:
        return None
    session_id, seen_at, user_id, name, role, time_zone, created_at, signed_in_at, has_password = (
        rows[0][:-1]
    )
    user = User(
        id=user_id,
        name=name,
        role=UserRole(role),
        created_at=from_micros(created_at),
        teams=tuple(sorted(row[-1] for row in rows if row[-1] is not None)),
        time_zone=time_zone,
        has_password=bool(has_password),
        signed_in_at=instant_or_none(signed_in_at),
    )
    return FoundSession(session_id, from_micros(seen_at), user)


def list_sessions(tx: Tx, user_id: int, *, now: datetime) -> list[Session]:
    """Return a user's sessions in force, the one used last first."""
    select = (
        sa.select(_S)
        .where(_S.c.user_id == user_id, ~_is_over(now))
        .order_by(_S.c.last_seen_at.desc(), _S.c.id.desc())
    )
    return [
        Session(
            row.id, row.created_at, row.last_seen_at, row.expires_at, Client(row.address, row.agent)
        )
        for row in tx.core.execute(select)
    ]


def insert_session(tx: Tx, session: Session, *, user_id: int, session_hash: bytes) -> None:
    tx.core.execute(
        _S.insert(),
        {
            "id": session.id,
            "user_id": user_id,
            "hash": session_hash,
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
            "expires_at": session.expires_at,
            "address": session.client.address,
            "agent": session.client.agent,
        },
    )


def touch_session(tx: Tx, session_id: int, *, now: datetime) -> None:
    """Put on record that a session is in use. A clock that was set back changes nothing."""
    seen_before = sa.and_(_S.c.id == session_id, _S.c.last_seen_at < now)
    tx.core.execute(_S.update().where(seen_before).values(last_seen_at=now))


def delete_session(tx: Tx, session_id: int, *, user_id: int) -> bool:
    """End a session of a user; return whether there was one."""
    delete = _S.delete().where(_S.c.id == session_id, _S.c.user_id == user_id)
    return bool(tx.core.execute(delete).rowcount)


def delete_sessions(tx: Tx, user_id: int, *, but: int | None = None) -> int:
    """End all sessions of a user, but one perhaps; return how many there were."""
    delete = _S.delete().where(_S.c.user_id == user_id)
    if but is not None:
        delete = delete.where(_S.c.id != but)
    return tx.core.execute(delete).rowcount


def delete_ended_sessions(tx: Tx, *, now: datetime) -> None:
    """Remove the rows of sessions that nobody can use any more."""
    tx.core.execute(_S.delete().where(_is_over(now)))


def _is_over(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(_S.c.expires_at <= now, _S.c.last_seen_at <= now - LASTS_UNUSED)
