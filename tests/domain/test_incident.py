"""Incidents: the transition table, and what an alert does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.incident import (
    TRANSITIONS,
    Action,
    Effect,
    IllegalTransition,
    Incident,
    Status,
    decide_effect,
    is_already_true,
    next_status,
)
from tocsin.domain.message_type import MessageType

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
CRITICAL_OPENS = frozenset({MessageType.CRITICAL})
WARNING_OPENS = frozenset({MessageType.CRITICAL, MessageType.WARNING})


def incident(status: Status = Status.TRIGGERED, **facts: Any) -> Incident:
    defaults: dict[str, Any] = {
        "number": 7,
        "entity_id": "db",
        "routing_key": "",
        "opened_at": T0,
        "changed_at": T0,
        "alert_count": 1,
        "first_alert_id": 1,
        "latest_alert_id": 1,
        "raising_alert_id": 1,
        "was_critical": True,
        "round": 1,
    }
    return Incident(status=status, **(defaults | facts))


@pytest.mark.parametrize("action", [each for each in Action if each is not Action.RESOLVE])
def test_a_resolved_incident_stays_resolved(action: Action) -> None:
    """Nothing but resolving it again is allowed, and the refusal says what it is and what was wanted."""
    with pytest.raises(IllegalTransition) as refused:
        next_status(incident(Status.RESOLVED), action)
    assert refused.value.fields == {"incident": 7, "status": "resolved", "action": action.value}


def test_every_action_leads_somewhere_from_every_open_status() -> None:
    """The table has no hole: an open incident refuses nothing."""
    for status in (Status.TRIGGERED, Status.ACKNOWLEDGED):
        assert set(TRANSITIONS[status]) == set(Action)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.ACKNOWLEDGE, Status.ACKNOWLEDGED),
        (Action.HOLD, Status.ACKNOWLEDGED),
        (Action.REOPEN, Status.TRIGGERED),
        (Action.REROUTE, Status.TRIGGERED),
        (Action.RESOLVE, Status.RESOLVED),
    ],
)
def test_where_each_action_leads(action: Action, status: Status) -> None:
    """Acknowledge and hold acknowledge; reopen and reroute trigger; resolve resolves."""
    for before in (Status.TRIGGERED, Status.ACKNOWLEDGED):
        assert next_status(incident(before), action) is status


def test_repeating_what_is_true_changes_nothing() -> None:
    """Acknowledging twice, reopening what is triggered, resolving twice."""
    assert is_already_true(incident(Status.ACKNOWLEDGED), Action.ACKNOWLEDGE)
    assert is_already_true(incident(Status.TRIGGERED), Action.REOPEN)
    assert is_already_true(incident(Status.RESOLVED), Action.RESOLVE)
    assert not is_already_true(incident(Status.ACKNOWLEDGED), Action.HOLD)
    assert not is_already_true(incident(Status.TRIGGERED), Action.REROUTE)


def test_acknowledging_a_held_incident_takes_it_for_good() -> None:
    """The hold would trigger it again; acknowledging is more than that."""
    held = incident(Status.ACKNOWLEDGED, held_until=T0 + timedelta(hours=1))
    assert not is_already_true(held, Action.ACKNOWLEDGE)
    assert decide_effect(held, MessageType.ACKNOWLEDGEMENT, opening_types=CRITICAL_OPENS) is (
        Effect.ACKNOWLEDGED
    )


@pytest.mark.parametrize(
    ("message_type", "opening_types", "effect"),
    [
        (MessageType.CRITICAL, CRITICAL_OPENS, Effect.OPENED),
        (MessageType.WARNING, CRITICAL_OPENS, Effect.DOES_NOT_OPEN),
        (MessageType.WARNING, WARNING_OPENS, Effect.OPENED),
        (MessageType.INFO, CRITICAL_OPENS, Effect.RECORDED),
        (MessageType.INFO, frozenset({MessageType.INFO}), Effect.OPENED),
        (MessageType.ACKNOWLEDGEMENT, CRITICAL_OPENS, Effect.NO_OPEN_INCIDENT),
        (MessageType.RECOVERY, CRITICAL_OPENS, Effect.NO_OPEN_INCIDENT),
    ],
)
def test_without_an_open_incident(
    message_type: MessageType, opening_types: frozenset[MessageType], effect: Effect
) -> None:
    """What opens one is a setting of the routing key; the rest is recorded with its reason."""
    assert decide_effect(None, message_type, opening_types=opening_types) is effect


@pytest.mark.parametrize(
    ("status", "was_critical", "message_type", "effect"),
    [
        (Status.TRIGGERED, True, MessageType.CRITICAL, Effect.ROLLED_UP),
        (Status.TRIGGERED, False, MessageType.CRITICAL, Effect.ROLLED_UP),
        (Status.TRIGGERED, True, MessageType.WARNING, Effect.ROLLED_UP),
        (Status.ACKNOWLEDGED, True, MessageType.CRITICAL, Effect.ROLLED_UP),
        (Status.ACKNOWLEDGED, False, MessageType.CRITICAL, Effect.REOPENED),
        (Status.ACKNOWLEDGED, False, MessageType.WARNING, Effect.ROLLED_UP),
        (Status.TRIGGERED, True, MessageType.INFO, Effect.RECORDED),
        (Status.TRIGGERED, True, MessageType.ACKNOWLEDGEMENT, Effect.ACKNOWLEDGED),
        (Status.ACKNOWLEDGED, True, MessageType.ACKNOWLEDGEMENT, Effect.ALREADY_ACKNOWLEDGED),
        (Status.TRIGGERED, True, MessageType.RECOVERY, Effect.RESOLVED),
        (Status.ACKNOWLEDGED, True, MessageType.RECOVERY, Effect.RESOLVED),
    ],
)
def test_with_an_open_incident(
    status: Status, *, was_critical: bool, message_type: MessageType, effect: Effect
) -> None:
    """CRITICAL reopens an acknowledged incident only if all before was less than CRITICAL."""
    open_ = incident(status, was_critical=was_critical)
    assert decide_effect(open_, message_type, opening_types=WARNING_OPENS) is effect


@given(
    status=st.sampled_from([Status.TRIGGERED, Status.ACKNOWLEDGED]),
    was_critical=st.booleans(),
    message_type=st.sampled_from(MessageType),
    opening_types=st.frozensets(st.sampled_from([MessageType.CRITICAL, MessageType.WARNING])),
)
def test_an_open_incident_is_never_opened_a_second_time(
    *,
    status: Status,
    was_critical: bool,
    message_type: MessageType,
    opening_types: frozenset[MessageType],
) -> None:
    """Whatever comes for an entity with an open incident joins that incident."""
    effect = decide_effect(
        incident(status, was_critical=was_critical), message_type, opening_types=opening_types
    )
    assert effect not in {Effect.OPENED, Effect.NO_OPEN_INCIDENT, Effect.DOES_NOT_OPEN}
