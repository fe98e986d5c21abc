"""One incident from its first alert to what comes next, in sentences."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tocsin.actions.named_steps import Names
from tocsin.actions.show_deliveries import DeliveryLine, describe_deliveries
from tocsin.actions.show_incidents import next_step_of
from tocsin.actions.show_timeline import Told, show_timeline
from tocsin.domain.answer import Sentence, Topic, next_sentence
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.breaker import held_at_most
from tocsin.domain.configuration import Configuration
from tocsin.domain.delivery import DEADLINE, DeliveryState
from tocsin.domain.effect_sentence import effect_text, type_text
from tocsin.domain.escalation import Escalation
from tocsin.domain.incident import Incident, Status
from tocsin.domain.policy import Step
from tocsin.domain.timeline import Kind
from tocsin.domain.timeline_sentence import attempt_text
from tocsin.domain.why import Disabled, DueStep, Held, Situation, Unfinished, decide_next
from tocsin.domain.wording import counted, instant_text, listed
from tocsin.ids import ALERT, DELIVERY, id_text
from tocsin.store.alert_reads import AcceptedAlert, find_alerts
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Delivery, list_deliveries_of_incident
from tocsin.store.webhook_failures import list_open_breakers

MOST_HAPPENINGS: Final = 12
"""Steps and changes that fit on one screen; the timeline has them all."""
_STARTING: Final = frozenset({Kind.OPENED, Kind.REOPENED, Kind.HOLD_ENDED, Kind.REROUTED})
_STEPS: Final = frozenset(
    {
        *(Kind.PAGED, Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY, Kind.NOT_STARTED),
        *(Kind.FOLLOWED_UP, Kind.POISONED),
    }
)
# Told elsewhere in the answer.
_LEFT_OUT: Final = frozenset({Kind.OPENED, Kind.ROLLED_UP, Kind.RECORDED, Kind.ATTEMPTED})
_MANUAL: Final = "28"


def tell_incident(
    tx: Tx, configuration: Configuration, incident: Incident, *, now: datetime, is_paused: bool
) -> list[Sentence]:
    """Return what happened to an incident, and what happens next or why nothing does."""
    told = show_timeline(tx, incident.number)
    names = Names(tx, incidents=[incident.number])
    breakers = Breakers(tx, configuration)
    deliveries = describe_deliveries(tx, list_deliveries_of_incident(tx, incident.number), names)
    alerts = find_alerts(tx, {incident.first_alert_id, incident.latest_alert_id})
    situation = situation_of(incident, told, deliveries, names, breakers)
    return [
        *(tell_alert(alert, configuration) for _, alert in sorted(alerts.items())),
        _routing(incident, told, alerts[incident.first_alert_id]),
        *_happenings(told, deliveries),
        *map(next_sentence, decide_next(situation, now=now, is_paused=is_paused)),
    ]


def tell_alert(alert: AcceptedAlert, configuration: Configuration) -> Sentence:
    """Return what an alert was read as, and what it did."""
    route = configuration.route(alert.routing_key)
    effect = effect_text(
        alert.effect,
        alert.message_type,
        incident=alert.incident,
        routing_key=alert.routing_key,
        opening_types=route.opening_types,
    )
    type_ = type_text(alert.message_type, alert.repairs)
    sender = alert.fields.get("monitoring_tool") or "a sender"
    text = f"{type_} from {sender}: {effect} ({id_text(ALERT, alert.id)})."
    return Sentence(Topic.RECEIVED, text, alert.received_at, alert.effect.value)


def _routing(incident: Incident, told: Sequence[Told], first_alert: AcceptedAlert) -> Sentence:
    """Return what led to which policies, as it was when the incident opened."""
    opened: Mapping[str, Any] = next(
        (each.detail for each in told if each.kind is Kind.OPENED), {"policies": ()}
    )
    to = listed(opened["policies"], nothing="no policy")
    if first_alert.fields.get("VO_MONITOR_TYPE") == _MANUAL:
        text = f"Created by hand for {to}."
    elif not incident.routing_key:
        text = f"It came without a routing key, so by the default routing: to {to}."
    elif "routing_key_unknown" in opened:
        key = repr(incident.routing_key)
        text = f"Routing key {key} was not configured, so the default routing applied: to {to}."
    else:
        text = f"Routing key {incident.routing_key!r} led to {to}."
    rolled_up = incident.alert_count - 1
    if rolled_up:
        text += f" {counted(rolled_up, 'alert')} rolled up and started no policy."
    return Sentence(Topic.ROUTED, text, incident.opened_at)


def _happenings(told: Sequence[Told], deliveries: Sequence[DeliveryLine]) -> Iterator[Sentence]:
    by_id = {id_text(DELIVERY, line.delivery.id): line for line in deliveries}
    happenings = [each for each in told if each.kind not in _LEFT_OUT]
    earlier = len(happenings) - MOST_HAPPENINGS
    if earlier > 0:
        yield Sentence(Topic.CHANGED, f"({earlier} earlier entries are on the timeline.)")
    for each in happenings[-MOST_HAPPENINGS:]:
        topic = Topic.STEP if each.kind in _STEPS else Topic.CHANGED
        yield Sentence(topic, _with_plan(each), each.at, each.kind.value)
        for sent in each.detail.get("deliveries", ()):
            yield tell_delivery(by_id[sent["delivery"]])
        if "new_delivery" in each.detail:
            yield tell_delivery(by_id[each.detail["new_delivery"]])


def _with_plan(told: Told) -> str:
    if told.kind is not Kind.PAGED or not told.lateness or told.planned_at is None:
        return told.text
    if told.lateness < timedelta(milliseconds=1):
        return told.text
    return f"{told.text.removesuffix('.')} (planned for {instant_text(told.planned_at)})."


def tell_delivery(line: DeliveryLine) -> Sentence:
    """Return how a delivery stands: its last outcome, and what ended it."""
    delivery, attempts = line.delivery, line.attempts
    ended = f" ({delivery.end_reason})" if delivery.end_reason not in (None, delivery.state) else ""
    text = f"{line.webhook}: {delivery.state}{ended}"
    if attempts:
        last = attempts[-1]
        outcome = attempt_text(last.outcome, last.status_code, found=last.tls_reason)
        text += f"; attempt {last.number} {outcome}"
        if decision := (last.detail or {}).get("answer"):
            text += f"; {AnswerDecision(decision).sentence}"
    text += f" ({id_text(DELIVERY, delivery.id)})."
    at = attempts[-1].started_at if attempts else delivery.created_at
    return Sentence(Topic.DELIVERY, text, at, delivery.state.value)


def situation_of(
    incident: Incident,
    told: Sequence[Told],
    deliveries: Sequence[DeliveryLine],
    names: Names,
    breakers: "Breakers",
) -> Situation:
    """Return where an incident is, with everything that could still happen to it."""
    configuration = breakers.configuration
    in_force = [
        each
        for each in names.escalations.get(incident.number, [])
        if each.counts_in(incident.round)
    ]
    not_started = _not_started(told)
    return Situation(
        status=incident.status,
        changed_by=_changed_by(incident, told),
        held_until=incident.held_until,
        routing_key=incident.routing_key,
        has_started=bool(in_force),
        not_started=not_started,
        due_steps=[
            step
            for each in in_force
            if (step := _due_step(each, names, configuration, deliveries)) is not None
        ],
        unfinished=[
            unfinished_of(line, breakers) for line in deliveries if not line.delivery.state.is_ended
        ],
        disabled=_disabled(in_force, names, {path for path, _ in not_started}, configuration),
    )


def _changed_by(incident: Incident, told: Sequence[Told]) -> str:
    if incident.status is Status.ACKNOWLEDGED:
        return incident.acknowledged_by or ""
    return next((each.actor for each in reversed(told) if each.kind is Kind.RESOLVED), "")


def _not_started(told: Sequence[Told]) -> list[tuple[str, str]]:
    """Return the policies that could not start when the incident was last given some."""
    since = max((at for at, each in enumerate(told) if each.kind in _STARTING), default=0)
    details: list[Mapping[str, Any]] = [
        each.detail for each in told[since:] if each.kind is Kind.NOT_STARTED
    ]
    return [(detail["policy"], detail["reason"]) for detail in details]


def _due_step(
    escalation: Escalation,
    names: Names,
    configuration: Configuration,
    deliveries: Sequence[DeliveryLine],
) -> DueStep | None:
    step = next_step_of(escalation, names)
    if step is None:
        return None
    callable_ = {
        webhook.slug for webhook in configuration.webhooks.values() if webhook.disabled_at is None
    }
    return DueStep(
        name=f"{step.step.policy}, {step.step.place}",
        due_at=step.due_at,
        sooner_at=None if _has_reached(escalation, deliveries) else step.sooner_at,
        webhooks=[slug for slug in step.webhooks if slug in callable_],
    )


def _has_reached(escalation: Escalation, deliveries: Sequence[DeliveryLine]) -> bool:
    """Return whether somebody took a delivery of the step that fired last."""
    last = (escalation.number, escalation.next_step - 1)
    return any(
        (line.delivery.escalation, line.delivery.step) == last
        and line.delivery.state is DeliveryState.DELIVERED
        for line in deliveries
    )


def _disabled(
    in_force: Sequence[Escalation],
    names: Names,
    not_started: Collection[str],
    configuration: Configuration,
) -> list[Disabled]:
    """Return the disabled webhooks of steps to come, and of policies that could not start."""
    steps = [
        *(step for each in in_force if each.due_at for step in _to_come(each, names)),
        *(
            step
            for policy in configuration.policies.values()
            if policy.path in not_started
            for step in policy.current.steps
        ),
    ]
    ids = dict.fromkeys(target.webhook_id for step in steps for target in step.targets)
    found = (configuration.webhooks[id_] for id_ in ids if id_ in configuration.webhooks)
    return [
        Disabled(webhook.slug, webhook.disabled_at, webhook.disabled_reason)
        for webhook in found
        if webhook.disabled_at is not None and webhook.disabled_reason is not None
    ]


def _to_come(escalation: Escalation, names: Names) -> Iterator[Step]:
    version = names.version(escalation.policy_version_id)
    return map(version.step_at, range(escalation.next_step, version.length))


class Breakers:
    """Those that are open, and what they mean for a delivery."""

    def __init__(self, tx: Tx, configuration: Configuration) -> None:
        self.configuration = configuration
        self._failures = list_open_breakers(tx)

    def held(self, delivery: Delivery) -> Held | None:
        """Return what holds a delivery that waits for an attempt."""
        failures = self._failures.get(delivery.webhook_id)
        if failures is None or failures.breaker is None or delivery.due_at is None:
            return None
        is_first = delivery.first_attempt_at is None or delivery.due_at == delivery.hurried_at
        webhook = self.configuration.webhooks.get(delivery.webhook_id)
        latest = held_at_most(
            delivery.due_at,
            first_attempt_at=None if is_first else delivery.first_attempt_at,
            deadline=webhook.deadline if webhook else DEADLINE,
        )
        earliest = min(max(delivery.due_at, failures.breaker.probe_at), latest)
        return Held(failures.count, failures.since, earliest, latest)


def unfinished_of(line: DeliveryLine, breakers: Breakers) -> Unfinished:
    """Return what decides about a delivery's next attempt."""
    is_sending = line.delivery.state is DeliveryState.SENDING
    return Unfinished(
        webhook=line.webhook,
        attempt=line.delivery.attempts + (not is_sending),
        due_at=line.delivery.due_at,
        is_in_line=line.delivery.waits_for is not None,
        held=breakers.held(line.delivery),
    )
