"""A message type that is no plain text: understood, or refused aloud, and never swallowed."""

import json
from datetime import UTC, datetime

import pytest

from tocsin.domain.alert import (
    Alert,
    MessageType,
    Repair,
    RepairKind,
    UnreadableMessageType,
    read_alert,
)


def read(sent: object) -> Alert:
    return read_alert(
        json.dumps(sent).encode(),
        routing_key="db",
        organisation="example-org",
        now=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        alert_uuid="00000000-0000-4000-8000-000000000001",
        entity_uuid="00000000-0000-4000-8000-000000000002",
    )


@pytest.mark.parametrize("wrapped", [["critical"], '["critical"]', '"critical"', ["critical "]])
def test_a_message_type_is_taken_out_of_what_it_came_in(wrapped: object) -> None:
    """A list of one, or quotes of its own, must not make INFO of what should wake somebody."""
    alert = read({"message_type": wrapped})
    assert alert.message_type is MessageType.CRITICAL
    assert alert.fields["message_type"] == alert.fields["entity_state"] == "CRITICAL"
    assert alert.given_type.strip() == "critical"
    assert alert.repairs == (Repair(RepairKind.MESSAGE_TYPE_UNWRAPPED, "message_type"),)


def test_an_unknown_message_type_in_a_list_is_unknown() -> None:
    """INFO, as it would be without the list."""
    alert = read({"message_type": ["PROBLEM"]})
    assert (alert.message_type, alert.given_type) == (MessageType.INFO, "PROBLEM")
    assert [repair.kind for repair in alert.repairs] == [
        RepairKind.MESSAGE_TYPE_UNWRAPPED,
        RepairKind.UNKNOWN_MESSAGE_TYPE,
    ]


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        [""],
        [None],
        [5],
        [["CRITICAL"]],
        ["CRITICAL", "WARNING"],
        {"name": "CRITICAL"},
        {"Name": {"x": "CRITICAL"}},
        ["CRITICAL" * 200],
        ["CRITICAL"] * 200,
    ],
)
def test_a_message_type_that_could_be_any_is_refused(given: object) -> None:
    """A list or an object that does not name one: never recorded as INFO, and so swallowed."""
    with pytest.raises(UnreadableMessageType) as refused:
        read({"MESSAGE_TYPE": given, "entity_id": "db"})
    assert refused.value.code == "unreadable_message_type"
    assert refused.value.status_hint == 400
    assert "send one text" in refused.value.message
