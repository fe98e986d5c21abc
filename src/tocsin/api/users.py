"""Users: who may sign in to the pages, and as what."""

from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import invitations, users
from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.actions.invitations import CreatedInvitation
from tocsin.api.access import ADMINISTERS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Instant, Page, RequestModel
from tocsin.domain.invitation import invitation_url
from tocsin.domain.user import User, UserRole
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("users", prefix="/users")
Name = Annotated[str, Path(max_length=64, description="By which they sign in", examples=["ana"])]
_TEAMS: Final = "Slugs of the teams that a team administrator administers"


class UserAnswer(AnswerModel):
    """A user. Of a password no more is told than whether there is one."""

    name: Annotated[str, Field(examples=["ana"])]
    role: UserRole
    teams: Annotated[list[str], Field(description=_TEAMS)]
    time_zone: Annotated[str, Field(examples=["Europe/Oslo"])]
    has_password: bool
    created_at: Instant
    signed_in_at: Annotated[Instant | None, Field(description="Last; null: never")]
    disabled_at: Instant | None


class ChangedUser(UserAnswer):
    """A user as they are now, and whether that is new."""

    changed: bool


class InvitedUser(ChangedUser):
    """A user, and the link by which they choose a password. This is the only time that it is shown."""

    invitation_url: Annotated[
        str, Field(description="Works once. Whoever has it may choose the password")
    ]
    invitation_expires_at: Instant


class NewUser(RequestModel):
    """A user to make."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            examples=["ana"],
            description="A slug. It stays theirs: timelines say it",
        ),
    ]
    role: Annotated[UserRole, Field(strict=False)]
    teams: Annotated[list[str], Field(default_factory=list, max_length=200, description=_TEAMS)]


class UserChange(RequestModel):
    """What is to change of a user; what is left out, or null, stays."""

    role: Annotated[UserRole | None, Field(strict=False)] = None
    teams: Annotated[list[str] | None, Field(max_length=200, description=_TEAMS)] = None
    disabled: Annotated[
        bool | None, Field(description="true ends sessions and tokens, and lets them in no more")
    ] = None


@router.get("", summary="List users", dependencies=ADMINISTERS)
async def list_users(work: Work) -> Page[UserAnswer]:
    """All users by name, those who are disabled last."""
    found = await work.read(users.list_users)
    return Page(items=[UserAnswer(**_render(user)) for user in found])


@router.post("", summary="Make a user", status_code=201, responses={201: {"model": InvitedUser}})
async def create_user(principal: Administrator, work: Work, once: Once, new: NewUser) -> Response:
    """They choose a password by the link in the answer, within three days."""

    def create(tx: Tx, context: Context) -> InvitedUser:
        editor = editor_of(work, context, principal)
        users.add_user(tx, name=new.name, role=new.role, of_teams=new.teams, editor=editor)
        return _invited(tx, new.name, invitations.invite(tx, new.name, editor=editor), work)

    return await once.run(create)


@router.get("/{name}", summary="Show a user", dependencies=ADMINISTERS)
async def show_user(work: Work, name: Name) -> UserAnswer:
    return UserAnswer(**_render(await work.read(lambda tx: users.show_user(tx, name))))


@router.patch("/{name}", summary="Change a user")
async def change_user(
    principal: Administrator, work: Work, name: Name, change: UserChange
) -> ChangedUser:
    """Another role or other teams end their sessions. The last administrator stays: `last_administrator`."""

    def do(tx: Tx, editor: Editor) -> User:
        user = users.change_user(tx, name, role=change.role, of_teams=change.teams, editor=editor)
        if change.disabled is None:
            return user
        switch = users.disable_user if change.disabled else users.enable_user
        return switch(tx, name, editor=editor)

    user, changed = await edit(work, principal, do)
    return ChangedUser(**_render(user), changed=changed)


@router.post("/{name}/invite", summary="Make a link by which a user chooses a password")
async def invite_user(principal: Administrator, work: Work, name: Name) -> InvitedUser:
    """For whoever lost the link or forgot the password. A link made before does nothing any more."""

    def invite(tx: Tx, editor: Editor) -> InvitedUser:
        return _invited(tx, name, invitations.invite(tx, name, editor=editor), work)

    answer, _ = await edit(work, principal, invite)
    return answer


@router.delete("/{name}", summary="Delete a user who has never signed in", status_code=204)
async def delete_user(principal: Administrator, work: Work, name: Name) -> None:
    """Anybody else is disabled instead, because timelines may name them: `user_is_known`."""
    await edit(work, principal, lambda tx, editor: users.delete_user(tx, name, editor=editor))


def _invited(tx: Tx, name: str, made: CreatedInvitation, work: Work) -> InvitedUser:
    return InvitedUser(
        **_render(users.show_user(tx, name)),
        changed=True,
        invitation_url=invitation_url(work.services.public_url, made.token),
        invitation_expires_at=made.invitation.expires_at,
    )


def _render(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "teams": list(user.teams),
        "time_zone": user.time_zone,
        "has_password": user.has_password,
        "created_at": user.created_at,
        "signed_in_at": user.signed_in_at,
        "disabled_at": user.disabled_at,
    }
