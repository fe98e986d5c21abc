"""The timeline: what happened to any incident and to none, the newest first, and live."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.responses import Response

from tocsin.actions.sessions import find_session
from tocsin.actions.show_feed import FeedPage, show_feed
from tocsin.domain.feed import Group, Place, Wanted, parse_place
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.web.addresses import address_with
from tocsin.web.entries import chip_of
from tocsin.web.live import EventStream
from tocsin.web.rendering import zone_of
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

LIVE: Final = "/timeline/live"
SHOWN: Final = 50
LONGEST_WORD: Final = 200
_GROUPS: Final = (
    ("", "Everything"),
    (Group.PAGES.value, "Pages"),
    (Group.FAILURES.value, "Failures"),
    (Group.PEOPLE.value, "People"),
    (Group.ALERTS.value, "Alerts"),
    (Group.SYSTEM.value, "System"),
)
_KINDS: Final = {
    Group.PAGES.value: "Here is each step that fires, and what every receiver answers.",
    Group.FAILURES.value: "Here is what went wrong: attempts that fail, steps that reach nobody, webhooks that are disabled.",
    Group.PEOPLE.value: "Here is what people do: acknowledge, hold, resolve, reroute, note.",
    Group.ALERTS.value: "Here is what alerts do: open an incident, roll up, or change nothing.",
    Group.SYSTEM.value: "Here is what the server does: nodes that start and stop, and the watch of its peer.",
}
"""Said where there is none of a kind."""


class NotForReading(TocsinError):
    """What a script follows was opened as a page."""

    code: ClassVar[str] = "not_for_reading"
    status_hint: ClassVar[int] = 406

    def __init__(self) -> None:
        super().__init__(
            "This address is for following the timeline as it grows, with an EventSource, or with the "
            "header Accept: text/event-stream. The timeline itself is under Timeline"
        )


class NoSuchFilter(TocsinError):
    """What was asked for is nothing that the timeline could be searched for."""

    code: ClassVar[str] = "no_such_filter"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class _Search:
    """What the query asks for, and how a link asks for the same."""

    wanted: Wanted
    query: Mapping[str, str]

    def link(self, path: str = "/", **more: str) -> str:
        """Return a link with the same search; what is empty is left out."""
        return address_with(path, self.query, **more)


async def timeline(visit: Visit) -> Response:
    """Show it from the newest entry on, from before one, or from one on that somebody linked to."""
    search = _read_search(visit)
    before, at = _place(visit, "before"), _place(visit, "at")
    start = at.behind if at else before
    page = await visit.work.read(lambda tx: show_feed(tx, search.wanted, before=start, limit=SHOWN))
    return visit.render(
        "timeline.html",
        search=search,
        groups=_GROUPS,
        kinds=_KINDS,
        entries=[(each, *chip_of(each)) for each in page.entries],
        page=page,
        older=search.link(before=str(page.older)) if page.older else "",
        live=None if start else search.link(LIVE, after=str(page.newest)),
        at=at,
        is_new=_is_new(page, search),
    )


def _is_new(page: FeedPage, search: _Search) -> bool:
    """Whether nothing has happened to an incident yet: a server says that it started, and no more."""
    is_whole = page.older is None and page.back_to is None
    return is_whole and search.wanted.is_all and not any(each.incident for each in page.entries)


async def live(visit: Visit) -> Response:
    """Follow it from behind an entry: the one that the browser saw last, or the page had first."""
    if "text/event-stream" not in visit.request.headers.get("accept", ""):
        raise NotForReading
    search = _read_search(visit)
    seen = visit.request.headers.get("last-event-id") or visit.query.get("after", "")
    token = visit.token
    assert token is not None

    async def is_allowed() -> bool:
        def look(tx: Tx) -> bool:
            return find_session(tx, token, now=visit.services.clock.now()) is not None

        return await visit.work.read(look)

    after = parse_place(seen) if seen else None
    onlooker = await visit.live.join(
        search.wanted, zone_of(visit), whose=visit.user.id, after=after
    )
    return EventStream(visit.live, onlooker, visit.services.clock, is_allowed=is_allowed)


def _read_search(visit: Visit) -> _Search:
    """Raises: NoSuchFilter."""
    names = ("group", "incident", "routing_key", "entity")
    query = {name: visit.query.get(name, "").strip()[:LONGEST_WORD] for name in names}
    if query["group"] and query["group"] not in set(Group):
        raise NoSuchFilter(f"There is no group of that name: choose one of {', '.join(Group)}")
    number = query["incident"].removeprefix("#")
    if number and not (number.isascii() and number.isdigit() and len(number) < 16):
        raise NoSuchFilter("An incident is named by its number, such as 7")
    wanted = Wanted(
        group=Group(query["group"]) if query["group"] else None,
        incident=int(number) if number else None,
        routing_key=query["routing_key"].lower() or None,
        entity=query["entity"] or None,
    )
    return _Search(wanted, {**query, "incident": number})


def _place(visit: Visit, name: str) -> Place | None:
    text = visit.query.get(name, "")
    return parse_place(text) if text else None


ROUTES: Final = (
    Route("/", "GET", Access.READ, timeline),
    Route(LIVE, "GET", Access.READ, live),
)
