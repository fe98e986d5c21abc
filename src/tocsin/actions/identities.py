"""Who a provider says that somebody is, and which user that is here."""

from itertools import chain, count
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.actions.sessions import NewSession, begin_session, sign_out
from tocsin.actions.users import add_user, show_user
from tocsin.domain.session import Client
from tocsin.domain.single_sign_on import Identity, LinkedIdentity
from tocsin.domain.slug import LONGEST_SLUG, Slug, slug_from_name
from tocsin.domain.user import User, UserRole
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store import sessions, users
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx


class UnknownIdentity(TocsinError):
    """The provider knows who it is, and nobody here is that."""

    code: ClassVar[str] = "unknown_identity"
    status_hint: ClassVar[int] = 403


class IdentityNotFound(TocsinError):
    """The user does not sign in by this identity."""

    code: ClassVar[str] = "identity_not_found"
    status_hint: ClassVar[int] = 404


class LastWayIn(TocsinError):
    """Without this identity the user could not sign in any more."""

    code: ClassVar[str] = "last_way_in"
    status_hint: ClassVar[int] = 409


class IdentityTaken(TocsinError):
    """Another user is that already."""

    code: ClassVar[str] = "identity_taken"
    status_hint: ClassVar[int] = 409


def sign_in_by_identity(
    tx: Tx,
    identity: Identity,
    *,
    newcomers: UserRole | None,
    client: Client,
    editor: Editor,
    replaces: Secret | None = None,
) -> NewSession:
    """Begin a session for whoever a provider vouches for; a newcomer becomes a user, if there is a role for them.

    Raises: UnknownIdentity, also for a user who is disabled.
    """
    lock_configuration(tx)
    user = _find(tx, identity)
    if user is None:
        user = _newcomer(tx, identity, newcomers, editor=editor)
    if user.disabled_at is not None:
        raise _unknown("you are disabled here")
    if replaces is not None:
        sign_out(tx, replaces, now=editor.now)
    return begin_session(tx, user, client=client, editor=editor)


def link_identity(tx: Tx, user: User, identity: Identity, *, editor: Editor) -> bool:
    """Let a user sign in by this identity, too; return whether that is new. Raises: IdentityTaken."""
    lock_configuration(tx)
    known = _find(tx, identity)
    if known is not None and known.id != user.id:
        raise IdentityTaken(
            "Another user signs in by this identity: sign in as that one, or ask an administrator"
        )
    if known is None:
        _insert(tx, user, identity, editor=editor)
    return known is None


def list_identities(tx: Tx, user: User) -> list[LinkedIdentity]:
    """Return who providers say that a user is, the oldest first."""
    return users.list_identities(tx, user.id)


def unlink_identity(
    tx: Tx,
    name: str,
    *,
    issuer: str,
    subject: str,
    trusted: str | None,
    editor: Editor,
    session: int | None = None,
) -> None:
    """Let a user sign in by an identity no more, and end their sessions, which it may have begun.

    `trusted`: the issuer that people may sign in by; `session`: the one that goes on, as it is the user's who asks.
    Raises: UserNotFound, IdentityNotFound, LastWayIn.
    """
    lock_configuration(tx)
    user = show_user(tx, name)
    linked = users.list_identities(tx, user.id)
    others = [each for each in linked if (each.issuer, each.subject) != (issuer, subject)]
    if len(others) == len(linked):
        raise IdentityNotFound(
            f"{name} does not sign in by this identity: it may be unlinked already"
        )
    if not user.has_password and all(each.issuer != trusted for each in others):
        raise LastWayIn(
            f"{name} has no other way to sign in: first a password, by a link that an administrator makes",
            name=name,
        )
    users.delete_identity(tx, issuer=issuer, subject=subject)
    sessions.delete_sessions(tx, user.id, but=session)
    editor.record(tx, "user.unlinked", name, before={"issuer": issuer, "subject": subject})


def _find(tx: Tx, identity: Identity) -> User | None:
    user_id = users.find_identity(tx, issuer=identity.issuer, subject=identity.subject)
    return None if user_id is None else users.find_user_by_id(tx, user_id)


def _newcomer(tx: Tx, identity: Identity, role: UserRole | None, *, editor: Editor) -> User:
    if role is None:
        raise _unknown("nobody here is linked to you")
    name = _free_name(tx, slug_from_name(identity.suggested_name))
    as_user = editor.acting_as(f"user:{name}")
    user = add_user(tx, name=name, role=role, editor=as_user)
    _insert(tx, user, identity, editor=as_user)
    return user


def _insert(tx: Tx, user: User, identity: Identity, *, editor: Editor) -> None:
    users.insert_identity(
        tx, issuer=identity.issuer, subject=identity.subject, user_id=user.id, now=editor.now
    )
    linked = {"issuer": identity.issuer, "subject": identity.subject}
    editor.record(tx, "user.linked", user.name, after=linked)


def _free_name(tx: Tx, slug: Slug) -> str:
    """Return a name that nobody has: names are not what tells people apart."""
    taken = {user.name for user in users.list_users(tx)}
    numbered = (f"{slug[: LONGEST_SLUG - 8].rstrip('-')}-{number}" for number in count(2))
    return next(name for name in chain([slug], numbered) if name not in taken)


def _unknown(why: str) -> UnknownIdentity:
    return UnknownIdentity(
        f"The provider knows you, but {why}. Ask an administrator to invite you; once you are signed in, "
        "your account page links the two"
    )
