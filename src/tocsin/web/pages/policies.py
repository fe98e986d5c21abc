"""A policy: what it would do, what is wrong with it, its versions, and what of it fired last."""

from typing import Final

from starlette.responses import Response

from tocsin.actions.policies import delete_policy
from tocsin.actions.show_policies import MOST_DELIVERIES, ShownPolicy, show_policy
from tocsin.domain.foresight import foresee
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.web.axis import lay_out
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit


def path_of(visit: Visit) -> str:
    return f"{visit.params['team']}/{visit.params['policy']}"


_MOST_NAMED: Final = 200
"""Webhooks that the table of steps names, of all steps together."""


async def look_at(visit: Visit) -> ShownPolicy:
    """Raises: NotConfigured."""
    path = path_of(visit)
    return await visit.work.read(lambda tx: show_policy(tx, visit.services.cache.current(tx), path))


async def show_one_policy(visit: Visit) -> Response:
    return await _page(visit)


async def show_version(visit: Visit) -> Response:
    """Raises: NotConfigured."""
    shown = await look_at(visit)
    version = shown.version(visit.params["number"])
    foresight = foresee(version.plan.steps, version.plan.repeat)
    return visit.render(
        "policy_version.html",
        shown=shown,
        policy=shown.policy,
        version=version,
        foresight=foresight,
        axis=lay_out(foresight),
    )


async def remove_policy(visit: Visit) -> Response:
    path = path_of(visit)
    try:
        await edit(
            visit.work, visit.principal, lambda tx, editor: delete_policy(tx, path, editor=editor)
        )
    except TocsinError as refusal:
        return await _page(visit, refusal)
    notice = f"The policy {path} is deleted. Escalations that run go on with the version they have."
    return visit.redirect(f"/teams/{visit.params['team']}", notice=notice)


async def _page(visit: Visit, refusal: TocsinError | None = None) -> Response:
    shown = await look_at(visit)
    return visit.render(
        "policy.html",
        shown=shown,
        policy=shown.policy,
        axis=lay_out(shown.foresight),
        most_deliveries=f"{MOST_DELIVERIES:,}",
        most_named=max(2, _MOST_NAMED // max(1, len(shown.described.steps))),
        refusal=refusal,
        status=refusal.status_hint if refusal else 200,
    )


_POLICY: Final = "/teams/{team}/policies/{policy}"
ROUTES: Final = (
    Route(_POLICY, "GET", Access.READ, show_one_policy),
    Route(f"{_POLICY}/versions/{{number:int}}", "GET", Access.READ, show_version),
    Route(f"{_POLICY}/delete", "POST", Access.TEAM, remove_policy),
)
