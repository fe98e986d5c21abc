"""Invitations: links by which a person chooses a password, and which one of two who use them gets."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.actions.editor import Editor
from tocsin.actions.sessions import NewSession, begin_session, set_password, sign_out
from tocsin.actions.users import add_user, check_time_zone, has_administrator, show_user
from tocsin.domain.actor import OF_A_USER
from tocsin.domain.invitation import (
    FIRST_LASTS,
    INVITATION_BYTES,
    LASTS,
    Invitation,
    InvitationOver,
    invitation_hash,
    make_invitation_token,
)
from tocsin.domain.session import Client
from tocsin.domain.user import UTC_ZONE, User, UserRole
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store import invitations, users
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx

ANYBODY: Final = "(anybody)"
"""Whom the audit names when a link is for whoever has it; no name of a user looks so."""


class UserIsDisabled(TocsinError):
    """A link would let nobody in."""

    code: ClassVar[str] = "user_is_disabled"
    status_hint: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class CreatedInvitation:
    """An invitation, and the token that is shown this once."""

    invitation: Invitation
    token: Secret


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What somebody makes of an invitation."""

    name: str
    """Whose it is, or the name that was chosen."""
    password_hash: str
    time_zone: str = UTC_ZONE


def invite(tx: Tx, name: str, *, editor: Editor) -> CreatedInvitation:
    """Make a link by which a user chooses a password, in place of those made before.

    Raises: UserNotFound, UserIsDisabled.
    """
    lock_configuration(tx)
    user = show_user(tx, name)
    if user.disabled_at is not None:
        raise UserIsDisabled(f"{name!r} is disabled: enable them first", name=name)
    return _invite(tx, user, user.role, LASTS, editor=editor)


def invite_first_administrator(tx: Tx, *, editor: Editor) -> CreatedInvitation:
    """Make the link for whoever has started the server, in place of those made before."""
    lock_configuration(tx)
    return _invite(tx, None, UserRole.ADMINISTRATOR, FIRST_LASTS, editor=editor)


def find_invitation(tx: Tx, token: Secret, *, now: datetime) -> Invitation:
    """Return what a link is for; looking at it uses nothing. Raises: InvitationOver."""
    found = invitations.find_invitation(tx, invitation_hash(token), now=now)
    if found is None:
        raise InvitationOver
    return found


def accept_invitation(
    tx: Tx,
    token: Secret,
    accepted: Acceptance,
    *,
    client: Client,
    editor: Editor,
    replaces: Secret | None = None,
) -> NewSession:
    """Use a link: save the password, end what sessions there were, and sign its user in.

    `replaces`: the token that the browser had, which may be somebody else's.

    One that is nobody's in particular makes the first administrator, and no second: a log may hold it.
    Raises: InvitationOver, InvalidSlug, UserExists, InvalidTimeZone.
    """
    lock_configuration(tx)  # so that of two who use it at once one finds it used
    invitation = find_invitation(tx, token, now=editor.now)
    if invitation.user is None and has_administrator(tx):
        raise InvitationOver
    invitations.delete_invitation(tx, invitation.id)
    as_user = editor.acting_as(f"{OF_A_USER}{invitation.user or accepted.name}")
    user = _user_of(tx, invitation, accepted, editor=as_user)
    set_password(tx, user, accepted.password_hash, editor=as_user)
    if replaces is not None:
        sign_out(tx, replaces, now=editor.now)
    return begin_session(tx, replace(user, has_password=True), client=client, editor=as_user)


def _user_of(tx: Tx, invitation: Invitation, accepted: Acceptance, *, editor: Editor) -> User:
    if invitation.user is None:
        user = add_user(tx, name=accepted.name, role=invitation.role, editor=editor)
    else:
        user = show_user(tx, invitation.user)
    if user.signed_in_at is None:
        user = replace(user, time_zone=check_time_zone(accepted.time_zone))
        users.update_user(tx, user)
    return user


def _invite(
    tx: Tx, user: User | None, role: UserRole, lasts: timedelta, *, editor: Editor
) -> CreatedInvitation:
    user_id = None if user is None else user.id
    invitations.delete_ended_invitations(tx, now=editor.now)
    invitations.delete_invitations(tx, user_id=user_id)
    token = make_invitation_token(editor.random_bytes(INVITATION_BYTES))
    name = None if user is None else user.name
    made = Invitation(editor.new_id(), name, role, editor.now, editor.now + lasts)
    invitations.insert_invitation(tx, made, user_id=user_id, invitation_hash=invitation_hash(token))
    editor.record(tx, "user.invited", name or ANYBODY, after={"role": role.value})
    return CreatedInvitation(made, token)
