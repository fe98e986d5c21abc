"""An incident by hand begins with an alert that the server writes for a person."""

from datetime import UTC, datetime
from typing import Any

from tocsin.domain.alert import Alert, MessageType, Repair, RepairKind, manual_alert

NOW = datetime(2026, 3, 4, 5, 6, 7, 89_999, tzinfo=UTC)
SECONDS = "1772600767"
ALERT_UUID = "6f1d6f0e-53a3-4a8c-9d5e-0d8f3a7b2c11"
ENTITY_UUID = "0b6a4c52-7e0f-4f4b-8a39-5f6e2d1c9b88"


def manual(**changed: str) -> Alert:
    given: dict[str, Any] = {
        "summary": "Checkout is slow",
        "details": "p99 over 4 s",
        "created_by": "mara",
        "organisation": "acme",
        "now": NOW,
        "alert_uuid": ALERT_UUID,
        "entity_uuid": ENTITY_UUID,
    }
    return manual_alert(**(given | changed))


def test_an_incident_by_hand_has_the_fields_of_a_manual_incident() -> None:
    """No timestamp, no routing key: exactly what VictorOps sends for one."""
    alert = manual()
    assert alert.fields == {
        "created_by": "mara",
        "monitoring_tool": "manual",
        "entity_display_name": "Checkout is slow",
        "message_type": "CRITICAL",
        "alert_type": "CRITICAL",
        "entity_state": "CRITICAL",
        "entity_id": ENTITY_UUID,
        "state_message": "p99 over 4 s",
        "monitor_name": "vouser-mara",
        "VO_UUID": ALERT_UUID,
        "VO_ALERT_RCV_TIME": f"{SECONDS}089",
        "VO_MONITOR_TYPE": "28",
        "VO_ORGANIZATION_ID": "acme",
    }
    assert alert.message_type is MessageType.CRITICAL
    assert alert.given_type == "CRITICAL"
    assert not alert.is_unknown_type
    assert alert.entity_id == ENTITY_UUID
    assert alert.routing_key is None
    assert alert.received_at == NOW
    assert alert.alert_uuid == ALERT_UUID
    assert alert.repairs == ()


def test_a_person_s_text_has_the_same_limits() -> None:
    """What is cut or replaced is noted as it is for a monitoring system."""
    alert = manual(summary="s" * 1025, details="d" * 20_481, created_by="\ud800")
    assert alert.fields["entity_display_name"] == "s" * 1021 + "..."
    assert alert.fields["state_message"] == "d" * 20_477 + "..."
    assert alert.fields["created_by"] == "\ufffd"
    assert alert.repairs == (
        Repair(RepairKind.CHARACTERS_REPLACED, "created_by"),
        Repair(RepairKind.CUT, "entity_display_name"),
        Repair(RepairKind.CUT, "state_message"),
        Repair(RepairKind.CHARACTERS_REPLACED, "monitor_name"),
    )
    assert manual(summary="").fields["entity_display_name"] == ENTITY_UUID
