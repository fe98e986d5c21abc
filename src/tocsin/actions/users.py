"""Users: who may sign in, and as what. Whatever narrows what somebody may do ends their sessions."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar
from zoneinfo import ZoneInfo

from tocsin.actions.editor import Editor
from tocsin.actions.tokens import LastAdministrator, revoke_tokens_of
from tocsin.domain.slug import parse_slug
from tocsin.domain.user import User, UserRole, check_teams
from tocsin.errors import TocsinError
from tocsin.store import invitations, sessions, teams, users
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx


class UserNotFound(TocsinError):
    """There is no user of this name."""

    code: ClassVar[str] = "user_not_found"
    status_hint: ClassVar[int] = 404


class UserExists(TocsinError):
    """There is a user of this name, who may be disabled."""

    code: ClassVar[str] = "user_exists"
    status_hint: ClassVar[int] = 409


class UserIsKnown(TocsinError):
    """The user has signed in, so the audit and timelines may name them."""

    code: ClassVar[str] = "user_is_known"
    status_hint: ClassVar[int] = 409


class UnknownTeam(TocsinError):
    """A team that a user is to administer does not exist."""

    code: ClassVar[str] = "unknown_team"
    status_hint: ClassVar[int] = 422


class InvalidTimeZone(TocsinError):
    """The text names no time zone."""

    code: ClassVar[str] = "invalid_time_zone"
    status_hint: ClassVar[int] = 422


def list_users(tx: Tx) -> list[User]:
    """Return the users by name, those who are disabled last."""
    return users.list_users(tx)


def list_users_after(
    tx: Tx, name: str, *, was_disabled: bool = False, begins: str = "", limit: int
) -> list[User]:
    """Return some of them, whose names begin so, from behind the one of a name on; from the first on, if nobody has it.

    `was_disabled`: whether the one was disabled when they were listed.
    """
    return users.list_users_after(tx, name, was_disabled=was_disabled, begins=begins, limit=limit)


def show_user(tx: Tx, name: str) -> User:
    """Raises: UserNotFound."""
    user = users.find_user(tx, name)
    if user is None:
        raise UserNotFound(
            f"There is no user {name[:64]!r}: look at the list of users", name=name[:64]
        )
    return user


def has_administrator(tx: Tx) -> bool:
    """Return whether somebody can sign in who may do everything."""
    return bool(users.list_able(tx, UserRole.ADMINISTRATOR))


def add_user(
    tx: Tx, *, name: str, role: UserRole, editor: Editor, of_teams: Iterable[str] = ()
) -> User:
    """Make a user who cannot sign in yet. Raises: InvalidSlug, UserExists, InvalidUserTeams, UnknownTeam."""
    lock_configuration(tx)
    slug = parse_slug(name)
    if users.find_user(tx, slug) is not None:
        raise UserExists(
            f"There is a user {slug!r}, who may be disabled; choose another name", name=slug
        )
    chosen = check_teams(role, of_teams)
    user = User(editor.new_id(), slug, role, editor.now, chosen)
    users.insert_user(tx, user)
    users.save_teams(tx, user.id, _team_ids(tx, chosen))
    editor.record(tx, "user.created", slug, after=_rights(user))
    return user


def change_user(
    tx: Tx,
    name: str,
    *,
    editor: Editor,
    role: UserRole | None = None,
    of_teams: Iterable[str] | None = None,
) -> User:
    """Give a user another role or other teams, which ends their sessions; nothing if they are so already.

    None leaves the role as it is, and the teams, if it is a role that has some.
    Raises: UserNotFound, InvalidUserTeams, UnknownTeam, LastAdministrator.
    """
    lock_configuration(tx)
    user = show_user(tx, name)
    new_role = role or user.role
    if of_teams is None:
        of_teams = user.teams if new_role is UserRole.TEAM_ADMINISTRATOR else ()
    changed = replace(user, role=new_role, teams=check_teams(new_role, of_teams))
    if changed == user:
        return user
    _refuse_last(tx, user, changed)
    team_ids = _team_ids(tx, changed.teams)
    users.update_user(tx, changed)
    users.save_teams(tx, user.id, team_ids)
    sessions.delete_sessions(tx, user.id)
    editor.record(tx, "user.changed", name, before=_rights(user), after=_rights(changed))
    return changed


def disable_user(tx: Tx, name: str, *, editor: Editor) -> User:
    """Let a user in no more: sessions, tokens and invitations end. Raises: UserNotFound, LastAdministrator."""
    lock_configuration(tx)
    user = show_user(tx, name)
    if user.disabled_at is not None:
        return user
    disabled = replace(user, disabled_at=editor.now)
    _refuse_last(tx, user, disabled)
    users.update_user(tx, disabled)
    sessions.delete_sessions(tx, user.id)
    invitations.delete_invitations(tx, user_id=user.id)
    editor.record(tx, "user.disabled", name)
    revoke_tokens_of(tx, name, editor=editor)
    return disabled


def enable_user(tx: Tx, name: str, *, editor: Editor) -> User:
    """Let a user in again, by the password that they had. Raises: UserNotFound."""
    lock_configuration(tx)
    user = show_user(tx, name)
    if user.disabled_at is None:
        return user
    enabled = replace(user, disabled_at=None)
    users.update_user(tx, enabled)
    editor.record(tx, "user.enabled", name)
    return enabled


def delete_user(tx: Tx, name: str, *, editor: Editor) -> None:
    """Remove a user who has never signed in. Raises: UserNotFound, UserIsKnown."""
    lock_configuration(tx)
    user = show_user(tx, name)
    if user.signed_in_at is not None:
        raise UserIsKnown(
            f"{name!r} has signed in, so timelines and the audit log may name them; disable them "
            "instead",
            name=name,
        )
    # Whoever has not signed in has no session; tokens are made in one.
    invitations.delete_invitations(tx, user_id=user.id)
    users.delete_user(tx, user.id)
    editor.record(tx, "user.deleted", name, before=_rights(user))


def set_time_zone(tx: Tx, name: str, time_zone: str, *, editor: Editor) -> User:
    """Show a user times as this zone has them. Raises: UserNotFound, InvalidTimeZone."""
    lock_configuration(tx)
    user = show_user(tx, name)
    changed = replace(user, time_zone=check_time_zone(time_zone))
    if changed != user:
        users.update_user(tx, changed)
        before, after = {"time_zone": user.time_zone}, {"time_zone": time_zone}
        editor.record(tx, "user.changed", name, before=before, after=after)
    return changed


def check_time_zone(text: str) -> str:
    """Return the name of a time zone, such as Europe/Oslo. Raises: InvalidTimeZone."""
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):  # not there; a path out of the folder; a folder in it
        raise InvalidTimeZone(
            f"{text[:64]!r} is no time zone: write one as the IANA database does, such as Europe/Oslo",
            given=text[:64],
        ) from None


def _refuse_last(tx: Tx, user: User, changed: User) -> None:
    """Raises: LastAdministrator, if nobody who can sign in could administer any more."""
    if not user.may_administer_all or changed.may_administer_all:
        return
    able = users.list_able(tx, UserRole.ADMINISTRATOR)
    if [each.id for each in able] == [user.id]:
        raise LastAdministrator(
            f"{user.name!r} is the last administrator who can sign in; make another one first",
            name=user.name,
        )


def _team_ids(tx: Tx, slugs: Iterable[str]) -> list[int]:
    known = {team.slug: team.id for team in teams.list_teams(tx)}
    for slug in slugs:
        if slug not in known:
            raise UnknownTeam(f"There is no team {slug[:64]!r}; make it first", team=slug[:64])
    return [known[slug] for slug in slugs]


def _rights(user: User) -> dict[str, object]:
    teams_ = {"teams": list(user.teams)} if user.teams else {}
    return {"role": user.role.value, **teams_}
