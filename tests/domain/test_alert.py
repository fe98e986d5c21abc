import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.alert import (
    Alert,
    MessageType,
    MissingMessageType,
    Repair,
    RepairKind,
    UnreadableMessageType,
    read_alert,
    stored_entity_id,
)
from tocsin.domain.message_type import message_type_of
from tocsin.domain.routing import RoutingKey

NOW = datetime(2026, 3, 4, 5, 6, 7, 89_999, tzinfo=UTC)
SECONDS = "1772600767"
ALERT_UUID = "6f1d6f0e-53a3-4a8c-9d5e-0d8f3a7b2c11"
ENTITY_UUID = "0b6a4c52-7e0f-4f4b-8a39-5f6e2d1c9b88"

any_text = st.text(st.characters(categories=None), max_size=12)
awkward_text = any_text | st.sampled_from(
    ["x" * 1024, "x" * 1025, "x" * 20_481, "é" * 600, "\0", "\ud800", "", "CRITICAL", "🔥" * 1100]
)
names = any_text | st.sampled_from(
    [
        *("message_type", "Message_Type", "entity_id", "ENTITY_ID", "state_message", "timestamp"),
        *("vo_uuid", "VO_x", "vo_annotate.u.Runbook", "api_key", "incident", "routing_key", "a.b"),
        *("a", "A", "notificationtype", "entity_state", "n" * 300, "x-request-id", "message"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | awkward_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(names, values, max_size=6)


def read(sent: object, *, routing_key: str = "storage", **more: Any) -> Alert:
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    return read_alert(
        body,
        routing_key=routing_key,
        organisation="acme",
        now=NOW,
        alert_uuid=ALERT_UUID,
        entity_uuid=ENTITY_UUID,
        **more,
    )


def critical(**fields: object) -> dict[str, object]:
    return {"message_type": "CRITICAL", **fields}


def test_an_alert_of_one_field_gets_every_other() -> None:
    """Only message_type is required; all the rest that VictorOps adds is made up."""
    alert = read({"message_type": "WARNING"})
    assert alert.fields == {
        "message_type": "WARNING",
        "entity_id": ENTITY_UUID,
        "entity_display_name": ENTITY_UUID,
        "state_message": "",
        "monitoring_tool": "rest",
        "timestamp": SECONDS,
        "state_start_time": SECONDS,
        "entity_state": "WARNING",
        "alert_type": "WARNING",
        "NOTIFICATIONTYPE": "WARNING",
        "SERVICESTATE": "WARNING",
        "CONTACTGROUPNAME": "storage",
        "routing_key": "storage",
        "VO_ROUTING_KEYS": "storage",
        "VO_UUID": ALERT_UUID,
        "VO_ALERT_RCV_TIME": f"{SECONDS}089",
        "VO_ALERT_TYPE": "SERVICE",
        "VO_MONITOR_TYPE": "4",
        "VO_ORGANIZATION_ID": "acme",
    }
    assert alert.alert_uuid == ALERT_UUID
    assert alert.received_at == NOW
    assert alert.entity_id == ENTITY_UUID
    assert alert.message_type is MessageType.WARNING
    assert alert.routing_key == RoutingKey("storage")
    assert alert.repairs == ()


def test_what_the_sender_says_is_kept() -> None:
    """What is only filled in gives way to the sender's own, in the sender's order."""
    sent = {
        "hostname": "db-7",
        "CONTACTGROUPNAME": "dba",
        "entity_state": "DOWN",
        "alert_type": "disk",
        "NOTIFICATIONTYPE": "PROBLEM",
        "SERVICESTATE": "UNKNOWN",
        "message_type": "CRITICAL",
        "entity_id": "disk/db-7",
        "entity_display_name": "Disk of db-7",
        "monitoring_tool": "acme-mon",
        "timestamp": "12",
        "state_start_time": "11",
        "state_message": "3 % left",
        "message": "their own",
        "Team": "storage",
        "vo_annotate.u.Runbook": "https://runbooks.example/disk",
    }
    alert = read(sent)
    assert list(alert.fields.items())[: len(sent)] == list(sent.items())
    assert alert.repairs == ()


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("name", ["entity_id", "entity_display_name", "timestamp", "entity_state"])
def test_an_empty_field_is_filled_in_as_an_absent_one(name: str, empty: str | None) -> None:
    """Entities called "" or null would all be one, and a page without a name says nothing."""
    assert read(critical(**{name: empty})).fields == read(critical()).fields


@pytest.mark.parametrize(
    ("given_type", "message_type"),
    [
        ("CRITICAL", MessageType.CRITICAL),
        ("critical", MessageType.CRITICAL),
        (" Warning\n", MessageType.WARNING),
        ("info", MessageType.INFO),
        ("Acknowledgement", MessageType.ACKNOWLEDGEMENT),
        ("recovery", MessageType.RECOVERY),
        ("ok", MessageType.RECOVERY),
    ],
)
def test_message_types_are_read_in_any_case(given_type: str, message_type: MessageType) -> None:
    """And OK resolves as RECOVERY does. The sender's spelling is kept beside it."""
    alert = read({"message_type": given_type})
    assert alert.message_type is message_type
    assert alert.given_type == given_type
    assert alert.fields["message_type"] == alert.fields["entity_state"] == message_type.value
    assert type(alert.fields["message_type"]) is str
    assert not alert.is_unknown_type
    assert alert.repairs == ()


@pytest.mark.parametrize(
    "given_type", ["PROBLEM", "ACK", 5, True, " ", "[CRITICAL] disk", '""', "[" * 1024]
)
def test_an_unknown_message_type_is_info_and_flagged(given_type: object) -> None:
    """The sender's own word stays where an administrator can count it."""
    alert = read({"message_type": given_type})
    assert alert.message_type is MessageType.INFO
    assert alert.is_unknown_type
    assert alert.given_type == given_type or alert.given_type == json.dumps(given_type)
    assert alert.repairs == (Repair(RepairKind.UNKNOWN_MESSAGE_TYPE, "message_type"),)


@pytest.mark.parametrize(
    "sent",
    [{}, {"message_type": ""}, {"message_type": None}, {"a": 1}],
)
def test_an_alert_without_a_message_type_is_refused(sent: object) -> None:
    """In the words that VictorOps' clients know."""
    with pytest.raises(MissingMessageType) as refused:
        read(sent)
    assert str(refused.value) == "Missing fields: message_type"
    assert refused.value.code == "missing_message_type"
    assert refused.value.status_hint == 400


def test_the_name_of_a_field_that_is_understood_may_be_in_any_case() -> None:
    """A webhook's body spells all names in lower case, so there is one entity id and no second."""
    alert = read({"Message_Type": "critical", "ENTITY_ID": "db", "NotificationType": "PROBLEM"})
    assert alert.entity_id == alert.fields["entity_id"] == "db"
    assert alert.fields["NOTIFICATIONTYPE"] == "PROBLEM"
    assert alert.repairs == ()


@pytest.mark.parametrize(
    ("body", "value", "name"),
    [
        (b'{"message_type": "INFO", "a": 1, "a": 2}', "2", "a"),
        (b'{"message_type": "INFO", "a.b": 1, "a": {"b": 2}}', "2", "a.b"),
        (b'{"message_type": "INFO", "a": {"b": 2}, "a.b": 1}', "1", "a.b"),
        (b'{"message_type": "INFO", "team": 1, "TEAM": 2}', "2", "TEAM"),
    ],
)
def test_of_names_that_coincide_the_last_wins(body: bytes, value: str, name: str) -> None:
    """Repeated in the JSON, equal after flattening, or equal but for case; and it is noted."""
    alert = read(body)
    assert {text for field, text in alert.fields.items() if field.lower() == name.lower()} == {
        value
    }
    assert alert.repairs == (Repair(RepairKind.NAME_REPEATED, name),)


@pytest.mark.parametrize(
    "name",
    [
        *("vo_uuid", "VO_UUID", "Vo_Anything", "vo_annotate", "vo_orig.entity_id"),
        *("api_key", "API_KEY", "api_\u212aey", "routing_key", "incident", "INCIDENT"),
    ],
)
def test_a_sender_cannot_set_what_the_server_sets(name: str) -> None:
    """Also not in another case, nor with a letter that folds into one of these names."""
    alert = read(critical(**{name: "forged"}))
    assert alert.fields == read(critical()).fields
    assert alert.repairs == (Repair(RepairKind.SERVER_NAME_DROPPED, name),)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("custom", 1024),
        ("entity_display_name", 1024),
        ("state_message", 20_480),
        ("vo_annotate.u.Runbook", 1124),
        ("VO_ANNOTATE.s.Note", 1124),
    ],
)
@pytest.mark.parametrize("character", ["x", "é", "🔥"])
def test_a_field_over_its_limit_is_cut(name: str, limit: int, character: str) -> None:
    """To the limit less three characters, and dots; at the limit it is left alone."""
    at_limit, over = character * limit, character * (limit + 1)
    assert read(critical(**{name: at_limit})).fields[name] == at_limit
    assert read(critical(**{name: at_limit})).repairs == ()
    alert = read(critical(**{name: over}))
    assert alert.fields[name] == character * (limit - 3) + "..."
    assert alert.repairs == (Repair(RepairKind.CUT, name),)


def test_an_array_over_the_limit_is_cut_like_any_text() -> None:
    """Its JSON is then no JSON any more, and the repair says so."""
    alert = read(critical(tags=list(range(1000))))
    assert len(alert.fields["tags"]) == 1024
    assert alert.repairs == (Repair(RepairKind.CUT, "tags"),)


def test_a_huge_name_is_cut() -> None:
    """A name may have 256 characters."""
    assert read(critical(**{"n" * 256: "v"})).fields["n" * 256] == "v"
    alert = read(critical(**{"n" * 200: {"n" * 56: "v"}}))
    assert alert.fields["n" * 200 + "." + "n" * 52 + "..."] == "v"
    assert [repair.kind for repair in alert.repairs] == [RepairKind.NAME_CUT]


def test_a_long_entity_id_keeps_its_head_and_its_hash() -> None:
    """447 characters, a hyphen, the SHA-256 of the whole: 512."""
    given_id = "d/" * 300
    alert = read(critical(entity_id=given_id))
    digest = hashlib.sha256(given_id.encode()).hexdigest()
    assert alert.entity_id == f"{given_id[:447]}-{digest}"
    assert len(alert.entity_id) == 512
    assert alert.fields["entity_id"] == alert.fields["entity_display_name"] == alert.entity_id
    assert alert.repairs == (Repair(RepairKind.ENTITY_ID_SHORTENED, "entity_id"),)
    assert stored_entity_id(given_id) == alert.entity_id
    assert read(critical(entity_id="é" * 512)).entity_id == "é" * 512


@pytest.mark.parametrize("code", [0, 0xD800, 0xDFFF])
def test_characters_that_cannot_be_stored_are_replaced(code: int) -> None:
    """In names, values and the entity id; arrays keep a NUL, escaped, as JSON does."""
    bad = chr(code)
    alert = read(critical(entity_id=f"a{bad}b", **{f"n{bad}": f"v{bad}"}))
    assert alert.entity_id == "a\ufffdb" == stored_entity_id(f"a{bad}b")
    assert alert.fields["n\ufffd"] == "v\ufffd"
    assert alert.repairs == (
        Repair(RepairKind.CHARACTERS_REPLACED, "entity_id"),
        Repair(RepairKind.CHARACTERS_REPLACED, "n\ufffd"),
        Repair(RepairKind.CHARACTERS_REPLACED, "n\ufffd"),
    )
    assert read(critical(tags=["\0"])).fields["tags"] == '["\\u0000"]'


def test_a_pair_of_surrogates_is_one_character() -> None:
    """Half of JSON's senders escape everything beyond ASCII; that is nothing to repair."""
    alert = read(b'{"message_type": "INFO", "entity_id": "\\ud83d\\udd25"}')
    assert alert.entity_id == "🔥"
    assert alert.repairs == ()


def test_bytes_that_are_not_text_are_noted() -> None:
    """The alert is read all the same."""
    alert = read(b'{"message_type": "CRITICAL", "entity_id": "caf\xe9"}')
    assert alert.entity_id == "caf\ufffd"
    assert alert.repairs == (Repair(RepairKind.BYTES_REPLACED, ""),)


def test_a_routing_key_is_compared_in_any_case_and_shown_as_it_came() -> None:
    """The fields say what stood in the URL."""
    alert = read(critical(), routing_key="Storage_EU-1")
    assert alert.routing_key == RoutingKey("storage_eu-1")
    assert alert.fields["routing_key"] == alert.fields["VO_ROUTING_KEYS"] == "Storage_EU-1"
    assert alert.fields["CONTACTGROUPNAME"] == "Storage_EU-1"
    assert alert.repairs == ()


@pytest.mark.parametrize("text", ["", "a b", "é", "\ud800", "a/b", "k" * 101, "k" * 5000])
def test_a_strange_routing_key_goes_to_default_routing(text: str) -> None:
    """An alert is not refused for it, and why nothing else was paged is on record."""
    alert = read(critical(), routing_key=text)
    assert alert.routing_key is None
    assert alert.fields["routing_key"][:1000] == text.replace("\ud800", "\ufffd")[:1000]
    assert len(alert.fields["routing_key"]) <= 1024
    assert alert.repairs == (Repair(RepairKind.UNREADABLE_ROUTING_KEY, "routing_key"),)


def test_the_headers_of_proxies_become_fields() -> None:
    """Those VictorOps passes on, and no others; a sender's own do not stand in for them."""
    headers = [
        (b"host", b"tocsin.example"),
        (b"authorization", b"Bearer secret"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-for", b"198.51.100.7"),
        (b"x-request-id", b"caf\xe9"),
        (b"x-amzn-trace-id", b"R" * 2000),
        (b"x-other", b"1"),
    ]
    alert = read(critical(**{"x-forwarded-for": "forged"}), headers=headers)
    added = {name: text for name, text in alert.fields.items() if name.startswith("x-")}
    assert added == {
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": "https",
        "x-request-id": "café",
        "x-amzn-trace-id": "R" * 1021 + "...",
    }
    assert "authorization" not in alert.fields


@given(bodies, any_text, st.sampled_from(["CRITICAL", "ok", "strange", None]))
def test_whatever_json_comes_in_is_read_or_refused_by_name(
    sent: dict[str, object], routing_key: str, message_type: str | None
) -> None:
    """All that is kept is text that can be stored, within its limits, no two names alike."""
    if message_type:
        sent = sent | {"message_type": message_type}
    try:
        alert = read(sent, routing_key=routing_key)
    except (MissingMessageType, UnreadableMessageType):
        return
    for name, text in alert.fields.items():
        assert type(name) is type(text) is str
        assert "\0" not in name + text
        (name + text).encode()
        assert len(name) <= 256
        assert len(text) <= (20_480 if name == "state_message" else 1124)
    assert len({name.lower() for name in alert.fields}) == len(alert.fields)
    assert 1 <= len(alert.entity_id) <= 512
    assert alert.fields["entity_id"] == alert.entity_id
    assert alert.fields["VO_UUID"] == ALERT_UUID
    assert alert.message_type.value == alert.fields["message_type"]


@given(bodies, any_text)
def test_reading_what_was_read_changes_nothing(sent: dict[str, object], routing_key: str) -> None:
    """An alert that is sent on, as it was kept, is the same alert."""
    sent.pop("message_type", None)  # so that ours comes last, and wins
    once = read(sent | critical(), routing_key=routing_key)
    twice = read(once.fields, routing_key=routing_key)
    assert twice.fields == once.fields
    assert twice.entity_id == once.entity_id
    assert twice.message_type is once.message_type
    assert {repair.kind for repair in twice.repairs} <= {
        RepairKind.SERVER_NAME_DROPPED,
        RepairKind.UNREADABLE_ROUTING_KEY,
    }


@given(
    st.text(min_size=3, max_size=3),
    st.text(max_size=3),
    st.text(max_size=3),
    st.integers(min_value=150, max_value=300),
)
def test_two_long_entity_ids_never_merge(head: str, one: str, other: str, times: int) -> None:
    """However much of them is the same, and wherever they differ."""
    kept = {stored_entity_id(head * times + tail) for tail in (one, other)}
    assert (len(kept) == 1) == (stored_entity_id(one) == stored_entity_id(other))
    assert all(len(entity_id) <= 512 for entity_id in kept)
    assert {stored_entity_id(entity_id) for entity_id in kept} == kept


def test_message_types_have_no_other_spellings() -> None:
    """Only OK is another word for one of the five."""
    assert [message_type_of(word) for word in ("OK", "UP", "DOWN", "ACKED", "")] == [
        MessageType.RECOVERY,
        *[None] * 4,
    ]
