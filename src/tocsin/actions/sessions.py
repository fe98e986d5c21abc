"""Signing in and out, and passwords. Verifying a password is slow, so it happens between two transactions."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.domain.session import (
    LASTS,
    LONGEST_AGENT,
    SESSION_BYTES,
    TOUCH_AFTER,
    Client,
    Session,
    SignedIn,
    make_session_token,
    session_hash,
)
from tocsin.domain.user import User
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store import sessions, users
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx


class SignInRefused(TocsinError):
    """No such user, another password, or a user who is disabled: one and the same answer."""

    code: ClassVar[str] = "sign_in_refused"
    status_hint: ClassVar[int] = 401

    def __init__(self) -> None:
        super().__init__(
            "The name or the password is not right. Whoever has forgotten theirs asks an administrator "
            "for a link"
        )


class SessionNotFound(TocsinError):
    """The user has no such session, or it has ended."""

    code: ClassVar[str] = "session_not_found"
    status_hint: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody who gives a name has to prove."""

    user: User
    password_hash: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun, and its token, which is shown this once."""

    user: User
    token: Secret
    session: Session


def find_session(tx: Tx, token: Secret, *, now: datetime) -> SignedIn | None:
    """Return who shows a session's token; None: it is none, it has ended, or its user is disabled."""
    hash_ = session_hash(token)
    found = None if hash_ is None else sessions.find_session(tx, hash_, now=now)
    if found is None:
        return None
    return SignedIn(
        found.user.principal(found.id),
        found.user,
        found.id,
        needs_touch=now - found.last_seen_at >= TOUCH_AFTER,
    )


def touch(tx: Tx, session_id: int, *, now: datetime) -> None:
    """Put on record that a session is in use."""
    sessions.touch_session(tx, session_id, now=now)


def find_credentials(tx: Tx, name: str) -> Credentials | None:
    """Return what a user proves a password against; None: nobody of this name can sign in by one."""
    user = users.find_user(tx, name)
    if user is None or user.disabled_at is not None:
        return None
    password_hash = users.find_password_hash(tx, user.id)
    return None if password_hash is None else Credentials(user, password_hash)


def sign_in(
    tx: Tx,
    proven: Credentials,
    *,
    client: Client,
    editor: Editor,
    rehashed: str | None = None,
    replaces: Secret | None = None,
) -> NewSession:
    """Begin a session for whoever has proven a password. `replaces`: the token that the browser had.

    `rehashed` is the password under today's parameters, if the hash that is kept has others.
    Raises: SignInRefused, if the password was changed or the user disabled meanwhile.
    """
    lock_configuration(tx)  # or a session could begin just after a new password had ended all
    user = _user_still_proven(tx, proven)
    if rehashed is not None:
        users.save_password_hash(tx, user.id, rehashed)
    if replaces is not None:
        sign_out(tx, replaces, now=editor.now)
    return begin_session(tx, user, client=client, editor=editor)


def _user_still_proven(tx: Tx, proven: Credentials) -> User:
    """Return the user as they are by now; what else was changed than the password refutes no proof of it.

    Raises: SignInRefused.
    """
    now = find_credentials(tx, proven.user.name)
    if now is None or (now.user.id, now.password_hash) != (proven.user.id, proven.password_hash):
        raise SignInRefused
    return now.user


def begin_session(tx: Tx, user: User, *, client: Client, editor: Editor) -> NewSession:
    """Begin a session for somebody who has shown who they are."""
    sessions.delete_ended_sessions(tx, now=editor.now)
    users.note_sign_in(tx, user.id, now=editor.now)
    token = make_session_token(editor.random_bytes(SESSION_BYTES))
    hash_ = session_hash(token)
    assert hash_ is not None
    session = Session(
        editor.new_id(),
        created_at=editor.now,
        last_seen_at=editor.now,
        expires_at=editor.now + LASTS,
        client=replace(client, agent=client.agent[:LONGEST_AGENT]),
    )
    sessions.insert_session(tx, session, user_id=user.id, session_hash=hash_)
    editor.acting_as(user.principal(session.id).actor).note(tx, "user.signed_in", user.name)
    return NewSession(replace(user, signed_in_at=editor.now), token, session)


def sign_out(tx: Tx, token: Secret, *, now: datetime) -> None:
    """End a session by its token; nothing if it has ended."""
    found = find_session(tx, token, now=now)
    if found is not None:
        sessions.delete_session(tx, found.session_id, user_id=found.user.id)


def list_sessions(tx: Tx, user: User, *, now: datetime) -> list[Session]:
    """Return a user's sessions in force, the one used last first."""
    return sessions.list_sessions(tx, user.id, now=now)


def end_session(tx: Tx, user: User, session_id: int, *, editor: Editor) -> None:
    """End one of a user's sessions. Raises: SessionNotFound."""
    if not sessions.delete_session(tx, session_id, user_id=user.id):
        raise SessionNotFound("This session has ended already", session=session_id)
    editor.note(tx, "session.ended", user.name)


def end_sessions(tx: Tx, user: User, *, editor: Editor) -> int:
    """End all sessions of a user; return how many there were."""
    count = sessions.delete_sessions(tx, user.id)
    if count:
        editor.note(tx, "sessions.ended", user.name)
    return count


def change_password(tx: Tx, proven: Credentials, password_hash: str, *, editor: Editor) -> None:
    """Give another password to whoever has proven theirs, and end all their sessions.

    Raises: SignInRefused, if it was changed or the user disabled meanwhile.
    """
    lock_configuration(tx)
    set_password(tx, _user_still_proven(tx, proven), password_hash, editor=editor)


def set_password(tx: Tx, user: User, password_hash: str, *, editor: Editor) -> None:
    """Save a password, and end all sessions of its user."""
    users.save_password_hash(tx, user.id, password_hash)
    sessions.delete_sessions(tx, user.id)
    editor.record(tx, "user.changed", user.name, secrets=("password",))
