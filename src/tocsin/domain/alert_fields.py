"""What a field of an alert may be called and may hold, and what is done to one that breaks that.

Nothing here refuses: a field is repaired or dropped, and the repair is noted.
"""

import hashlib
import re
import sys
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from tocsin.domain.alert_json import LONGEST_NAME, Leaves

# Source of the limits: Splunk On-Call docs, "Incident fields glossary". In characters.
LONGEST_FIELD = 1024
LONGEST_ENTITY_ID = 512
LONGEST_STATE_MESSAGE = 20480
LONGEST_ANNOTATION = 1124

_CUT = "..."
_REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_SERVER_PREFIX = "vo_"
_ANNOTATION_PREFIX = "vo_annotate."
_SERVER_NAMES = frozenset({"api_key", "incident", "routing_key"})
_LIMITS = {
    "entity_id": sys.maxsize,  # shortened by stored_entity_id, which needs all of it
    "state_message": LONGEST_STATE_MESSAGE,
}
# Names with a meaning, as they are spelled inside; on the wire all names are lower case.
_SPELLED = {
    name.lower(): name
    for name in (
        "message_type",
        "entity_id",
        "entity_display_name",
        "entity_state",
        "state_message",
        "state_start_time",
        "timestamp",
        "monitoring_tool",
        "alert_type",
        "CONTACTGROUPNAME",
        "NOTIFICATIONTYPE",
        "SERVICESTATE",
    )
}


class RepairKind(StrEnum):
    """How what is kept of an alert differs from what was sent.

    Where nothing is lost (a number that becomes text, a nested name that gets dots) nothing is
    noted.
    """

    BYTES_REPLACED = "bytes_replaced"  # they were not text: U+FFFD stands for them
    CHARACTERS_REPLACED = "characters_replaced"  # U+0000 and lone surrogates, likewise
    CUT = "cut"  # to the field's limit, dots at its end
    NAME_CUT = "name_cut"
    NAME_REPEATED = "name_repeated"  # ... and the last one won
    SERVER_NAME_DROPPED = "server_name_dropped"  # the server alone sets it
    ENTITY_ID_SHORTENED = "entity_id_shortened"
    UNKNOWN_MESSAGE_TYPE = "unknown_message_type"  # read as INFO
    MESSAGE_TYPE_UNWRAPPED = "message_type_unwrapped"  # out of a list of one, or of quotes
    UNREADABLE_ROUTING_KEY = "unreadable_routing_key"  # empty or strange: default routing


class Repair(NamedTuple):
    """One repair, and the name of the field it was made on; empty for the body as a whole."""

    kind: RepairKind
    field: str


class _Name(NamedTuple):
    text: str
    wire: str  # the name in a webhook's body: fields for which it is the same coincide
    limit: int  # characters of the value; 0 for a name that a sender cannot set
    repairs: tuple[RepairKind, ...]


def sent_fields(leaves: Leaves, repairs: list[Repair]) -> dict[str, str]:
    """Return the sender's fields under the names they have inside, each within its limit.

    Of names that differ in case alone the last wins, because a webhook's body spells all names in
    lower case. The entity id is not shortened yet. What is repaired is added to `repairs`.
    """
    if leaves.has_replaced_bytes:
        repairs.append(Repair(RepairKind.BYTES_REPLACED, ""))
    fields: dict[str, str] = {}
    spelled: dict[str, str] = {}
    may_be_unstorable = leaves.may_be_unstorable
    for given_name, value in leaves.fields:
        read_name = _known_name if len(given_name) <= _MEMORABLE else _read_name
        name, wire, limit, name_repairs = read_name(given_name)
        if name_repairs:
            repairs += [Repair(kind, name) for kind in name_repairs]
            if not limit:
                continue
        if wire in spelled:
            repairs.append(Repair(RepairKind.NAME_REPEATED, name))
            del fields[spelled[wire]]
        spelled[wire] = name
        if may_be_unstorable or len(value) > limit:
            fields[name] = repaired_value(name, value, limit=limit, repairs=repairs)
        else:
            fields[name] = value
    return fields


def repaired_value(name: str, value: str, *, limit: int, repairs: list[Repair]) -> str:
    """Return `value` with nothing in it that cannot be stored, and at most `limit` characters."""
    kept = storable(value)
    if kept != value:
        repairs.append(Repair(RepairKind.CHARACTERS_REPLACED, name))
    if len(kept) <= limit:
        return kept
    repairs.append(Repair(RepairKind.CUT, name))
    return cut(kept, limit)


def stored_entity_id(entity_id: str) -> str:
    """Return the id under which an entity is kept, whatever it is called by: at most 512 characters.

    A longer id keeps its first 447 characters, a hyphen and its SHA-256, so that two never merge;
    an id that this returned is returned as it is.
    """
    return shortened_entity_id(storable(entity_id))


def shortened_entity_id(entity_id: str) -> str:
    """Return what `stored_entity_id` does, for text that is storable already."""
    if len(entity_id) <= LONGEST_ENTITY_ID:
        return entity_id
    digest = hashlib.sha256(entity_id.encode()).hexdigest()
    return f"{entity_id[: LONGEST_ENTITY_ID - len(digest) - 1]}-{digest}"


def storable(text: str) -> str:
    """Return text that UTF-8 and both databases take: no lone surrogate, no U+0000."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def cut(text: str, limit: int) -> str:
    """Return text of at most `limit` characters, dots at its end if it was longer."""
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def _read_name(given: str) -> _Name:
    repairs = []
    name = storable(given)
    if name != given:
        repairs.append(RepairKind.CHARACTERS_REPLACED)
    if len(name) > LONGEST_NAME:
        repairs.append(RepairKind.NAME_CUT)
        name = cut(name, LONGEST_NAME)
    wire = name.lower()
    limit = _limit_of(wire)
    if not limit:
        repairs.append(RepairKind.SERVER_NAME_DROPPED)
    return _Name(_SPELLED.get(wire, name), wire, limit, tuple(repairs))


# Monitoring systems send the same few names over and over. Long ones are not remembered: a sender
# could fill the memory with them.
_MEMORABLE = 64
_known_name = lru_cache(maxsize=4096)(_read_name)


def _limit_of(wire: str) -> int:
    if wire.startswith(_ANNOTATION_PREFIX):
        return LONGEST_ANNOTATION
    if wire.startswith(_SERVER_PREFIX) or wire in _SERVER_NAMES:
        return 0
    return _LIMITS.get(wire, LONGEST_FIELD)
