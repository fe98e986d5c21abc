"""Incidents: one transition table, and what an alert does to the incident of its entity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tocsin.domain.message_type import MessageType
from tocsin.errors import TocsinError


class Status(StrEnum):
    """Where an incident is."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Action(StrEnum):
    """What people, programs and alerts do to incidents."""

    ACKNOWLEDGE = "acknowledge"
    HOLD = "hold"
    REOPEN = "reopen"
    RESOLVE = "resolve"
    REROUTE = "reroute"
    MOVE = "move"  # escalations, to the current versions of their policies


TRANSITIONS: Mapping[Status, Mapping[Action, Status]] = {
    Status.TRIGGERED: {
        Action.ACKNOWLEDGE: Status.ACKNOWLEDGED,
        Action.HOLD: Status.ACKNOWLEDGED,
        Action.REOPEN: Status.TRIGGERED,
        Action.RESOLVE: Status.RESOLVED,
        Action.REROUTE: Status.TRIGGERED,
        Action.MOVE: Status.TRIGGERED,
    },
    Status.ACKNOWLEDGED: {
        Action.ACKNOWLEDGE: Status.ACKNOWLEDGED,
        Action.HOLD: Status.ACKNOWLEDGED,
        Action.REOPEN: Status.TRIGGERED,
        Action.RESOLVE: Status.RESOLVED,
        Action.REROUTE: Status.TRIGGERED,
        Action.MOVE: Status.ACKNOWLEDGED,
    },
    Status.RESOLVED: {
        Action.RESOLVE: Status.RESOLVED,
    },
}

_ALREADY_TRUE = {
    Action.ACKNOWLEDGE: Status.ACKNOWLEDGED,
    Action.REOPEN: Status.TRIGGERED,
    Action.RESOLVE: Status.RESOLVED,
}


class IllegalTransition(TocsinError):
    """The incident exists, but its status does not allow this action."""

    code: ClassVar[str] = "illegal_transition"
    status_hint: ClassVar[int] = 409

    def __init__(self, *, incident: int, status: Status, action: Action) -> None:
        super().__init__(
            f"incident {incident} is {status} and stays so: a new alert opens a new incident",
            incident=incident,
            status=status.value,
            action=action.value,
        )


@dataclass(frozen=True, slots=True)
class Incident:
    """An entity's open problem, from the alert that raised it until it is resolved."""

    number: int
    entity_id: str
    status: Status
    routing_key: str
    opened_at: datetime
    changed_at: datetime
    alert_count: int
    first_alert_id: int
    latest_alert_id: int
    raising_alert_id: int
    """The latest alert that raised the incident or kept it triggered: a step sends its fields."""
    was_critical: bool
    """Whether any alert was CRITICAL since the incident last triggered, by an alert or by a person."""
    round: int
    """Grows whenever new escalations are started; those of the current round are in force."""
    held_until: datetime | None = None
    nobody_left_since: datetime | None = None
    acknowledged_by: str | None = None


def next_status(incident: Incident, action: Action) -> Status:
    """Return the status after `action`. Raises: IllegalTransition."""
    try:
        return TRANSITIONS[incident.status][action]
    except KeyError:
        raise IllegalTransition(
            incident=incident.number, status=incident.status, action=action
        ) from None


def is_already_true(incident: Incident, action: Action) -> bool:
    """Return whether `action` would change nothing.

    Hold and reroute always change something; acknowledging a held incident takes it for good.
    """
    if action is Action.ACKNOWLEDGE and incident.held_until is not None:
        return False
    return _ALREADY_TRUE.get(action) is incident.status


class Effect(StrEnum):
    """What an alert did, and so why nothing else happened."""

    OPENED = "opened"
    ROLLED_UP = "rolled_up"  # into the open incident; its first alert pages
    REOPENED = "reopened"  # CRITICAL, and all before was less
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    NO_OPEN_INCIDENT = "no_open_incident"  # nothing to acknowledge or to resolve
    DOES_NOT_OPEN = "does_not_open"  # this type opens no incident under this routing key
    RECORDED = "recorded"  # INFO says nothing about the incident


def decide_effect(
    incident: Incident | None,
    message_type: MessageType,
    *,
    opening_types: frozenset[MessageType],
) -> Effect:
    """Return what an alert does; `incident` is the unresolved one of its entity, if any.

    Source: Splunk On-Call docs, "Incident fields glossary" and "Alert aggregation": same entity
    rolls up; WARNING that turns CRITICAL pages again; RECOVERY and OK resolve.
    """
    match message_type:
        case MessageType.ACKNOWLEDGEMENT:
            return _effect_of_acknowledgement(incident)
        case MessageType.RECOVERY:
            return Effect.RESOLVED if incident else Effect.NO_OPEN_INCIDENT
        case MessageType.INFO if incident or MessageType.INFO not in opening_types:
            return Effect.RECORDED
    if incident is None:
        return Effect.OPENED if message_type in opening_types else Effect.DOES_NOT_OPEN
    rises = message_type is MessageType.CRITICAL and not incident.was_critical
    return Effect.REOPENED if rises and incident.status is Status.ACKNOWLEDGED else Effect.ROLLED_UP


def _effect_of_acknowledgement(incident: Incident | None) -> Effect:
    if incident is None:
        return Effect.NO_OPEN_INCIDENT
    if is_already_true(incident, Action.ACKNOWLEDGE):
        return Effect.ALREADY_ACKNOWLEDGED
    return Effect.ACKNOWLEDGED
