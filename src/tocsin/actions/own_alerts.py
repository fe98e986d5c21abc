"""Alerts that Tocsin sends to itself, by the way of all alerts: stored, routed and paged like any other."""

from uuid import UUID

from tocsin.actions.incident_set import Context
from tocsin.actions.ingest import Receipt, ingest
from tocsin.domain.alert import read_alert
from tocsin.domain.message_type import MessageType
from tocsin.store.database import Tx
from tocsin.stored_json import to_json

MONITORING_TOOL = "Tocsin"


def send_own_alert(
    tx: Tx,
    context: Context,
    message_type: MessageType,
    *,
    routing_key: str,
    entity_id: str,
    title: str,
    message: str,
) -> Receipt:
    """Take in an alert under a routing key, in the transaction of what it is about."""
    (id_,) = context.ids.take(1, context.now)
    body = {
        "message_type": message_type.value,
        "entity_id": entity_id,
        "entity_display_name": title,
        "state_message": message,
        "monitoring_tool": MONITORING_TOOL,
    }
    alert = read_alert(
        to_json(body).encode(),
        routing_key=routing_key,
        organisation="",
        now=context.now,
        alert_uuid=str(UUID(int=id_)),
        entity_uuid=entity_id,
    )
    (receipt,) = ingest(tx, [alert], context)
    return receipt
