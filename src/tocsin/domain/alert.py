"""Alerts: what a monitoring system, or a person, says about an entity, in one normal form."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from tocsin.domain.alert_fields import (
    LONGEST_FIELD,
    LONGEST_STATE_MESSAGE,
    Repair,
    RepairKind,
    cut,
    repaired_value,
    sent_fields,
    shortened_entity_id,
    storable,
    stored_entity_id,
)
from tocsin.domain.alert_json import AlertRefused, read_leaves
from tocsin.domain.message_type import MessageType, message_type_of
from tocsin.domain.routing import RoutingKey, routing_key_of

__all__ = [
    "STATE_FIELDS",
    "Alert",
    "AlertRefused",
    "MessageType",
    "MissingMessageType",
    "Repair",
    "RepairKind",
    "UnreadableMessageType",
    "manual_alert",
    "read_alert",
    "stored_entity_id",
]

# Source of both: vo_monitor_type in requests that VictorOps sent.
_REST_MONITOR = "4"
_MANUAL_MONITOR = "28"

# What VictorOps spells as the message type where the sender says nothing else.
STATE_FIELDS = ("entity_state", "alert_type", "NOTIFICATIONTYPE", "SERVICESTATE")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FORWARDED = ("for", "host", "port", "prefix", "proto", "scheme", "server", "ssl")
_PROXY_HEADERS = {
    name.encode(): name
    for name in (*(f"x-forwarded-{each}" for each in _FORWARDED), "x-amzn-trace-id", "x-request-id")
}


class MissingMessageType(AlertRefused):
    """The one field that an alert must have."""

    code: ClassVar[str] = "missing_message_type"


class UnreadableMessageType(AlertRefused):
    """The message type is an object or a list, and which type is meant cannot be told."""

    code: ClassVar[str] = "unreadable_message_type"

    def __init__(self) -> None:
        super().__init__('message_type is an object or a list: send one text, such as "CRITICAL"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One inbound message, normalised. It never changes again.

    `fields` are all of it: what was sent, in its order, and what the server added; text that can
    be stored and encoded, no two names alike but for case. `given_type` is the message type as it
    was sent, without the list or the quotes that it came in. `routing_key` is None where default routing applies.
    """

    alert_uuid: str
    received_at: datetime
    message_type: MessageType
    given_type: str
    entity_id: str
    routing_key: RoutingKey | None
    fields: dict[str, str]
    repairs: tuple[Repair, ...]
    key_id: int | None = None
    """The alert key that it came by; None: by none, as it is the server's own, or a person's."""

    @property
    def is_unknown_type(self) -> bool:
        """Whether the type that was sent is none that exists; such an alert counts as INFO."""
        return message_type_of(self.given_type) is None


def read_alert(
    body: bytes,
    *,
    routing_key: str,
    organisation: str,
    now: datetime,
    alert_uuid: str,
    entity_uuid: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    key_id: int | None = None,
) -> Alert:
    """Read the body of a request to the REST endpoint.

    `routing_key` is the last segment of the URL, decoded, whatever stands there; `headers` are
    the request's, names in lower case, as an ASGI server gives them. `entity_uuid` becomes the
    entity id of an alert without one.

    Names that the server owns are dropped: `vo_*` (but not `vo_annotate.*`), `api_key`,
    `routing_key`, `incident`. What VictorOps fills in is filled in where the sender left it out
    or empty and kept where not, because a monitoring plugin's own is as true: among them
    `entity_state` and `alert_type`. The engine goes by `message_type` alone, which is kept in
    `fields` as the type that it was read as.

    Units: `now` is aware UTC. `timestamp` and `state_start_time` are seconds by default,
    VO_ALERT_RCV_TIME is milliseconds.
    Raises: MissingMessageType, UnreadableMessageType, and what `read_leaves` raises. Nothing else is refused.
    Source: Splunk On-Call docs, "REST endpoint" and "Incident fields glossary".
    """
    repairs: list[Repair] = []
    fields = sent_fields(read_leaves(body), repairs)
    given_type, message_type = _read_type(fields, repairs)
    entity_id = _read_entity_id(fields, repairs, otherwise=entity_uuid)
    key = routing_key_of(routing_key)
    if key is None:
        repairs.append(Repair(RepairKind.UNREADABLE_ROUTING_KEY, "routing_key"))
    milliseconds = (now - _EPOCH) // _MILLISECOND
    seconds = str(milliseconds // 1000)
    _fill_in(fields, entity_id=entity_id, state=fields["message_type"], seconds=seconds)
    _set_routing_key(fields, routing_key if key else cut(storable(routing_key), LONGEST_FIELD))
    fields["VO_UUID"] = alert_uuid
    fields["VO_ALERT_RCV_TIME"] = str(milliseconds)
    fields["VO_ALERT_TYPE"] = "SERVICE"
    fields["VO_MONITOR_TYPE"] = _REST_MONITOR
    fields["VO_ORGANIZATION_ID"] = organisation
    _set_headers(fields, headers)
    return Alert(
        alert_uuid=alert_uuid,
        received_at=now,
        message_type=message_type,
        given_type=given_type,
        entity_id=entity_id,
        routing_key=key,
        fields=fields,
        repairs=tuple(repairs),
        key_id=key_id,
    )


def manual_alert(
    *,
    summary: str,
    details: str,
    created_by: str,
    organisation: str,
    now: datetime,
    alert_uuid: str,
    entity_uuid: str,
) -> Alert:
    """Return the alert that opens an incident which a person creates by hand.

    Its fields are those of VictorOps' manual incidents, no more and no fewer: the summary is the
    entity's display name, the details are the state message. Which policies page is the person's
    choice, so there is no routing key.

    Units: `now` is aware UTC; VO_ALERT_RCV_TIME is milliseconds.
    """
    repairs: list[Repair] = []

    def text(name: str, given: str, limit: int = LONGEST_FIELD) -> str:
        return repaired_value(name, given, limit=limit, repairs=repairs)

    critical = str(MessageType.CRITICAL)
    fields = {
        "created_by": text("created_by", created_by),
        "monitoring_tool": "manual",
        "entity_display_name": text("entity_display_name", summary or entity_uuid),
        "message_type": critical,
        "alert_type": critical,
        "entity_state": critical,
        "entity_id": entity_uuid,
        "state_message": text("state_message", details, LONGEST_STATE_MESSAGE),
        "monitor_name": text("monitor_name", f"vouser-{created_by}"),
        "VO_UUID": alert_uuid,
        "VO_ALERT_RCV_TIME": str((now - _EPOCH) // _MILLISECOND),
        "VO_MONITOR_TYPE": _MANUAL_MONITOR,
        "VO_ORGANIZATION_ID": organisation,
    }
    return Alert(
        alert_uuid=alert_uuid,
        received_at=now,
        message_type=MessageType.CRITICAL,
        given_type=critical,
        entity_id=entity_uuid,
        routing_key=None,
        fields=fields,
        repairs=tuple(repairs),
    )


def _read_type(fields: dict[str, str], repairs: list[Repair]) -> tuple[str, MessageType]:
    given = fields.get("message_type")
    if not given:
        if any(name.lower().startswith("message_type.") for name in fields):
            raise UnreadableMessageType
        raise MissingMessageType("Missing fields: message_type")
    found = message_type_of(given)
    if found is None:
        given = _unwrapped_type(given, repairs)
        found = message_type_of(given)
    if found is None:
        # Source: Splunk On-Call docs, "Incident fields glossary": accepted as INFO.
        found = MessageType.INFO
        repairs.append(Repair(RepairKind.UNKNOWN_MESSAGE_TYPE, "message_type"))
    fields["message_type"] = str(found)
    return given, found


def _unwrapped_type(given: str, repairs: list[Repair]) -> str:
    """Return the type inside a list of one text, or in quotes of its own; any other as it is.

    What could be meant as CRITICAL must not end as INFO: a list or an object that does not say which
    type it is, is refused. Raises: UnreadableMessageType.
    """
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        if given[0] in "[{" and Repair(RepairKind.CUT, "message_type") in repairs:
            raise UnreadableMessageType from None
        return given  # a word of the sender's own
    match value:
        case [str(inner)] | str(inner) if inner:
            repairs.append(Repair(RepairKind.MESSAGE_TYPE_UNWRAPPED, "message_type"))
            return inner
        case list() | dict():
            raise UnreadableMessageType
    return given  # a number, true or false


def _read_entity_id(fields: dict[str, str], repairs: list[Repair], *, otherwise: str) -> str:
    given = fields.get("entity_id") or otherwise
    entity_id = shortened_entity_id(given)
    if entity_id != given:
        repairs.append(Repair(RepairKind.ENTITY_ID_SHORTENED, "entity_id"))
    fields["entity_id"] = entity_id
    return entity_id


def _fill_in(fields: dict[str, str], *, entity_id: str, state: str, seconds: str) -> None:
    defaults = {
        "entity_display_name": entity_id,
        "state_message": "",
        "monitoring_tool": "rest",
        "timestamp": seconds,
        "state_start_time": seconds,
    }
    for name, value in defaults.items():
        if not fields.get(name):
            fields[name] = value
    for name in STATE_FIELDS:
        if not fields.get(name):
            fields[name] = state


def _set_routing_key(fields: dict[str, str], routing_key: str) -> None:
    fields["routing_key"] = fields["VO_ROUTING_KEYS"] = routing_key
    if not fields.get("CONTACTGROUPNAME"):
        fields["CONTACTGROUPNAME"] = routing_key


def _set_headers(fields: dict[str, str], headers: Iterable[tuple[bytes, bytes]]) -> None:
    # VictorOps makes fields of what the proxies in front of it say about the request. What the
    # sender's JSON says under such a name is not their word.
    for name, value in headers:
        if name in _PROXY_HEADERS:
            text = storable(value.decode("latin-1"))
            fields[_PROXY_HEADERS[name]] = cut(text, LONGEST_FIELD)
