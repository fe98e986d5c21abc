"""Teams: whose policies are whose, what is wrong with them, and what runs."""

from typing import Final

from starlette.responses import Response

from tocsin.actions.show_teams import ShownTeams, list_shown_teams, show_team
from tocsin.actions.teams import create_team, delete_team, update_team
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.database import Tx
from tocsin.web.addresses import address_with
from tocsin.web.page_slugs import check_page_slug
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit


async def show_teams(visit: Visit) -> Response:
    """Every team, with what its policies would do."""

    begins = visit.query.get("begins", "").strip()

    def look(tx: Tx) -> tuple[ShownTeams, bool]:
        configuration = visit.services.cache.current(tx)
        has_default = bool(configuration.default_route.policies)
        after = visit.query.get("after", "")
        found = list_shown_teams(tx, configuration, begins=begins, after=after)
        return found, has_default

    shown, has_default = await visit.work.read(look)
    return visit.render(
        "teams.html",
        shown=shown,
        more=_more(visit, "/teams", shown.next_after, begins=begins),
        begins=begins,
        has_default_routing=has_default,
        webhook=_webhook(visit),
    )


def _webhook(visit: Visit) -> str:
    """Return the webhook that somebody came to choose a policy for; empty when there is none."""
    return visit.query.get("webhook", "")[:64]


def _more(visit: Visit, path: str, after: str | None, *, begins: str = "") -> str:
    """Return the link to the next page of a list; empty when this is the last one."""
    if after is None:
        return ""
    return address_with(path, {"begins": begins, "after": after, "webhook": _webhook(visit)})


async def ask_for_team(visit: Visit) -> Response:
    return _form(visit)


async def make_team(visit: Visit) -> Response:
    name, slug = visit.form.get("name", ""), visit.form.get("slug", "").strip() or None
    try:
        check_page_slug(slug, name=name)
        made, _ = await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: create_team(tx, name=name, slug=slug, editor=editor),
        )
    except TocsinError as refusal:
        return _form(visit, refusal)
    notice = (
        f"The team {made.name} is made. Give it a policy: what is to happen when an alert comes."
    )
    address = address_with(f"/teams/{made.slug}", {"webhook": _webhook(visit)})
    return visit.redirect(address, notice=notice)


def _form(visit: Visit, refusal: TocsinError | None = None) -> Response:
    return visit.render(
        "team_new.html",
        refusal=refusal,
        name=visit.form.get("name", ""),
        slug=visit.form.get("slug", ""),
        webhook=_webhook(visit),
        status=refusal.status_hint if refusal else 200,
    )


async def show_one_team(visit: Visit) -> Response:
    return await _page(visit)


async def rename_team(visit: Visit) -> Response:
    team = visit.params["team"]
    name, slug = visit.form.get("name", ""), visit.form.get("slug", "").strip() or None
    try:
        check_page_slug(slug or team, name=name)
        changed, _ = await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: update_team(tx, team, name=name, new_slug=slug, editor=editor),
        )
    except TocsinError as refusal:
        return await _page(visit, refusal)
    return visit.redirect(f"/teams/{changed.slug}", notice="Saved.")


async def remove_team(visit: Visit) -> Response:
    team = visit.params["team"]
    try:
        await edit(
            visit.work, visit.principal, lambda tx, editor: delete_team(tx, team, editor=editor)
        )
    except TocsinError as refusal:
        return await _page(visit, refusal)
    return visit.redirect("/teams", notice=f"The team {team} is deleted.")


async def _page(visit: Visit, refusal: TocsinError | None = None) -> Response:
    """Raises: NotConfigured."""
    slug = visit.params["team"]
    after = visit.query.get("after", "")
    shown = await visit.work.read(
        lambda tx: show_team(tx, visit.services.cache.current(tx), slug, after=after)
    )
    return visit.render(
        "team.html",
        team=shown.team,
        shown=shown,
        more=_more(visit, f"/teams/{slug}", shown.next_after),
        refusal=refusal,
        name=visit.form.get("name", shown.team.name),
        new_slug=visit.form.get("slug", shown.team.slug),
        webhook=_webhook(visit),
        status=refusal.status_hint if refusal else 200,
    )


ROUTES: Final = (
    Route("/teams", "GET", Access.READ, show_teams),
    Route("/teams/new", "GET", Access.ADMINISTER, ask_for_team),
    Route("/teams/new", "POST", Access.ADMINISTER, make_team),
    Route("/teams/{team}", "GET", Access.READ, show_one_team),
    Route("/teams/{team}", "POST", Access.ADMINISTER, rename_team),
    Route("/teams/{team}/delete", "POST", Access.ADMINISTER, remove_team),
)
