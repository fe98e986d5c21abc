"""Telling that a webhook fails again and again, and that it works again: once each.

Where the webhook asks for it, an alert goes to a routing key, in the transaction that records the attempt.
The page that it leads to may call this very webhook: that it fails, too, is no news, and tells nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tocsin.actions.incident_set import Context
from tocsin.actions.own_alerts import send_own_alert
from tocsin.domain.message_type import MessageType
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.timeline_sentence import failing_text
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_failures import Failures, Told, Turn
from tocsin.store.database import Tx
from tocsin.store.timeline import add_to_timeline

_KINDS = {Turn.FAILING: Kind.WEBHOOK_FAILING, Turn.WORKS_AGAIN: Kind.WEBHOOK_WORKS_AGAIN}


@dataclass(frozen=True, slots=True)
class TurnedWebhook:
    """A webhook that fails from now on, or works again, and what it had failed."""

    webhook_id: int
    turn: Turn
    failures: Failures
    slug: str = ""


def tell_turns(tx: Tx, context: Context, turned: Iterable[TurnedWebhook]) -> list[TurnedWebhook]:
    """Tell of each in order; return those told, with whom their alerts went to.

    One that was deleted meanwhile is no matter any more, nor is that a disabled one fails.
    """
    told: list[TurnedWebhook] = []
    out: dict[int, Told | None] = {}
    for each in turned:
        webhook = context.configuration.webhooks.get(each.webhook_id)
        if webhook is None or (webhook.disabled_at and each.turn is Turn.FAILING):
            continue
        before = replace(each.failures, told=out.get(each.webhook_id, each.failures.told))
        wanted = _alert(tx, context, webhook, replace(each, failures=before))
        out[each.webhook_id] = wanted
        done = replace(each, slug=webhook.slug, failures=replace(before, told=wanted))
        _write_down(tx, context, done)
        told.append(done)
    return told


def _alert(tx: Tx, context: Context, webhook: Webhook, turned: TurnedWebhook) -> Told | None:
    """Send the alert that is asked for, and take back the one that is out; return which is out then."""
    failures, out = turned.failures, turned.failures.told
    key = webhook.when_failing
    wanted = Told(webhook.slug, key) if key is not None and turned.turn is Turn.FAILING else None
    if out is not None and out != wanted:
        message = f"{webhook.slug} works again."
        if turned.turn is Turn.FAILING:
            message = f"{webhook.slug} still fails, but somebody else is told."
        _send(tx, context, out, MessageType.RECOVERY, message)
    if wanted is not None:
        _send(tx, context, wanted, MessageType.CRITICAL, _message(webhook, failures))
    return wanted


def _send(tx: Tx, context: Context, told: Told, type_: MessageType, message: str) -> None:
    send_own_alert(
        tx,
        context,
        type_,
        routing_key=told.routing_key,
        entity_id=told.entity_id,
        title=f"Webhook {told.slug} is failing",
        message=message,
    )


def _message(webhook: Webhook, failures: Failures) -> str:
    text = failing_text(webhook.slug, failures.count, failures.since, failures.latest_text)
    return f"{text} See: tocsin webhooks show {webhook.slug}"


def _write_down(tx: Tx, context: Context, turned: TurnedWebhook) -> None:
    """On the timeline that is about no incident, and so in the feed."""
    detail: dict[str, Any] = {"webhook": turned.slug}
    if turned.turn is Turn.FAILING:
        detail |= {
            "failures": turned.failures.count,
            "since": turned.failures.since.isoformat(),
            "cause": turned.failures.latest_text,
        }
    (id_,) = context.ids.take(1, context.now)
    kind = _KINDS[turned.turn]
    add_to_timeline(tx, [TimelineEntry(NO_INCIDENT, id_, context.now, kind, ENGINE, detail)])
