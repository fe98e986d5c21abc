"""Health: how late pages are, which nodes there are, what is wrong, and the pause."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from tocsin.actions import pause as pausing
from tocsin.actions.certificates import CertificateInUse, certificates_in_use
from tocsin.actions.lateness import Lateness, Period, show_lateness
from tocsin.actions.show_nodes import Node, count_living, show_nodes
from tocsin.actions.show_upcoming import (
    Backlog,
    UpcomingItem,
    count_upcoming,
    show_upcoming,
)
from tocsin.domain.certificate_ending import decide_warning
from tocsin.domain.node import absences
from tocsin.domain.role import Role
from tocsin.service.readiness import Finding, reasons_not_ready, warnings
from tocsin.service.services import Health
from tocsin.store.database import Tx
from tocsin.web.lateness_chart import chart_of
from tocsin.web.rendering import zone_of
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

_FIRST: Final = 10
"""How many of what would go out are shown."""
_MENDED_AT: Final = {
    "no_default_routing": "/routing",
    **dict.fromkeys(("webhooks_gone", "breakers_open", "webhooks_failing"), "/webhooks"),
}
"""Where somebody goes about a warning, by its code."""


@dataclass(frozen=True, slots=True)
class _Seen:
    lateness: Lateness
    nodes: list[Node]
    nobody_does: list[str]
    backlog: Backlog
    upcoming: list[UpcomingItem]
    certificates: list[CertificateInUse]


async def show_health(visit: Visit) -> Response:
    """Show how all of it is."""
    wanted = visit.query.get("period", "")
    period = Period(wanted) if wanted in set(Period) else Period.DAY
    services = visit.services
    health = await visit.work.call(services.health)
    seen = await visit.work.read(lambda tx: _look(tx, visit, period))
    lateness = seen.lateness
    return visit.render(
        "health.html",
        findings=reasons_not_ready(health),
        mended_at=_MENDED_AT,
        warned=_warned(health),
        lateness=lateness,
        charts=[
            (name, words, whole, chart_of(series), series)
            for name, words, whole, series in (
                (
                    "first-bytes",
                    "From the planned instant of a step to the first byte sent",
                    lateness.first_bytes,
                    [(each.begins_at, each.first_bytes) for each in lateness.buckets],
                ),
                (
                    "steps",
                    "From the planned instant of a step to its firing",
                    lateness.steps,
                    [(each.begins_at, each.steps) for each in lateness.buckets],
                ),
            )
        ],
        nodes=seen.nodes,
        roles=list(Role),
        nobody_does=seen.nobody_does,
        backlog=seen.backlog,
        upcoming=seen.upcoming,
        certificates=seen.certificates,
        keep=services.retention,
        zone=zone_of(visit),
        in_flight=health.in_flight,
        queues=health.queue_depths,
        version=services.version,
        database="SQLite" if services.database.is_sqlite else "PostgreSQL",
    )


def _warned(health: Health) -> list[Finding]:
    """Return what needs a look, each thing once: the pause has its own words, and a webhook that fails may be held back."""
    told = {"paused"}
    if set(health.open_breakers) <= set(health.failing_webhooks):
        told.add("breakers_open")
    return [each for each in warnings(health) if each.code not in told]


def _look(tx: Tx, visit: Visit, period: Period) -> _Seen:
    services, now = visit.services, visit.now
    configuration = services.cache.current(tx)
    used = certificates_in_use(tx, configuration.webhooks.values())
    return _Seen(
        lateness=show_lateness(tx, now, period),
        nodes=show_nodes(tx, now, own_run=services.run_id, own_load=services.load()),
        nobody_does=absences(count_living(tx, now)),
        backlog=count_upcoming(tx, now),
        upcoming=show_upcoming(
            tx, configuration, until=now if visit.is_paused else None, limit=_FIRST
        ),
        certificates=[
            each
            for each in sorted(used, key=lambda each: each.expires_at)
            if decide_warning(each.starts_at, each.expires_at, now) is not None
        ],
    )


async def pause(visit: Visit) -> Response:
    """Fire and send nothing."""
    actor = visit.principal.actor
    await visit.work.change(
        lambda tx, context: pausing.pause(tx, context, actor=actor), urgent=True
    )
    return visit.redirect("/health", notice="Paused. Alerts are taken in; nothing is sent.")


async def ask_to_resume(visit: Visit) -> Response:
    """Show what would go out at once."""
    services, now = visit.services, visit.now

    def look(tx: Tx) -> tuple[Backlog, list[UpcomingItem]]:
        configuration = services.cache.current(tx)
        items = show_upcoming(tx, configuration, until=now, limit=_MOST)
        return count_upcoming(tx, now), items

    backlog, items = await visit.work.read(look)
    return visit.render("resume.html", backlog=backlog, items=items)


async def resume(visit: Visit) -> Response:
    """Go on, with what is overdue first."""
    actor = visit.principal.actor
    await visit.work.change(lambda tx, context: pausing.resume(tx, context, actor=actor))
    return visit.redirect("/health", notice="Resumed: what is overdue goes out now.")


_MOST: Final = 50

ROUTES: Final = (
    Route("/health", "GET", Access.READ, show_health),
    Route("/pause", "POST", Access.ADMINISTER, pause),
    Route("/resume", "GET", Access.READ, ask_to_resume),
    Route("/resume", "POST", Access.ADMINISTER, resume),
)
