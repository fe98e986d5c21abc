"""The incidents: a list, narrowed down, and something done to many at once."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from tocsin.actions.incidents import Changed, Refused, Result
from tocsin.actions.show_incidents import IncidentLine, show_incidents
from tocsin.domain.alert_fields import stored_entity_id
from tocsin.domain.incident import Status
from tocsin.domain.principal import Scope
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.domain.wording import counted, listed
from tocsin.errors import TocsinError
from tocsin.service.cursors import read_cursor, split_page
from tocsin.web.addresses import address_with
from tocsin.web.incident_forms import HOLDS, UnreadableForm, read_act
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

PATH: Final = "/incidents"
SHOWN: Final = 50
MOST_AT_ONCE: Final = 500
_LONGEST_ENTITY: Final = 4096
_NOBODY_LEFT: Final = "nobody_left"
_TABS: Final = (
    ("", "All"),
    (Status.TRIGGERED.value, "Triggered"),
    (_NOBODY_LEFT, "Nobody left to page"),
    (Status.ACKNOWLEDGED.value, "Acknowledged"),
    (Status.RESOLVED.value, "Resolved"),
)
_FOR_MANY: Final = {
    "acknowledge": "acknowledged",
    "hold": "put on hold",
    "resolve": "resolved",
    "reopen": "reopened",
}
_MOST_REFUSALS: Final = 3


class _Search:
    """What the query asks for, and how a link asks for the same."""

    def __init__(self, given: Mapping[str, str]) -> None:
        known = {value for value, _ in _TABS}
        status = given.get("status", "")
        self.query = {
            "status": status if status in known else "",
            "entity": given.get("entity", "").strip()[:_LONGEST_ENTITY],
            "routing_key": given.get("routing_key", "").strip()[:LONGEST_ROUTING_KEY],
        }

    def link(self, **more: str) -> str:
        """Return a link with the same search; what is empty is left out."""
        return address_with(PATH, self.query, **more)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query["entity"] or self.query["routing_key"])

    @property
    def status(self) -> Status | None:
        word = self.query["status"]
        return Status(word) if word in set(Status) else None

    @property
    def nobody_left(self) -> bool | None:
        return True if self.query["status"] == _NOBODY_LEFT else None


async def show_list(visit: Visit) -> Response:
    """The newest first, 50 a page."""
    return await _list(visit, _Search(visit.query))


async def act_on_many(visit: Visit) -> Response:
    """Do one thing to every incident that is ticked; one that refuses spoils nothing for the others."""
    search = _Search(dict(visit.query))
    deed = visit.form.get("action", "")
    try:
        numbers = _numbers(visit)
        if deed not in _FOR_MANY:
            raise UnreadableForm("choose what to do: acknowledge, hold, resolve or reopen")
        act = read_act(visit, deed)
        results = await visit.work.change(
            lambda tx, context: act(tx, context, numbers), urgent=True
        )
    except TocsinError as refusal:
        return await _list(visit, search, refusal=refusal)
    return visit.redirect(search.link(), notice=_told(results, _FOR_MANY[deed]))


def _numbers(visit: Visit) -> list[int]:
    """Raises: UnreadableForm."""
    given = visit.all("number")
    numbers = [int(each) for each in given if each.isascii() and each.isdigit() and len(each) < 16]
    if not numbers:
        raise UnreadableForm("tick the incidents that you mean")
    if len(numbers) > MOST_AT_ONCE:
        raise UnreadableForm(f"tick at most {MOST_AT_ONCE} incidents at once")
    return numbers


def _told(results: list[Result], done: str) -> str:
    changed = [each for each in results if isinstance(each, Changed) and each.changed]
    refused = [each for each in results if isinstance(each, Refused)]
    unchanged = len(results) - len(changed) - len(refused)
    parts = [f"{counted(len(changed), 'incident')} {done}"]
    if unchanged:
        parts.append(f"{unchanged} as before")
    if refused:
        whys = "; ".join(each.refusal.message for each in refused[:_MOST_REFUSALS])
        parts.append(f"{len(refused)} not: {whys}")
    return f"{', '.join(parts)}."


async def _list(visit: Visit, search: _Search, *, refusal: TocsinError | None = None) -> Response:
    before = read_cursor(visit.query.get("after") or None)
    entity, key = search.query["entity"], search.query["routing_key"]
    found = await visit.work.read(
        lambda tx: show_incidents(
            tx,
            status=search.status,
            nobody_left=search.nobody_left,
            entity_id=stored_entity_id(entity) if entity else None,
            routing_key=key or None,
            before=before,
            limit=SHOWN + 1,
        )
    )
    lines, cursor = split_page(found, SHOWN, _number)
    return visit.render(
        "incidents.html",
        status=refusal.status_hint if refusal else 200,
        lines=lines,
        search=search,
        tabs=_TABS,
        older=search.link(after=cursor) if cursor else "",
        is_first=before is None,
        may_act=visit.principal.scope.covers(Scope.RESPOND),
        holds=HOLDS,
        ticked=set(visit.all("number")),
        refusal=refusal,
        told=listed,
    )


def _number(line: IncidentLine) -> int:
    return line.incident.number


ROUTES: Final = (
    Route(PATH, "GET", Access.READ, show_list),
    Route(f"{PATH}/actions", "POST", Access.RESPOND, act_on_many),
)
