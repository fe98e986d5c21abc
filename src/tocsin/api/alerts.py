"""Alerts: those that were taken in, and those that were refused."""

from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field

from tocsin.actions.show_alerts import show_alert, show_alerts, show_refused_alerts
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import STORABLE, USUAL_LIMIT, Cursor, EntityId, Limit, Work
from tocsin.api.field_types import AnswerModel, Instant, Page
from tocsin.domain.alert import MessageType, RepairKind
from tocsin.domain.incident import Effect
from tocsin.ids import ALERT, id_text, parse_id
from tocsin.service.cursors import read_cursor, split_page
from tocsin.store.alert_reads import AcceptedAlert
from tocsin.store.alerts import RefusedAlert

router: Final = management("alerts")


class AlertLineAnswer(AnswerModel):
    """An alert and what it did."""

    id: Annotated[str, Field(examples=["alr_0c8ef309e0007401"])]
    received_at: Instant
    message_type: MessageType
    entity_id: str
    routing_key: Annotated[str | None, Field(description="null: the default routing")]
    effect: Effect
    incident: int | None
    message: str


class RepairAnswer(AnswerModel):
    """How what is kept differs from what was sent; `field` is empty for the body as a whole."""

    kind: RepairKind
    field: str


class AlertAnswer(AlertLineAnswer):
    """An alert with its fields, as a webhook would send them."""

    fields: dict[str, str]
    repairs: list[RepairAnswer]


class RefusedAlertAnswer(AnswerModel):
    """A request that stored no alert. Keys and what looks like a secret are masked.

    Requests that are alike are one item; it counts them.
    """

    received_at: Annotated[Instant, Field(description="Of the latest")]
    first_received_at: Instant
    count: Annotated[int, Field(description="How many there were")]
    code: Annotated[str, Field(examples=["not_json", "revoked_key"])]
    reason: str
    masked_key: str
    revoked_key: Annotated[
        str | None, Field(description="The name of the key that was shown, if it was revoked")
    ]
    routing_key: str
    excerpt: Annotated[
        str, Field(description="How the body began; empty without a key in force: it is not read")
    ]


@router.get("/alerts", summary="List alerts", dependencies=READS)
async def list_alerts(
    work: Work,
    entity_id: EntityId = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[AlertLineAnswer]:
    """Those taken in, newest first."""
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_alerts(tx, entity_id=entity_id, before=before, limit=limit + 1)
    )
    page, next_cursor = split_page(found, limit, lambda alert: alert.id)
    return Page(
        items=[AlertLineAnswer(**render_alert_line(each)) for each in page],
        next_cursor=next_cursor,
    )


@router.get("/alerts/{alert_id}", summary="Show an alert", dependencies=READS)
async def get_alert(
    work: Work, alert_id: Annotated[str, Path(max_length=64, examples=["alr_0c8ef309e0007401"])]
) -> AlertAnswer:
    id_ = parse_id(ALERT, alert_id)
    alert = await work.read(lambda tx: show_alert(tx, id_))
    return AlertAnswer(
        **render_alert_line(alert),
        fields=alert.fields,
        repairs=[RepairAnswer(kind=each.kind, field=each.field) for each in alert.repairs],
    )


@router.get("/refused-alerts", summary="List refused alerts", dependencies=READS)
async def list_refused_alerts(
    work: Work,
    mentioning: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=512,
            pattern=STORABLE,
            description="A text in the excerpt",
        ),
    ] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[RefusedAlertAnswer]:
    """Requests that stored nothing, newest first. The latest 10,000 are kept, and of those without a
    key in force 1,000: with `unknown_key`, `revoked_key` or `malformed_key`, which the sender is
    not told.
    """
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_refused_alerts(tx, mentioning=mentioning, before=before, limit=limit + 1)
    )
    page, next_cursor = split_page(found, limit, lambda alert: alert.id)
    return Page(items=[_refused(each) for each in page], next_cursor=next_cursor)


def render_alert_line(alert: AcceptedAlert) -> dict[str, Any]:
    return {
        "id": id_text(ALERT, alert.id),
        "received_at": alert.received_at,
        "message_type": alert.message_type,
        "entity_id": alert.entity_id,
        "routing_key": alert.routing_key or None,
        "effect": alert.effect,
        "incident": alert.incident,
        "message": alert.fields.get("state_message", ""),
    }


def _refused(alert: RefusedAlert) -> RefusedAlertAnswer:
    refusal = alert.refusal
    return RefusedAlertAnswer(
        received_at=refusal.last_at,
        first_received_at=refusal.first_at,
        count=refusal.count,
        code=refusal.code,
        reason=refusal.reason,
        masked_key=refusal.masked_key,
        revoked_key=refusal.revoked_key,
        routing_key=refusal.routing_key,
        excerpt=refusal.excerpt,
    )
