"""What people do to one incident by pressing a button on its page."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response

from tocsin.actions.incidents import Changed, IncidentNotFound, only
from tocsin.domain.wording import listed
from tocsin.errors import TocsinError
from tocsin.web.incident_forms import read_act, read_policies
from tocsin.web.pages.incident import PATH, show_page
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

_DONE: Final = {
    "acknowledge": "Acknowledged: nobody else is called.",
    "hold": "On hold: nobody is called until it ends.",
    "resolve": "Resolved.",
    "reopen": "Reopened: its policies start again.",
    "reroute": "Rerouted: {policies} now.",
    "note": "Noted.",
    "move": "Moved: the current version starts at step 1.",
}
_AS_BEFORE: Final = {
    "acknowledge": "It was acknowledged already.",
    "resolve": "It was resolved already.",
    "reopen": "It was triggered already.",
    "move": "Nothing was moved: what runs is current.",
    "hold": "It was held until then already.",
}


def _do(deed: str) -> Callable[[Visit], Awaitable[Response]]:
    async def run(visit: Visit) -> Response:
        number: int = visit.params["number"]
        try:
            act = read_act(visit, deed)
            result = await visit.work.change(
                lambda tx, context: only(act(tx, context, [number])), urgent=deed != "note"
            )
        except IncidentNotFound:
            raise
        except TocsinError as refusal:
            return await show_page(visit, deed=deed, refusal=refusal)
        return visit.redirect(f"/incidents/{number}", notice=_told(visit, deed, result))

    return run


def _told(visit: Visit, deed: str, result: Changed) -> str:
    if not result.changed:
        return _AS_BEFORE.get(deed, "Nothing was changed.")
    return _DONE[deed].format(policies=listed(read_policies(visit)))


ROUTES: Final = tuple(Route(f"{PATH}/{deed}", "POST", Access.RESPOND, _do(deed)) for deed in _DONE)
