"""Alerts that Tocsin sends to itself, by the way of all alerts: stored, routed and paged like any other."""

from collections.abc import Mapping
from uuid import UUID

from tocsin.actions.incident_set import Context
from tocsin.actions.ingest import Receipt, ingest
from tocsin.domain.alert import Alert, read_alert
from tocsin.domain.message_type import MessageType
from tocsin.store.database import Tx
from tocsin.stored_json import to_json

MONITORING_TOOL = "Tocsin"


def make_own_alert(
    context: Context,
    message_type: MessageType,
    *,
    routing_key: str,
    entity_id: str,
    title: str,
    message: str,
    annotations: Mapping[str, str] | None = None,
) -> Alert:
    """Return an alert as a sender would have sent it. An empty routing key: the default routing."""
    (id_,) = context.ids.take(1, context.now)
    body = {
        "message_type": message_type.value,
        "entity_id": entity_id,
        "entity_display_name": title,
        "state_message": message,
        "monitoring_tool": MONITORING_TOOL,
        **{f"vo_annotate.s.{name}": text for name, text in (annotations or {}).items()},
    }
    return read_alert(
        to_json(body).encode(),
        routing_key=routing_key,
        organisation="",
        now=context.now,
        alert_uuid=str(UUID(int=id_)),
        entity_uuid=entity_id,
    )


def send_own_alert(tx: Tx, context: Context, alert: Alert) -> Receipt:
    """Take in an alert like any other, in the transaction of what it is about."""
    (receipt,) = ingest(tx, [alert], context)
    return receipt
