"""Teams: whose policies are."""

from typing import Annotated, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import teams
from tocsin.actions.incident_set import Context
from tocsin.api.access import READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Page, RequestModel
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("teams", prefix="/teams")
Slug = Annotated[str, Path(max_length=64, description="The team's slug", examples=["ops"])]


class TeamAnswer(AnswerModel):
    """A team."""

    slug: Annotated[str, Field(examples=["ops"])]
    name: Annotated[str, Field(examples=["Operations"])]


class ChangedTeam(TeamAnswer):
    """A team as it is now, and whether that is new."""

    changed: bool


class NewTeam(RequestModel):
    """A team to make."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Operations"])]
    slug: Annotated[
        str | None,
        Field(max_length=64, examples=["ops"], description="Left out, it is made of the name"),
    ] = None


class TeamChange(RequestModel):
    """What is to change of a team; what is left out, or null, stays."""

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    slug: Annotated[str | None, Field(max_length=64)] = None


@router.get("", summary="List teams", dependencies=READS)
async def list_teams(work: Work) -> Page[TeamAnswer]:
    """All teams, in order of slug."""
    found = await work.read(teams.list_teams)
    return Page(items=[TeamAnswer(slug=team.slug, name=team.name) for team in found])


@router.post("", summary="Make a team", status_code=201, responses={201: {"model": ChangedTeam}})
async def create_team(principal: Administrator, work: Work, once: Once, new: NewTeam) -> Response:
    def create(tx: Tx, context: Context) -> ChangedTeam:
        editor = editor_of(work, context, principal)
        team = teams.create_team(tx, name=new.name, slug=new.slug, editor=editor)
        return ChangedTeam(slug=team.slug, name=team.name, changed=True)

    return await once.run(create)


@router.patch("/{slug}", summary="Rename a team")
async def change_team(
    principal: Administrator, work: Work, slug: Slug, change: TeamChange
) -> ChangedTeam:
    team, changed = await edit(
        work,
        principal,
        lambda tx, editor: teams.update_team(
            tx, slug, name=change.name, new_slug=change.slug, editor=editor
        ),
    )
    return ChangedTeam(slug=team.slug, name=team.name, changed=changed)


@router.delete("/{slug}", summary="Delete a team", status_code=204)
async def delete_team(principal: Administrator, work: Work, slug: Slug) -> None:
    """Refused with `still_needed` while it has policies."""
    await edit(work, principal, lambda tx, editor: teams.delete_team(tx, slug, editor=editor))
