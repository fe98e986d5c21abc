"""What receivers' answers do to incidents, in the transaction that records their attempts."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.incident_set import Context, ContextSource, IncidentSet
from tocsin.domain.actor import OF_A_WEBHOOK
from tocsin.domain.answer_action import MOST_HOLDS, AnswerDecision, AskedAction, is_in_force
from tocsin.domain.incident import Action, Incident
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import find_delivery
from tocsin.store.escalations import list_escalations
from tocsin.store.timeline import list_timeline
from tocsin.stored_json import from_json, to_json


def asks(result: AttemptResult) -> bool:
    """Return whether an answer may change an incident."""
    return isinstance(result.answer, AskedAction)


def incidents_asked(results: Iterable[AttemptResult]) -> set[int]:
    """Return the incidents that answers may change: to be locked before anything else is."""
    return {
        result.lease.incident
        for result in results
        if asks(result) and result.lease.incident is not None
    }


def act(
    tx: Tx,
    result: AttemptResult,
    context_source: ContextSource,
    *,
    wait: Callable[[int, int], None],
) -> AnswerDecision:
    """Do what an answer asks for, if its escalation still pages; say what came of it.

    The incident must be locked. `wait` is told of each webhook that has something to send because of
    it, and since when.
    """
    asked, number = result.answer, result.lease.incident
    assert isinstance(asked, AskedAction)
    if number is None:
        return AnswerDecision.NO_INCIDENT
    context = context_source(tx)
    webhook = context.configuration.webhooks.get(result.lease.webhook_id)
    if webhook is None or not webhook.answer_may_act:
        return AnswerDecision.NOT_ALLOWED  # any more
    incidents = IncidentSet(tx, context)
    incidents.load_numbers([number])
    incident = incidents.find(number)
    if incident is None or not _is_called_for(tx, incident, result.lease.delivery_id):
        return AnswerDecision.STALE_ESCALATION
    if asked.action is Action.HOLD and _holds(tx, number)[webhook.id] >= MOST_HOLDS:
        return AnswerDecision.HOLD_LIMIT
    facts = {"webhook_id": webhook.id, "delivery": id_text(DELIVERY, result.lease.delivery_id)}
    _apply(incidents, number, asked, context, actor=f"{OF_A_WEBHOOK}{webhook.slug}", facts=facts)
    for webhook_id, at in incidents.write().items():
        wait(webhook_id, at)
    return AnswerDecision.ACTED


def _is_called_for(tx: Tx, incident: Incident, delivery_id: int) -> bool:
    """Return whether the escalation that made a delivery still pages."""
    delivery = find_delivery(tx, delivery_id)
    if delivery is None or delivery.escalation is None:
        return False
    escalations = list_escalations(tx, [incident.number])[incident.number]
    return is_in_force(incident, escalations[delivery.escalation - 1])


def _holds(tx: Tx, number: int) -> Counter[int | None]:
    """Return how often each webhook has held an incident."""
    held = (entry for entry in list_timeline(tx, number) if entry.kind is Kind.HELD)
    return Counter(entry.detail.get("webhook_id") for entry in held)


def _apply(
    incidents: IncidentSet,
    number: int,
    asked: AskedAction,
    context: Context,
    *,
    actor: str,
    facts: dict[str, Any],
) -> None:
    if asked.message:
        facts = {**facts, "message": asked.message}
    match asked.action:
        case Action.HOLD:
            until = context.now + (asked.hold_for or timedelta())
            incidents.hold(number, until=until, actor=actor, **facts)
        case Action.RESOLVE:
            incidents.resolve(number, actor=actor, **facts)
        case _:
            incidents.acknowledge(number, actor=actor, **facts)


def with_decision(result: AttemptResult, decision: AnswerDecision) -> str:
    """Return an attempt's facts, with what came of its answer."""
    detail: dict[str, Any] = from_json(result.detail) if result.detail else {}
    return to_json({**detail, "answer": decision.value})
