"""Telling that a webhook fails again and again, and that it works again: once each.

Where the webhook asks for it, an alert goes to a routing key, in the transaction that records the attempt.
The page that it leads to may call this very webhook: that it fails, too, is no news, and tells nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tocsin.actions.incident_set import Context
from tocsin.actions.own_alerts import make_own_alert, send_own_alert
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
        is_failing = each.turn is Turn.FAILING
        if webhook is None or (webhook.disabled_at and is_failing):
            continue
        failures = replace(each.failures, told=out.get(webhook.id, each.failures.told))
        wanted = _wanted(webhook) if is_failing else None
        if failures.told != wanted:
            _take_back(tx, context, failures.told, is_failing=is_failing)
        if wanted is not None:
            _tell(tx, context, wanted, failures)
        out[webhook.id] = wanted
        done = replace(each, slug=webhook.slug, failures=replace(failures, told=wanted))
        _write_down(tx, context, done)
        told.append(done)
    return told


def tell_anew(tx: Tx, context: Context, failing: Mapping[int, Failures]) -> dict[int, Told | None]:
    """Tell of webhooks that were failing already whoever is to be told by now, if that has changed.

    Returns what is told now of those of which it is another than before.
    """
    told = {}
    for id_, failures in failing.items():
        webhook = context.configuration.webhooks.get(id_)
        if webhook is None or webhook.disabled_at or failures.told == _wanted(webhook):
            continue
        _take_back(tx, context, failures.told, is_failing=True)
        told[id_] = wanted = _wanted(webhook)
        if wanted is not None:
            _tell(tx, context, wanted, failures)
    return told


def _wanted(webhook: Webhook) -> Told | None:
    return None if webhook.when_failing is None else Told(webhook.slug, webhook.when_failing)


def _tell(tx: Tx, context: Context, told: Told, failures: Failures) -> None:
    text = failing_text(told.slug, failures.count, failures.since, failures.latest_text)
    _send(tx, context, told, MessageType.CRITICAL, text)


def _take_back(tx: Tx, context: Context, told: Told | None, *, is_failing: bool) -> None:
    """Resolve the incident of what was told, if anything was."""
    if told is None:
        return
    message = f"{told.slug} works again."
    if is_failing:
        message = f"{told.slug} still fails, but by now its name or whom to tell is another."
    _send(tx, context, told, MessageType.RECOVERY, message)


def _send(tx: Tx, context: Context, told: Told, type_: MessageType, message: str) -> None:
    alert = make_own_alert(
        context,
        type_,
        routing_key=told.routing_key,
        entity_id=told.entity_id,
        title=f"Webhook {told.slug} is failing",
        message=message,
    )
    send_own_alert(tx, context, alert)


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
