"""Follow-ups: what a webhook that was paged may be told when its incident changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, Self

from tocsin.domain.actor import name_of_actor
from tocsin.domain.alert import STATE_FIELDS
from tocsin.domain.alert_fields import LONGEST_FIELD, LONGEST_STATE_MESSAGE, cut
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import EndReason
from tocsin.domain.incident import Incident, Status
from tocsin.domain.message_type import MessageType
from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.domain.wording import instant_text
from tocsin.errors import TocsinError


class InvalidFollowUp(TocsinError):
    """There is no follow-up of this name."""

    code: ClassVar[str] = "invalid_follow_up"
    status_hint: ClassVar[int] = 422


class FollowUp(StrEnum):
    """What a follow-up tells. The values are public and never change."""

    ACKNOWLEDGED = "acknowledged"  # held, too
    RESOLVED = "resolved"
    REOPENED = "reopened"  # or a hold ended, or what was acknowledged was rerouted

    @property
    def message_type(self) -> MessageType:
        return _TYPES[self]

    @property
    def status(self) -> Status:
        """What the incident is as long as this is so."""
        return _STATUSES[self]

    @property
    def headline(self) -> str:
        """The first word of the summary, which is PROBLEM for a page."""
        return _HEADLINES[self]

    def is_undone_by(self, reason: EndReason) -> bool:
        """Return whether it is not to be sent any more, because escalations stopped for this reason.

        What it tells would call people: like a page it has to end when somebody takes care. What tells
        that somebody did stays true.
        """
        return self is FollowUp.REOPENED and reason in _TAKING_CARE


_TAKING_CARE: Final = frozenset({EndReason.ACKNOWLEDGED, EndReason.HELD, EndReason.RESOLVED})
_TYPES: Final = {
    FollowUp.ACKNOWLEDGED: MessageType.ACKNOWLEDGEMENT,
    FollowUp.RESOLVED: MessageType.RECOVERY,
    FollowUp.REOPENED: MessageType.CRITICAL,
}
_STATUSES: Final = {
    FollowUp.ACKNOWLEDGED: Status.ACKNOWLEDGED,
    FollowUp.RESOLVED: Status.RESOLVED,
    FollowUp.REOPENED: Status.TRIGGERED,
}
_HEADLINES: Final = {
    FollowUp.ACKNOWLEDGED: "ACKNOWLEDGEMENT",
    FollowUp.RESOLVED: "RECOVERY",
    FollowUp.REOPENED: "PROBLEM",
}


def parse_follow_ups(names: Iterable[str]) -> tuple[FollowUp, ...]:
    """Return the follow-ups, each once, in one order. Raises: InvalidFollowUp."""
    given = set(names)
    known: Mapping[str, FollowUp] = {each.value: each for each in FollowUp}
    if unknown := sorted(given - known.keys()):
        raise InvalidFollowUp(
            f"there is no follow-up {unknown[0][:40]!r}: choose among {', '.join(known)}",
            given=unknown[0][:40],
        )
    return tuple(each for name, each in known.items() if name in given)


_OF_KINDS: Final = {
    Kind.ACKNOWLEDGED: FollowUp.ACKNOWLEDGED,
    Kind.HELD: FollowUp.ACKNOWLEDGED,
    Kind.RESOLVED: FollowUp.RESOLVED,
    Kind.REOPENED: FollowUp.REOPENED,
    Kind.HOLD_ENDED: FollowUp.REOPENED,
    Kind.REROUTED: FollowUp.REOPENED,
}


class Occurrence(NamedTuple):
    """A change of an incident that webhooks may be told of. `cause` is the id of its timeline entry."""

    incident: int
    cause: int
    kind: Kind
    raising_alert_id: int
    at: datetime
    actor: str
    message: str = ""
    held_until: datetime | None = None

    @classmethod
    def of(cls, entry: TimelineEntry, incident: Incident) -> Self:
        """Return what an entry says that was written when the incident had become as it is now."""
        return cls(
            incident=entry.incident,
            cause=entry.id,
            kind=entry.kind,
            raising_alert_id=incident.raising_alert_id,
            at=entry.at,
            actor=entry.actor,
            message=entry.detail.get("message", ""),
            held_until=incident.held_until,
        )

    @property
    def follow_up(self) -> FollowUp:
        return _OF_KINDS[self.kind]


def follow_up_fields(alert: Mapping[str, str], occurrence: Occurrence) -> dict[str, str]:
    """Return the fields of the alert that raised the incident, as they stand after the change.

    Those that VictorOps spells as the message type, when it was, what the state is, and who
    acknowledged. All others stay, so that a receiver finds what it was paged with.
    """
    word = str(occurrence.follow_up.message_type)
    fields = dict(alert) | {name: word for name in STATE_FIELDS if name in alert}
    fields["message_type"] = word
    if "timestamp" in fields:
        fields["timestamp"] = str(int(occurrence.at.timestamp()))
    if occurrence.follow_up is FollowUp.ACKNOWLEDGED:
        fields["ack_author"] = cut(name_of_actor(occurrence.actor), LONGEST_FIELD)
        fields["ack_msg"] = cut(occurrence.message, LONGEST_FIELD)
    fields["state_message"] = cut(_said(occurrence), LONGEST_STATE_MESSAGE)
    return fields


def _said(occurrence: Occurrence) -> str:
    what = "The hold ended"
    if occurrence.kind is not Kind.HOLD_ENDED:
        what = f"{occurrence.kind.value.capitalize()} by {name_of_actor(occurrence.actor)}"
    if occurrence.held_until is not None:
        what += f" until {instant_text(occurrence.held_until)}"
    return f"{what}: {occurrence.message}" if occurrence.message else what


class Chance(StrEnum):
    """Whether a page of an incident has reached a webhook, as far as is known."""

    LEFT = "left"  # a first byte did, or may have
    UNDER_WAY = "under_way"  # it may leave yet, or be stopped before its first byte
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page of an incident to a webhook, and whether a first byte of it left, or may have."""

    id: int
    state: DeliveryState
    has_left: bool


def decide_chance(pages: Sequence[SentPage]) -> tuple[Chance, int | None]:
    """Return whether there is something to follow up, and the page whose attempt has to end first.

    The latest of those under way, also where another has left already: a follow-up never overtakes one.
    """
    under_way = [each.id for each in pages if each.state is DeliveryState.SENDING]
    if under_way:
        return Chance.UNDER_WAY, max(under_way)
    return (Chance.LEFT if any(each.has_left for each in pages) else Chance.NONE), None
