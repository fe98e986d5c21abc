"""Users: who may sign in, and as what. For administrators."""

from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from tocsin.actions import invitations, sessions, teams, tokens, users
from tocsin.actions.editor import Editor
from tocsin.actions.identities import LastWayIn, list_identities
from tocsin.actions.invitations import CreatedInvitation
from tocsin.actions.users import change_user, delete_user, disable_user, enable_user
from tocsin.domain.invitation import invitation_url
from tocsin.domain.natural_order import natural_key
from tocsin.domain.team import Team
from tocsin.domain.user import User, UserRole, parse_user_role
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.database import Tx
from tocsin.web.identities import trusted_issuer, unlink
from tocsin.web.parts import AFTER, SHOWN, read_part
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

USERS: Final = "/users"
_LONGEST: Final = 64
"""Characters of what is looked for; no name has more."""
_OUT: Final = "-"
"""Stands before a name behind which the list goes on, if it is of somebody who is disabled. No name begins so."""
_ROLES: Final = (
    (UserRole.VIEWER, "Viewer: sees everything but secrets"),
    (UserRole.RESPONDER, "Responder: acknowledges, resolves, holds, reroutes, too"),
    (UserRole.TEAM_ADMINISTRATOR, "Team administrator: edits the policies of some teams, too"),
    (UserRole.ADMINISTRATOR, "Administrator: everything"),
)


async def show_users(visit: Visit) -> Response:
    """List everybody, and offer to invite somebody."""
    return await _list(visit)


async def _list(visit: Visit, *, refusal: TocsinError | None = None) -> Response:
    def look(tx: Tx) -> tuple[list[User], list[Team]]:
        after = visit.query.get(AFTER, "")
        found = users.list_users_after(
            tx,
            after.removeprefix(_OUT),
            was_disabled=after.startswith(_OUT),
            begins=begins,
            limit=SHOWN + 1,
        )
        return found, _teams(tx)

    begins = visit.query.get("begins", "")[:_LONGEST].replace("\x00", "").strip().lower()
    found, all_teams = await visit.work.read(look)
    part = read_part(visit, found, lambda user: f"{_OUT if user.disabled_at else ''}{user.name}")
    return visit.render(
        "users.html",
        status=refusal.status_hint if refusal else 200,
        users=part.items,
        more=part.more,
        begins=begins,
        all_teams=all_teams,
        roles=_ROLES,
        chosen_role=visit.form.get("role", UserRole.RESPONDER.value),
        chosen_teams=_teams_of(visit),
        name=visit.form.get("name", ""),
        refusal=refusal,
    )


async def take_user(visit: Visit) -> Response:
    """Make a user, and the link by which they choose a password."""
    name = visit.form.get("name", "").strip().lower()

    def make(tx: Tx, editor: Editor) -> CreatedInvitation:
        role, of_teams = _chosen(visit)
        users.add_user(tx, name=name, role=role, of_teams=of_teams, editor=editor)
        return invitations.invite(tx, name, editor=editor)

    try:
        made, _ = await edit(visit.work, visit.principal, make)
    except TocsinError as refusal:
        return await _list(visit, refusal=refusal)
    return _to_link(visit, name, made)


async def show_user(visit: Visit) -> Response:
    """Show one user, and what can be done about them."""
    return await _user(visit, visit.params["name"])


def _to_link(visit: Visit, name: str, made: CreatedInvitation) -> Response:
    """Go to the user's page, which shows the link this once."""
    shows = {
        "link": invitation_url(visit.services.public_url, made.token),
        "until": made.invitation.expires_at.isoformat(),
    }
    return visit.redirect(f"{USERS}/{name}", shows=shows)


async def _user(visit: Visit, name: str, *, refusal: TocsinError | None = None) -> Response:
    """Raises: UserNotFound."""

    def look(tx: Tx) -> dict[str, Any]:
        user = users.show_user(tx, name)
        return {
            "them": user,
            "sessions": sessions.list_sessions(tx, user, now=visit.now),
            "tokens": tokens.list_tokens_of(tx, name),
            "identities": list_identities(tx, user),
            "all_teams": _teams(tx),
        }

    found = await visit.work.read(look)
    them: User = found["them"]
    shown = visit.take_shown()
    return visit.render(
        "user.html",
        status=refusal.status_hint if refusal else 200,
        **found,
        issuer=trusted_issuer(visit),
        link=shown.get("link", ""),
        until=datetime.fromisoformat(shown["until"]) if shown else None,
        roles=_ROLES,
        chosen_role=visit.form.get("role", them.role.value),
        chosen_teams=_teams_of(visit) if refusal else them.teams,
        refusal=refusal,
    )


async def take_role(visit: Visit) -> Response:
    """Give a user another role or other teams."""
    name = visit.params["name"]

    def change(tx: Tx, editor: Editor) -> User:
        role, of_teams = _chosen(visit)
        return change_user(tx, name, role=role, of_teams=of_teams, editor=editor)

    try:
        user, has_changed = await edit(visit.work, visit.principal, change)
    except users.UserNotFound:
        raise
    except TocsinError as refusal:
        return await _user(visit, name, refusal=refusal)
    words = f"{name} is now {user.role.words}; their sessions are ended."
    return visit.redirect(f"{USERS}/{name}", notice=words if has_changed else "Nothing changed.")


async def take_invite(visit: Visit) -> Response:
    """Make a link by which a user chooses a password, and let the page show it this once."""
    name = visit.params["name"]
    made, _ = await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: invitations.invite(tx, name, editor=editor),
    )
    return _to_link(visit, name, made)


async def take_disable(visit: Visit) -> Response:
    """Let a user in no more."""
    name = visit.params["name"]
    try:
        await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: disable_user(tx, name, editor=editor),
        )
    except tokens.LastAdministrator as refusal:
        return await _user(visit, name, refusal=refusal)
    return visit.redirect(
        f"{USERS}/{name}", notice=f"{name} is disabled, and their sessions and tokens are ended."
    )


async def take_enable(visit: Visit) -> Response:
    """Let a user in again."""
    name = visit.params["name"]
    await edit(visit.work, visit.principal, lambda tx, editor: enable_user(tx, name, editor=editor))
    return visit.redirect(f"{USERS}/{name}", notice=f"{name} may sign in again.")


async def take_end_sessions(visit: Visit) -> Response:
    """Sign a user out everywhere."""
    name = visit.params["name"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: sessions.end_sessions(tx, users.show_user(tx, name), editor=editor),
    )
    return visit.redirect(f"{USERS}/{name}", notice=f"{name} is signed out everywhere.")


async def take_unlink(visit: Visit) -> Response:
    """Let a user sign in by an identity no more."""
    name = visit.params["name"]
    try:
        await unlink(visit, name)
    except LastWayIn as refusal:
        return await _user(visit, name, refusal=refusal)
    notice = f"It is unlinked, and {name} is signed out everywhere."
    return visit.redirect(f"{USERS}/{name}", notice=notice)


async def take_delete(visit: Visit) -> Response:
    """Remove a user who has never signed in."""
    name = visit.params["name"]
    await edit(visit.work, visit.principal, lambda tx, editor: delete_user(tx, name, editor=editor))
    return visit.redirect(USERS, notice=f"{name} is deleted, and the link does nothing any more.")


def _teams(tx: Tx) -> list[Team]:
    return sorted(teams.list_teams(tx), key=lambda team: natural_key(team.name))


def _chosen(visit: Visit) -> tuple[UserRole, list[str]]:
    """Return the role, and the teams that go with it. Raises: UnknownUserRole."""
    role = parse_user_role(visit.form.get("role", ""))
    # Boxes may be left ticked when another role was chosen: they mean nothing then.
    return role, _teams_of(visit) if role is UserRole.TEAM_ADMINISTRATOR else []


def _teams_of(visit: Visit) -> list[str]:
    """What a form names, ticked or typed."""
    return [each.strip() for each in visit.all("team") if each.strip()]


ROUTES: Final = (
    Route(USERS, "GET", Access.ADMINISTER, show_users),
    Route(USERS, "POST", Access.ADMINISTER, take_user),
    Route(USERS + "/{name}", "GET", Access.ADMINISTER, show_user),
    Route(USERS + "/{name}/role", "POST", Access.ADMINISTER, take_role),
    Route(USERS + "/{name}/invite", "POST", Access.ADMINISTER, take_invite),
    Route(USERS + "/{name}/disable", "POST", Access.ADMINISTER, take_disable),
    Route(USERS + "/{name}/enable", "POST", Access.ADMINISTER, take_enable),
    Route(USERS + "/{name}/identities/unlink", "POST", Access.ADMINISTER, take_unlink),
    Route(USERS + "/{name}/sessions/end", "POST", Access.ADMINISTER, take_end_sessions),
    Route(USERS + "/{name}/delete", "POST", Access.ADMINISTER, take_delete),
)
