"""Teams, for the API and the command line."""

from dataclasses import replace

from tocsin.actions.editor import Editor
from tocsin.actions.one_object import begin_edit, change_one, create_one, delete_one, require
from tocsin.domain.configuration_file.description import DescribedTeam, ObjectKind
from tocsin.domain.display_name import check_name
from tocsin.domain.slug import parse_slug, slug_from_name
from tocsin.domain.team import Team
from tocsin.store import teams
from tocsin.store.database import Tx


def list_teams(tx: Tx) -> list[Team]:
    """Return the teams in order of slug."""
    return teams.list_teams(tx)


def create_team(tx: Tx, *, name: str, editor: Editor, slug: str | None = None) -> DescribedTeam:
    """Make a team. Raises: InvalidName, InvalidSlug, AlreadyConfigured."""
    in_force = begin_edit(tx, editor)
    made = DescribedTeam(
        slug=parse_slug(slug) if slug is not None else slug_from_name(check_name(name)),
        name=check_name(name),
    )
    create_one(tx, in_force, ObjectKind.TEAM, made.slug, made, editor=editor)
    return made


def update_team(
    tx: Tx, slug: str, *, editor: Editor, name: str | None = None, new_slug: str | None = None
) -> DescribedTeam:
    """Rename a team. Raises: NotConfigured, InvalidName, InvalidSlug, AlreadyConfigured."""
    in_force = begin_edit(tx, editor)
    require(in_force, ObjectKind.TEAM, slug)
    known = in_force.description.teams[slug]
    changed = replace(
        known,
        slug=slug if new_slug is None else parse_slug(new_slug),
        name=known.name if name is None else check_name(name),
    )
    kind = ObjectKind.TEAM
    change_one(tx, in_force, kind, slug, changed, editor=editor, new_key=changed.slug)
    return changed


def delete_team(tx: Tx, slug: str, *, editor: Editor) -> None:
    """Delete a team that has no policies. Raises: NotConfigured, StillNeeded."""
    delete_one(tx, ObjectKind.TEAM, slug, editor=editor)
