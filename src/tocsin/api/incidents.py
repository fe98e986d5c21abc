"""Incidents: looked at, and opened by hand."""

import uuid
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import create_incident
from tocsin.actions.show_alerts import show_alerts_of_incident
from tocsin.actions.show_deliveries import show_deliveries
from tocsin.actions.show_incidents import (
    ShownIncident,
    get_incident,
    show_incident,
    show_incidents,
)
from tocsin.actions.show_timeline import Told, show_timeline
from tocsin.actions.whole_incident import show_headline
from tocsin.api.access import READS, Responder
from tocsin.api.alerts import AlertLineAnswer, render_alert_line
from tocsin.api.declaring import management
from tocsin.api.delivery_answers import DeliveryAnswer, render_delivery_line
from tocsin.api.dependencies import STORABLE, USUAL_LIMIT, Cursor, EntityId, Limit, Once, Work
from tocsin.api.field_types import IncidentNumber, Line, Page, RequestModel, Text
from tocsin.api.incident_answers import (
    ChangedIncident,
    IncidentAnswer,
    ShownIncidentAnswer,
    TimelineAnswer,
    render_changed,
    render_incident,
    render_line,
    render_told,
)
from tocsin.domain.headline import Headline
from tocsin.domain.incident import Status
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.service.cursors import read_cursor, read_position, split_page, write_cursor
from tocsin.store.database import Tx

router: Final = management("incidents", prefix="/incidents")
Paths = Annotated[
    list[Annotated[str, Field(max_length=129)]],
    Field(max_length=100, description="As team/policy", examples=[["ops/primary"]]),
]
RoutingKeyName = Annotated[str, Field(min_length=1, max_length=LONGEST_ROUTING_KEY)]


class NewIncident(RequestModel):
    """An incident to open by hand. Name `policies`, or one `routing_key` whose policies to start."""

    summary: Annotated[Line, Field(examples=["The cellar is under water"])]
    details: Text = ""
    policies: Paths = Field(default_factory=list)
    routing_key: RoutingKeyName | None = None


@router.get("", summary="List incidents", dependencies=READS)
async def list_incidents(
    *,
    work: Work,
    status: Status | None = None,
    entity_id: EntityId = None,
    routing_key: Annotated[
        str | None, Query(max_length=LONGEST_ROUTING_KEY, pattern=STORABLE)
    ] = None,
    nobody_left: Annotated[
        bool | None, Query(description="Only those with nobody left to page, or only the others")
    ] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[IncidentAnswer]:
    """Newest first."""
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_incidents(
            tx,
            status=status,
            entity_id=entity_id,
            routing_key=routing_key,
            nobody_left=nobody_left,
            before=before,
            limit=limit + 1,
        )
    )
    page, next_cursor = split_page(found, limit, lambda line: line.incident.number)
    return Page(
        items=[IncidentAnswer(**render_line(line)) for line in page], next_cursor=next_cursor
    )


@router.post(
    "",
    summary="Open an incident by hand",
    status_code=201,
    responses={201: {"model": ChangedIncident}},
)
async def open_incident(principal: Responder, work: Work, once: Once, new: NewIncident) -> Response:
    """Its entity is new, and its alert says who opened it."""
    services = work.services
    opened = 0

    def create(tx: Tx, context: Context) -> ChangedIncident:
        nonlocal opened
        alert_uuid, entity_uuid = (
            str(uuid.UUID(bytes=services.random_bytes(16), version=4)) for _ in range(2)
        )
        incident = create_incident(
            tx,
            context,
            summary=new.summary,
            details=new.details,
            created_by=principal.name,
            actor=principal.actor,
            alert_uuid=alert_uuid,
            entity_uuid=entity_uuid,
            organisation=services.organisation,
            policies=new.policies,
            routing_key=new.routing_key,
        )
        opened = 1
        return render_changed(tx, incident, changed=True)

    answer = await once.run(create, urgent=True)
    if opened:
        services.metrics.incident_opened()
    return answer


@router.get("/{number}", summary="Show an incident", dependencies=READS)
async def get(work: Work, number: IncidentNumber) -> ShownIncidentAnswer:
    """With its escalations, and what each does next."""
    cache, now = work.services.cache, work.services.clock.now()

    def read(tx: Tx) -> tuple[ShownIncident, Headline]:
        return show_incident(tx, number), show_headline(tx, cache.current(tx), number, now=now)

    return render_incident(*await work.read(read))


@router.get("/{number}/timeline", summary="Show an incident's timeline", dependencies=READS)
async def list_timeline(
    work: Work, number: IncidentNumber, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[TimelineAnswer]:
    """What happened, in order: oldest first, unlike other lists."""

    after = None
    if cursor is not None:
        at, rank, id_ = read_position(cursor, parts=3)
        after = (at, rank, id_)

    def read(tx: Tx) -> list[Told]:
        get_incident(tx, number)
        return show_timeline(tx, number, after=after, limit=limit + 1)

    found = await work.read(read)
    page = found[:limit]
    more = len(found) > limit
    return Page(
        items=[render_told(each) for each in page],
        next_cursor=write_cursor(*page[-1].position) if more else None,
    )


@router.get("/{number}/alerts", summary="List an incident's alerts", dependencies=READS)
async def list_alerts(
    work: Work, number: IncidentNumber, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[AlertLineAnswer]:
    """Newest first."""
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_alerts_of_incident(tx, number, before=before, limit=limit + 1)
    )
    page, next_cursor = split_page(found, limit, lambda alert: alert.id)
    return Page(
        items=[AlertLineAnswer(**render_alert_line(each)) for each in page],
        next_cursor=next_cursor,
    )


@router.get("/{number}/deliveries", summary="List an incident's deliveries", dependencies=READS)
async def list_deliveries(
    work: Work, number: IncidentNumber, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[DeliveryAnswer]:
    """Newest first."""
    before = read_cursor(cursor)

    found = await work.read(
        lambda tx: show_deliveries(
            tx, incident=get_incident(tx, number).number, before=before, limit=limit + 1
        )
    )
    page, next_cursor = split_page(found, limit, lambda line: line.delivery.id)
    return Page(
        items=[DeliveryAnswer(**render_delivery_line(each)) for each in page],
        next_cursor=next_cursor,
    )
