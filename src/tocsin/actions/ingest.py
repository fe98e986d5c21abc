"""Alerts in, incidents changed, a receipt each."""

from collections.abc import Sequence
from typing import NamedTuple

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.domain.actor import actor_of_alert
from tocsin.domain.alert import Alert
from tocsin.domain.fate import Fate, fate_of
from tocsin.domain.incident import Effect, decide_effect
from tocsin.store.alerts import StoredAlert, insert_alerts
from tocsin.store.database import Tx


class Receipt(NamedTuple):
    """What became of an alert: its id, what it did, and to which incident."""

    alert_id: int
    effect: Effect
    incident: int | None


def ingest(tx: Tx, alerts: Sequence[Alert], context: Context) -> list[Receipt]:
    """Store alerts and let each do its work, in the order given; return a receipt each."""
    incidents = IncidentSet(tx, context)
    incidents.load_entities(alert.entity_id for alert in alerts)
    ids = context.ids.take(len(alerts), context.now)
    receipts, fates = [], []
    for alert, id_ in zip(alerts, ids, strict=True):
        receipt = _take_in(incidents, alert, id_, context)
        receipts.append(receipt)
        if alert.key_id is not None:
            fates.append((alert.key_id, _fate(incidents, alert, receipt)))
    insert_alerts(
        tx,
        [
            StoredAlert(receipt.alert_id, alert, receipt.effect, receipt.incident)
            for alert, receipt in zip(alerts, receipts, strict=True)
        ],
    )
    incidents.save()  # what tells of a change may tell with one of these alerts
    tx.news.fates += fates
    return receipts


def _take_in(incidents: IncidentSet, alert: Alert, alert_id: int, context: Context) -> Receipt:
    key = alert.routing_key.value if alert.routing_key else ""
    route = context.configuration.route(key)
    incident = incidents.unresolved(alert.entity_id)
    effect = decide_effect(incident, alert.message_type, opening_types=route.opening_types)
    actor = actor_of_alert(alert.fields.get("monitoring_tool", ""))
    if effect is Effect.OPENED:
        number = incidents.open(alert, alert_id, actor=actor, policies=route.policies)
        return Receipt(alert_id, effect, number)
    if incident is None:
        return Receipt(alert_id, effect, None)
    _apply(incidents, incident.number, alert, alert_id, effect=effect, actor=actor, key=key)
    return Receipt(alert_id, effect, incident.number)


def _fate(incidents: IncidentSet, alert: Alert, receipt: Receipt) -> Fate:
    return fate_of(
        receipt.effect,
        is_unknown_type=alert.is_unknown_type,
        has_no_policy=receipt.incident is not None
        and incidents.started_no_policy(receipt.incident),
    )


def _apply(
    incidents: IncidentSet,
    number: int,
    alert: Alert,
    alert_id: int,
    *,
    effect: Effect,
    actor: str,
    key: str,
) -> None:
    match effect:
        case Effect.ROLLED_UP:
            incidents.roll_up(
                number, alert, alert_id, actor=actor, note=_note(incidents, number, key)
            )
        case Effect.REOPENED:
            incidents.roll_up(number, alert, alert_id, actor=actor, note="")
            incidents.reopen(number, actor=actor, raising_alert_id=alert_id, alert=alert_id)
        case Effect.ACKNOWLEDGED:
            author = alert.fields.get("ack_author")
            by = actor_of_alert(author) if author else actor
            facts = {"message": alert.fields["ack_msg"]} if alert.fields.get("ack_msg") else {}
            incidents.acknowledge(number, actor=by, alert=alert_id, **facts)
        case Effect.RESOLVED:
            incidents.resolve(number, actor=actor, alert=alert_id)
        case _:
            incidents.record(number, alert_id, actor=actor)


def _note(incidents: IncidentSet, number: int, key: str) -> str:
    """Say so when an alert under another routing key joins: it starts no escalation."""
    incident = incidents.find(number)
    if incident is None or incident.routing_key == key:
        return ""
    return f"came under routing key {key or '(none)'}: started no escalation of its own"
