"""Deliveries: each attempt, its outcome, and the request as it was sent."""

from typing import Annotated, Final

from fastapi import Path, Query

from tocsin.actions.show_deliveries import (
    ShownDelivery,
    show_deliveries,
    show_delivery,
    show_request_of,
)
from tocsin.actions.show_request import ShownRequest
from tocsin.api.access import ADMINISTERS, READS, Reader
from tocsin.api.declaring import management
from tocsin.api.delivery_answers import (
    AttemptRequestAnswer,
    DeliveryAnswer,
    ShownDeliveryAnswer,
    render_delivery,
    render_delivery_line,
    render_request,
)
from tocsin.api.dependencies import USUAL_LIMIT, Cursor, Limit, Work
from tocsin.api.field_types import GivenInstant, IncidentNumber, Page
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.principal import Scope
from tocsin.ids import DELIVERY, parse_id
from tocsin.service.cursors import read_cursor, split_page
from tocsin.store.database import Tx

router: Final = management("deliveries", prefix="/deliveries")
DeliveryId = Annotated[str, Path(max_length=64, examples=["dlv_0c8ef309e0007401"])]


@router.get("", summary="List deliveries", dependencies=READS)
async def list_deliveries(
    *,
    work: Work,
    webhook: Annotated[str | None, Query(max_length=64, description="A webhook's slug")] = None,
    state: DeliveryState | None = None,
    incident: Annotated[IncidentNumber | None, Query()] = None,
    test: Annotated[bool | None, Query(description="Only tests, or everything but tests")] = None,
    since: Annotated[
        GivenInstant | None, Query(description="Made at this instant or later")
    ] = None,
    until: Annotated[GivenInstant | None, Query(description="Made before this instant")] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[DeliveryAnswer]:
    """Newest first."""
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_deliveries(
            tx,
            webhook=webhook,
            state=state,
            incident=incident,
            is_test=test,
            since=since,
            until=until,
            before=before,
            limit=limit + 1,
        )
    )
    page, next_cursor = split_page(found, limit, lambda line: line.delivery.id)
    return Page(
        items=[DeliveryAnswer(**render_delivery_line(each)) for each in page],
        next_cursor=next_cursor,
    )


@router.get("/{delivery_id}", summary="Show a delivery")
async def get_delivery(
    principal: Reader, work: Work, delivery_id: DeliveryId
) -> ShownDeliveryAnswer:
    id_ = parse_id(DELIVERY, delivery_id)
    services = work.services
    with_url = principal.scope.covers(Scope.ADMINISTER)

    def read(tx: Tx) -> ShownDelivery:
        configuration = services.cache.current(tx)
        return show_delivery(tx, configuration, id_, vault=services.vault, with_url=with_url)

    return render_delivery(await work.read(read), with_url=with_url)


@router.get(
    "/{delivery_id}/attempts/{number}/request",
    summary="Show the request of an attempt",
    dependencies=ADMINISTERS,
)
async def get_request(
    work: Work, delivery_id: DeliveryId, number: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> AttemptRequestAnswer:
    """Every byte that was sent but the signatures, whatever became of the webhook's URL since."""
    id_ = parse_id(DELIVERY, delivery_id)
    services = work.services

    def read(tx: Tx) -> ShownRequest:
        configuration = services.cache.current(tx)
        return show_request_of(tx, configuration, id_, number, vault=services.vault)

    return render_request(await work.read(read))
