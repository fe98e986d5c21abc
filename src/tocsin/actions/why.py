"""Why somebody was paged, or nobody: all about one entity, incident or delivery, on one screen."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.incident_story import (
    Breakers,
    tell_alert,
    tell_incident,
    unfinished_of,
)
from tocsin.actions.pause import is_paused
from tocsin.actions.show_deliveries import DeliveryLine, describe_deliveries, get_delivery
from tocsin.actions.show_incidents import describe_incidents, get_incident
from tocsin.actions.show_timeline import show_timeline
from tocsin.domain.answer import Answer, Sentence, Topic, next_sentence
from tocsin.domain.configuration import Configuration
from tocsin.domain.entity_mention import is_about, spellings
from tocsin.domain.incident import Incident, Status
from tocsin.domain.refusal import unread_text
from tocsin.domain.retention import removed_hint
from tocsin.domain.timeline import NO_INCIDENT, Kind
from tocsin.domain.timeline_sentence import attempt_text
from tocsin.domain.why import Finding, Reason, decide_next_of_delivery
from tocsin.domain.wording import counted, lateness_text, length_text
from tocsin.ids import DELIVERY, id_text, parse_id
from tocsin.store.alert_reads import (
    list_alerts_without_incident,
    list_refused_alerts,
    list_refused_keys,
)
from tocsin.store.alerts import MOST_REFUSED_ALERTS
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Attempt, Delivery
from tocsin.store.incident_reads import find_incident, find_latest_incident
from tocsin.store.retention.progress import find_removed_before

_MOST_ALERTS: Final = 3
_MOST_ATTEMPTS: Final = 12
_MOST_REFUSED_KEYS: Final = 3
_LONG_AGO: Final = timedelta(days=1)
_NUMBER: Final = re.compile(r"(#?)([0-9]{1,18})")


def why(tx: Tx, configuration: Configuration, subject: str, *, now: datetime) -> Answer:
    """Return all that is known of an incident (`#12`, `12`), a delivery (`dlv_...`) or an entity.

    A bare number is an incident's, if there is one; otherwise it is taken for an entity.
    Raises: IncidentNotFound, DeliveryNotFound, MalformedId.
    """
    asked = subject.strip()
    if asked.startswith(f"{DELIVERY}_"):
        return _about_delivery(tx, configuration, asked, now=now)
    if found := _NUMBER.fullmatch(asked):
        number = int(found[2])
        incident = get_incident(tx, number) if found[1] else find_incident(tx, number)
        if incident is not None:
            sentences = _of_incident(tx, configuration, incident, now=now)
            return _answer(tx, asked, incident, sentences)
    return _about_entity(tx, configuration, asked, now=now)


def _of_incident(
    tx: Tx, configuration: Configuration, incident: Incident, *, now: datetime
) -> list[Sentence]:
    return tell_incident(tx, configuration, incident, now=now, is_paused=is_paused(tx))


def _answer(tx: Tx, subject: str, incident: Incident, sentences: list[Sentence]) -> Answer:
    (line,) = describe_incidents(tx, [incident])
    return Answer(
        subject=subject,
        title=f"#{incident.number} {line.title}: {incident.status}",
        incident=incident.number,
        delivery=None,
        sentences=tuple(sentences),
    )


# --- entities


def _about_entity(tx: Tx, configuration: Configuration, entity_id: str, *, now: datetime) -> Answer:
    """Its incident, what came since and changed nothing, and what was refused before it was read."""
    incident = find_latest_incident(tx, entity_id)
    alone = list_alerts_without_incident(tx, entity_id, limit=_MOST_ALERTS)
    since = [each for each in alone if incident is None or each.id > incident.latest_alert_id]
    around = [*_refusals(tx, entity_id), *(tell_alert(each, configuration) for each in since[::-1])]
    if incident is None or incident.status is Status.RESOLVED:
        heard_at = [each.received_at for each in alone[:1]]
        heard_at += [incident.changed_at] if incident else []
        around += _refused_keys(tx, after=max(heard_at, default=now - _LONG_AGO), now=now)
    if incident is not None:
        return _answer(
            tx, entity_id, incident, [*around, *_of_incident(tx, configuration, incident, now=now)]
        )
    if since:
        # The effects that leave an alert without an incident are such reasons.
        reason = since[0].effect.value
        end = Sentence(Topic.NEXT, "Nothing: none of this opened an incident.", None, reason)
    else:
        text = (
            f"Nothing: no alert about the entity {entity_id!r} was accepted. Entity ids are compared "
            "to the letter; list refused alerts to see what could not be read"
            f"{removed_hint(find_removed_before(tx))}."
        )
        end = Sentence(Topic.NEXT, text, None, Reason.NEVER_RECEIVED.value)
    return Answer(entity_id, f"{entity_id}: no incident", None, None, (*around, end))


def _refusals(tx: Tx, entity_id: str) -> list[Sentence]:
    """Return the latest refusals of what was about this entity: those that mention it may be others'."""
    if not entity_id:
        return []
    found = list_refused_alerts(tx, mentioning=spellings(entity_id), limit=MOST_REFUSED_ALERTS)
    about = [refused for refused in found if is_about(refused.refusal.excerpt, entity_id)]
    return [
        Sentence(
            Topic.REFUSED,
            f"A request about it was refused: {refused.refusal.reason}",
            refused.refusal.last_at,
            refused.refusal.code,
        )
        for refused in reversed(about[:_MOST_ALERTS])
    ]


def _refused_keys(tx: Tx, *, after: datetime, now: datetime) -> list[Sentence]:
    """Return requests that nobody read since the entity was heard of last: any may have been about it."""
    found = list_refused_keys(tx, after=max(after, now - _LONG_AGO), limit=_MOST_REFUSED_KEYS)
    refusals = [each.refusal for each in reversed(found)]
    return [
        Sentence(Topic.REFUSED, unread_text(each), each.last_at, each.code) for each in refusals
    ]


# --- deliveries


def _about_delivery(tx: Tx, configuration: Configuration, text: str, *, now: datetime) -> Answer:
    delivery = get_delivery(tx, parse_id(DELIVERY, text))
    (line,) = describe_deliveries(tx, [delivery])
    story = tell_delivery(tx, configuration, line, now=now)
    return Answer(
        subject=text,
        title=f"{id_text(DELIVERY, delivery.id)} to {line.webhook}: {delivery.state}",
        incident=delivery.incident,
        delivery=delivery.id,
        sentences=(
            story.origin,
            *_attempts(line),
            *story.poisonings,
            *map(next_sentence, story.next),
            *_incident_of(tx, configuration, line, told=story.next, now=now),
        ),
    )


@dataclass(frozen=True, slots=True)
class DeliveryStory:
    """Where a delivery comes from and what comes next, beside its attempts."""

    origin: Sentence
    poisonings: list[Sentence]
    """What of it failed alone: it could not be leased, or an outcome not be recorded."""
    next: tuple[Finding, ...]


def tell_delivery(
    tx: Tx, configuration: Configuration, line: DeliveryLine, *, now: datetime
) -> DeliveryStory:
    """Return what a delivery's attempts do not say."""
    delivery = line.delivery
    findings = decide_next_of_delivery(
        unfinished_of(line, Breakers(tx, configuration)),
        state=delivery.state,
        end_reason=delivery.end_reason,
        now=now,
        is_paused=is_paused(tx),
    )
    return DeliveryStory(_origin(line), _poisonings(tx, delivery), findings)


def _origin(line: DeliveryLine) -> Sentence:
    delivery = line.delivery
    if delivery.resend_of is not None:
        text = f"Made by hand, to send {id_text(DELIVERY, delivery.resend_of)} once more."
        return Sentence(Topic.STEP, text, delivery.created_at)
    if delivery.follow_up is not None:
        text = f"Made to follow the page of incident #{delivery.incident}, when that was {delivery.follow_up}."
        return Sentence(Topic.STEP, text, delivery.created_at)
    if line.step is None:
        return Sentence(Topic.STEP, "Made by hand, as a test.", delivery.created_at)
    late = lateness_text(delivery.created_at - delivery.planned_at)
    text = (
        f"Made for incident #{delivery.incident} when {line.step.policy}, {line.step.place}, "
        f"fired {late}."
    )
    return Sentence(Topic.STEP, text, delivery.created_at)


def _attempts(line: DeliveryLine) -> Iterator[Sentence]:
    """Tell of the last ones, and that there were others."""
    earlier = len(line.attempts) - _MOST_ATTEMPTS
    if earlier > 0:
        text = f"({counted(earlier, 'earlier attempt')}: the delivery itself shows all of them.)"
        yield Sentence(Topic.DELIVERY, text)
    for attempt in line.attempts[-_MOST_ATTEMPTS:]:
        yield _attempt(line, attempt)


def _attempt(line: DeliveryLine, attempt: Attempt) -> Sentence:
    took = ""
    if attempt.ended_at is not None:
        took = f" took {length_text(attempt.ended_at - attempt.started_at)}"
    what = attempt_text(attempt.outcome, attempt.status_code, found=attempt.tls_reason)
    text = f"Attempt {attempt.number} to {line.webhook}{took}: {what}."
    reason = attempt.outcome.value if attempt.outcome else None
    return Sentence(Topic.DELIVERY, text, attempt.started_at, reason)


def _poisonings(tx: Tx, delivery: Delivery) -> list[Sentence]:
    id_ = id_text(DELIVERY, delivery.id)
    told = [
        each
        for each in show_timeline(tx, delivery.incident or NO_INCIDENT)
        if each.kind is Kind.POISONED and each.detail.get("delivery") == id_
    ]
    return [
        Sentence(Topic.DELIVERY, each.text, each.at, each.kind.value)
        for each in told[-_MOST_ATTEMPTS:]
    ]


def _incident_of(
    tx: Tx,
    configuration: Configuration,
    line: DeliveryLine,
    *,
    told: Iterable[Finding],
    now: datetime,
) -> list[Sentence]:
    """Return what else comes next for the delivery's incident."""
    if line.delivery.incident is None:
        return []
    incident = get_incident(tx, line.delivery.incident)
    known = {finding.text for finding in told}
    return [
        Sentence(Topic.NEXT, f"Incident #{incident.number}: {each.text}", each.at, each.reason)
        for each in _of_incident(tx, configuration, incident, now=now)
        if each.topic is Topic.NEXT and each.reason != Reason.PAUSED and each.text not in known
    ]
