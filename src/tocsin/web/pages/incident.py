"""One incident: the sentence, what can be done about it, its ladders, and all that is known of it."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import PlainTextResponse, Response

from tocsin.actions.incidents import IncidentNotFound
from tocsin.actions.show_feed import end_of_feed
from tocsin.actions.whole_incident import WholeIncident, show_whole
from tocsin.domain.annotations import read_annotations
from tocsin.domain.configuration import Configuration
from tocsin.domain.feed import Place
from tocsin.domain.incident import Status
from tocsin.domain.principal import Scope
from tocsin.errors import TocsinError
from tocsin.service.cursors import read_cursor, write_cursor
from tocsin.store.database import Tx
from tocsin.web.incident_forms import HOLDS, MOST_LISTED
from tocsin.web.incident_text import incident_text
from tocsin.web.incident_words import WORDS
from tocsin.web.rendering import zone_of
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

PATH: Final = "/incidents/{number:int}"
MOST_ENTRIES: Final = 60
MOST_FIELDS: Final = 100
_LARGEST_NUMBER: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class _Look:
    """What the page shows, of one instant, and the place in the feed that it is of."""

    whole: WholeIncident
    configuration: Configuration
    place: Place


async def show(visit: Visit) -> Response:
    """All of it, the most urgent first."""
    return await show_page(visit)


async def show_page(
    visit: Visit, *, deed: str = "", refusal: TocsinError | None = None
) -> Response:
    """Show it; with a refusal beside the form of the `deed` that was refused, and what was typed there."""
    look = await visit.work.read(lambda tx: _look(tx, visit))
    whole = look.whole
    incident = whole.line.incident
    cursor = write_cursor(whole.history[-1].line.incident.number) if whole.history_goes_on else ""
    return visit.render(
        "incident.html",
        status=refusal.status_hint if refusal else 200,
        whole=whole,
        incident=incident,
        path=f"/incidents/{incident.number}",
        live=f"/timeline/live?incident={incident.number}&after={look.place}",
        may_act=visit.principal.scope.covers(Scope.RESPOND),
        is_open=incident.status is not Status.RESOLVED,
        policies=sorted(each.path for each in look.configuration.policies.values()),
        holds=HOLDS,
        most=MOST_LISTED,
        fields=_fields(whole),
        entries=whole.timeline[::-1][:MOST_ENTRIES],
        most_fields=MOST_FIELDS,
        older=f"?history={cursor}#history" if cursor else "",
        deed=deed,
        refusal=refusal,
        typed=visit.form,
        **WORDS,
    )


def _fields(whole: WholeIncident) -> list[tuple[str, str]]:
    """Return the fields of the alert that raised it last, by name, but for its annotations, which are shown as such."""
    fields = sorted(whole.alert.fields.items(), key=lambda each: each[0].lower())
    return [(name, value) for name, value in fields if not read_annotations({name: value})]


def _look(tx: Tx, visit: Visit) -> _Look:
    configuration = visit.services.cache.current(tx)
    place = end_of_feed(tx)  # first: what comes meanwhile is told again rather than missed
    before = read_cursor(visit.query.get("history") or None)
    number = _number(visit)
    whole = show_whole(tx, configuration, number, now=visit.now, history_before=before)
    return _Look(whole, configuration, place)


def _number(visit: Visit) -> int:
    """Raises: IncidentNotFound, for a number that none can have."""
    number: int = visit.params["number"]
    if not 0 < number <= _LARGEST_NUMBER:
        raise IncidentNotFound(incident=min(number, _LARGEST_NUMBER))
    return number


async def show_text(visit: Visit) -> Response:
    """All of it as plain text, to be copied into a ticket or a chat."""
    look = await visit.work.read(lambda tx: _look(tx, visit))
    return PlainTextResponse(incident_text(look.whole, now=visit.now, zone=zone_of(visit)))


ROUTES: Final = (
    Route(PATH, "GET", Access.READ, show),
    Route(f"{PATH}/text", "GET", Access.READ, show_text),
)
