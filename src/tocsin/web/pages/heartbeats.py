"""Heartbeats: jobs that are to call, how they are, and the line that lets them call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from tocsin.actions import configured_heartbeats as heartbeats
from tocsin.actions.editor import Editor
from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.heartbeat import (
    DEFAULT_GRACE,
    Condition,
    Heartbeat,
    HeartbeatState,
    state_of,
)
from tocsin.domain.intake import ANY_KEY, settings_for_heartbeat
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.web.parts import part_of
from tocsin.web.route import Access, Route
from tocsin.web.seen import check_seen, seen_first
from tocsin.web.visit import Visit

PATH: Final = "/heartbeats"
_COLOURS: Final = {
    HeartbeatState.ON_TIME: "good",
    HeartbeatState.LATE: "waiting",
    HeartbeatState.NEVER_CALLED: "waiting",
    HeartbeatState.SILENT: "bad",
    HeartbeatState.FAILED: "bad",
    HeartbeatState.PAUSED: "plain",
}
_EXAMPLE: Final = "nightly-backup"
_FIELDS: Final = ("name", "every", "grace", "routing_key")
_NEW: Final[Mapping[str, str]] = {
    **dict.fromkeys(("slug", *_FIELDS), ""),
    "every": "24h",
    "grace": format_duration(DEFAULT_GRACE),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A heartbeat as a page shows it."""

    heartbeat: Heartbeat
    word: str
    colour: str

    @property
    def is_told_of(self) -> bool:
        """Whether there is an incident of it."""
        return self.heartbeat.condition is not Condition.WELL and self.heartbeat.is_watched


async def show_heartbeats(visit: Visit) -> Response:
    """All of them, and a form for one more."""
    return await _all(visit, given=_NEW)


async def add_heartbeat(visit: Visit) -> Response:
    """Wait for a job's calls from now on."""
    given = {"slug": visit.form.get("slug", "").strip(), **_given(visit)}
    try:
        made, _ = await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: heartbeats.create_heartbeat(
                tx,
                given["slug"],
                name=given["name"] or None,
                every=parse_duration(given["every"]),
                grace=parse_duration(given["grace"] or "0s"),
                routing_key=given["routing_key"] or None,
                editor=editor,
            ),
        )
    except TocsinError as refusal:
        return await _all(visit, given=given, refusal=refusal)
    notice = f"{made.name} is waited for from now on. Let its job call: the lines for it are below."
    return visit.redirect(f"{PATH}/{made.slug}", notice=notice)


async def show_heartbeat(visit: Visit) -> Response:
    """How one is, what its job has to run, and a form to change it."""
    return await _one(visit)


async def change_heartbeat(visit: Visit) -> Response:
    """A changed interval or grace lets the interval begin again."""
    slug, given = visit.params["slug"], _given(visit)

    def change(tx: Tx, editor: Editor) -> None:
        lock_configuration(tx)  # from here on nobody else saves
        check_seen(visit.form, _fields_of(heartbeats.get_heartbeat(tx, slug)), given)
        heartbeats.update_heartbeat(
            tx,
            slug,
            name=given["name"],
            every=parse_duration(given["every"]),
            grace=parse_duration(given["grace"] or "0s"),
            routing_key=given["routing_key"],
            editor=editor,
        )

    try:
        _, is_changed = await edit(visit.work, visit.principal, change)
    except TocsinError as refusal:
        return await _one(visit, given=given, refusal=refusal)
    notice = "Saved." if is_changed else "Nothing was changed: it is so already."
    return visit.redirect(f"{PATH}/{slug}", notice=notice)


async def pause_heartbeat(visit: Visit) -> Response:
    """Nobody waits for its calls, and its incident is resolved."""
    return await _set_paused(visit, paused=True, notice="Paused: nobody waits for its calls.")


async def resume_heartbeat(visit: Visit) -> Response:
    """Its interval begins again."""
    return await _set_paused(visit, paused=False, notice="Resumed: its interval begins now.")


async def delete_heartbeat(visit: Visit) -> Response:
    """Its calls get 404 from now on, and its incident is resolved."""
    slug = visit.params["slug"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: heartbeats.delete_heartbeat(tx, slug, editor=editor),
    )
    return visit.redirect(PATH, notice=f"The heartbeat {slug} was removed.")


async def _set_paused(visit: Visit, *, paused: bool, notice: str) -> Response:
    slug = visit.params["slug"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: heartbeats.update_heartbeat(tx, slug, paused=paused, editor=editor),
    )
    return visit.redirect(f"{PATH}/{slug}", notice=notice)


async def _all(
    visit: Visit, *, given: Mapping[str, str], refusal: TocsinError | None = None
) -> Response:
    found, routing_keys = await visit.work.read(
        lambda tx: (heartbeats.list_heartbeats(tx), _routing_keys(visit, tx))
    )
    part = part_of(visit, found, lambda heartbeat: heartbeat.slug)
    return visit.render(
        "heartbeats.html",
        status=refusal.status_hint if refusal else 200,
        lines=[_line(visit, each) for each in part.items],
        more=part.more,
        settings=settings_for_heartbeat(visit.services.public_url, _EXAMPLE),
        given=given,
        refusal=refusal,
        routing_keys=routing_keys,
    )


async def _one(
    visit: Visit, *, given: Mapping[str, str] | None = None, refusal: TocsinError | None = None
) -> Response:
    slug = visit.params["slug"]
    found, routing_keys = await visit.work.read(
        lambda tx: (heartbeats.get_heartbeat(tx, slug), _routing_keys(visit, tx))
    )
    return visit.render(
        "heartbeat.html",
        status=refusal.status_hint if refusal else 200,
        line=_line(visit, found),
        settings=settings_for_heartbeat(visit.services.public_url, slug),
        any_key=ANY_KEY,
        given=given or _fields_of(found),
        seen=seen_first(visit.form, _fields_of(found), refusal),
        refusal=refusal,
        routing_keys=routing_keys,
        duration=format_duration,
    )


def _line(visit: Visit, heartbeat: Heartbeat) -> _Line:
    state = state_of(heartbeat, visit.now)
    return _Line(heartbeat, state.value.replace("_", " "), _COLOURS[state])


def _routing_keys(visit: Visit, tx: Tx) -> Sequence[str]:
    return sorted(filter(None, visit.services.cache.current(tx).routes))


def _fields_of(heartbeat: Heartbeat) -> dict[str, str]:
    return {
        "name": heartbeat.name,
        "every": format_duration(heartbeat.every),
        "grace": format_duration(heartbeat.grace),
        "routing_key": heartbeat.routing_key,
    }


def _given(visit: Visit) -> dict[str, str]:
    return {name: visit.form.get(name, "").strip() for name in _FIELDS}


ROUTES: Final = (
    Route(PATH, "GET", Access.READ, show_heartbeats),
    Route(PATH, "POST", Access.ADMINISTER, add_heartbeat),
    Route(f"{PATH}/{{slug}}", "GET", Access.READ, show_heartbeat),
    Route(f"{PATH}/{{slug}}", "POST", Access.ADMINISTER, change_heartbeat),
    Route(f"{PATH}/{{slug}}/pause", "POST", Access.ADMINISTER, pause_heartbeat),
    Route(f"{PATH}/{{slug}}/resume", "POST", Access.ADMINISTER, resume_heartbeat),
    Route(f"{PATH}/{{slug}}/delete", "POST", Access.ADMINISTER, delete_heartbeat),
)
