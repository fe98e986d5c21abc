"""Routing keys: the label in an alert's URL that picks escalation policies."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from tocsin.domain.message_type import MessageType, message_type_of
from tocsin.errors import TocsinError

LONGEST_ROUTING_KEY = 100  # ours; VictorOps states none
_ROUTING_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_ROUTING_KEY}}}")

OPENING_TYPES_BY_DEFAULT = frozenset({MessageType.CRITICAL})
_MAY_OPEN = (MessageType.CRITICAL, MessageType.WARNING, MessageType.INFO)


class InvalidRoutingKey(TocsinError):
    """The text cannot be a routing key."""

    code: ClassVar[str] = "invalid_routing_key"


class InvalidOpeningTypes(TocsinError):
    """The text does not list message types that can open an incident."""

    code: ClassVar[str] = "invalid_opening_types"


@dataclass(frozen=True, slots=True)
class RoutingKey:
    """A routing key, compared without regard to case.

    Raises: InvalidRoutingKey.
    Source: Splunk On-Call docs, "Create & manage alert routing keys": case-insensitive; letters,
    numbers, hyphens and underscores.
    """

    value: str

    def __post_init__(self) -> None:
        # Check before folding: "\u212a" (Kelvin) folds to "k" and would get in.
        if not _ROUTING_KEY.fullmatch(self.value):
            raise InvalidRoutingKey(
                f"{self.value[:LONGEST_ROUTING_KEY]!r} cannot be a routing key: write 1 to "
                f"{LONGEST_ROUTING_KEY} letters, digits, hyphens and underscores",
                routing_key=self.value[:LONGEST_ROUTING_KEY],
            )
        object.__setattr__(self, "value", self.value.lower())

    def __str__(self) -> str:
        return self.value


def routing_key_of(text: str) -> RoutingKey | None:
    """Return the routing key that the last segment of an alert's URL names, or None.

    An alert is never refused for its routing key: where this returns None, because the segment
    is empty, missing or nothing that a key can be, the default routing takes the alert.
    """
    # Long texts are not worth remembering, and would let a sender fill the memory.
    return _find(text) if len(text) <= LONGEST_ROUTING_KEY else None


@lru_cache(maxsize=1024)
def _find(text: str) -> RoutingKey | None:
    try:
        return RoutingKey(text)
    except InvalidRoutingKey:
        return None


def parse_opening_types(text: str) -> frozenset[MessageType]:
    """Return the message types that open an incident, from text such as `CRITICAL, WARNING`.

    ACKNOWLEDGEMENT and RECOVERY cannot open one. Raises: InvalidOpeningTypes.
    """
    words = text.replace(",", " ").split()
    types = frozenset(_opening_type(word) for word in words)
    if not types:
        raise InvalidOpeningTypes("Name at least one message type that opens an incident: CRITICAL")
    return types


def _opening_type(word: str) -> MessageType:
    found = message_type_of(word)
    if found not in _MAY_OPEN:
        raise InvalidOpeningTypes(
            f"{word[:40]!r} cannot open an incident: write some of {', '.join(_MAY_OPEN)}",
            given=word[:40],
        )
    return found


def format_opening_types(types: Iterable[MessageType]) -> str:
    """Return the text that `parse_opening_types` reads back, the gravest type first."""
    given = frozenset(types)
    return ", ".join(each for each in _MAY_OPEN if each in given)
