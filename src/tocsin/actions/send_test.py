"""A test of a webhook: a real delivery, signed and recorded like any other, that no incident asked for."""

from typing import ClassVar

from tocsin.actions.incident_set import Context
from tocsin.actions.pause import is_paused
from tocsin.actions.webhook_failures import probe_at_once
from tocsin.domain.payload import make_body
from tocsin.domain.webhook import Webhook
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.deliveries import NewDelivery, insert_bodies, insert_deliveries
from tocsin.store.lanes import lock_lanes, wake_lanes
from tocsin.store.schema import to_micros

_NO_INCIDENT_NUMBER = 0
_NO_RUN = 0


class NothingIsSent(TocsinError):
    """Tocsin is paused: a test would be sent when nobody waits for it any more."""

    code: ClassVar[str] = "nothing_is_sent"
    status_hint: ClassVar[int] = 409

    def __init__(self) -> None:
        super().__init__(
            "Tocsin is paused, so nothing is sent, and no test either: look at what "
            "would go out, and resume"
        )


def send_test(tx: Tx, context: Context, webhook: Webhook, *, actor: str, organisation: str) -> int:
    """Make a delivery that tells the webhook of a test; return its id.

    A receiver knows it by `incident` 0 and `message_type` INFO. It is sent once: whoever asked for it
    waits for the outcome, and would be gone by a second attempt. A disabled webhook is called, too: a
    test is how one finds out whether it may be enabled again. Raises: NothingIsSent.
    """
    if is_paused(tx):
        raise NothingIsSent
    seconds = str(int(context.now.timestamp()))
    body = make_body(
        webhook.profile,
        incident=_NO_INCIDENT_NUMBER,
        alert={
            "message_type": "INFO",
            "entity_id": f"tocsin/test/{webhook.slug}",
            "entity_display_name": f"Test of the webhook {webhook.name}",
            "entity_state": "INFO",
            "alert_type": "INFO",
            "state_message": f"This is a test, asked for by {actor}. Nothing is wrong.",
            "monitoring_tool": "tocsin",
            "timestamp": seconds,
            "VO_ORGANIZATION_ID": organisation,
        },
        with_headers=webhook.with_sender_headers,
        empty_texts=not webhook.with_summary,
    )
    body_id, delivery_id = context.ids.take(2, context.now)
    now = to_micros(context.now)
    insert_bodies(tx, [(body_id, body.form)])
    new = NewDelivery(
        id=delivery_id,
        incident=None,
        escalation=None,
        step=None,
        webhook_id=webhook.id,
        body_id=body_id,
        planned_at=now,
    )
    insert_deliveries(tx, waiting=[new], now=now, run_id=_NO_RUN)
    lock_lanes(tx, [webhook.id])
    wake_lanes(tx, {webhook.id: now})
    probe_at_once(tx, {webhook.id}, now=context.now)  # somebody waits for it
    return delivery_id
