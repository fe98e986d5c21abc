"""The feed: what happened anywhere, in the order of commits, each entry at a place of its own for ever."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from tocsin.domain.actor import OF_A_LINK, OF_A_TOKEN, OF_A_USER, OF_A_WEBHOOK
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.errors import TocsinError

_PLACE: Final = re.compile(r"(\d{1,18})-(\d{1,9})")


class InvalidPlace(TocsinError):
    """A text is no place in the feed."""

    code: ClassVar[str] = "invalid_place"
    status_hint: ClassVar[int] = 422


class Place(NamedTuple):
    """Where an entry stands: the position of its transaction, and its number among what that one added."""

    position: int
    number: int

    def __str__(self) -> str:
        return f"{self.position}-{self.number}"

    @property
    def behind(self) -> "Place":
        """The place right behind this one."""
        return Place(self.position, self.number + 1)


BEGINNING: Final = Place(0, 0)
"""Before every entry."""


def parse_place(text: str) -> Place:
    """Return the place that a text names, as `str` writes it. Raises: InvalidPlace."""
    found = _PLACE.fullmatch(text)
    if found is None or not text.isascii():
        raise InvalidPlace(
            "This is no place in the timeline: use a link as it was given", place=text[:40]
        )
    return Place(*map(int, found.groups()))


class Group(StrEnum):
    """What an entry is about, as people choose what they look at. Each entry is in one."""

    PAGES = "pages"
    PEOPLE = "people"
    ALERTS = "alerts"
    FAILURES = "failures"
    SYSTEM = "system"


_NEUTRAL: Final = frozenset({None, Outcome.DELIVERED, Outcome.CANCELLED, Outcome.WITHDRAWN})
"""What became of an attempt that did not fail; None: it is under way."""
_PERSON: Final = (OF_A_TOKEN, OF_A_USER, OF_A_WEBHOOK, OF_A_LINK)
_BY_PERSON_OR_ALERT: Final = frozenset(
    {
        *(Kind.OPENED, Kind.ACKNOWLEDGED, Kind.HELD, Kind.REOPENED, Kind.RESOLVED),
        *(Kind.ROLLED_UP, Kind.RECORDED, Kind.REROUTED, Kind.MOVED, Kind.NOTED),
    }
)
_GROUPS: Final = {
    Kind.PAGED: Group.PAGES,
    Kind.FOLLOWED_UP: Group.PAGES,
    Kind.HOLD_ENDED: Group.PAGES,
    Kind.SENT_AGAIN: Group.PEOPLE,
    Kind.PAUSED: Group.PEOPLE,
    Kind.UNPAUSED: Group.PEOPLE,
    Kind.AUTH_CODE_PROMOTED: Group.PEOPLE,
    Kind.BREAKER_CLOSED: Group.SYSTEM,
    Kind.WEBHOOK_WORKS_AGAIN: Group.SYSTEM,
    Kind.PEER_REACHED: Group.SYSTEM,
    Kind.NODE_JOINED: Group.SYSTEM,
    Kind.NODE_CAME_BACK: Group.SYSTEM,
    Kind.NODE_LEFT: Group.SYSTEM,
    **dict.fromkeys(
        (
            *(Kind.NOT_STARTED, Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY, Kind.NOBODY_LEFT),
            *(Kind.POISONED, Kind.WEBHOOK_DISABLED, Kind.BREAKER_OPENED, Kind.WEBHOOK_FAILING),
            *(Kind.CERTIFICATE_ENDING, Kind.PEER_NOT_REACHED, Kind.PEER_NOT_CALLED),
            Kind.NODE_FELL_SILENT,
        ),
        Group.FAILURES,
    ),
}


GROUPS_OF_KEYS: Final = {
    "paged": Group.PAGES,
    "followed_up": Group.PAGES,
    **{
        each.value: _GROUPS[each]
        for each in (Kind.NODE_JOINED, Kind.NODE_CAME_BACK, Kind.NODE_LEFT, Kind.NODE_FELL_SILENT)
    },
}
"""The groups of entries that are told by what the feed calls them alone."""


def group_of(entry: TimelineEntry) -> Group:
    """Return the group of an entry."""
    if entry.kind is Kind.ATTEMPTED:
        return group_of_attempt(entry.detail["outcome"])
    if entry.kind in _BY_PERSON_OR_ALERT:
        return Group.PEOPLE if entry.actor.startswith(_PERSON) else Group.ALERTS
    return _GROUPS[entry.kind]


def group_of_attempt(outcome: str | None) -> Group:
    """Return the group of an attempt that ended so; None: it is under way."""
    return Group.PAGES if outcome in _NEUTRAL else Group.FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody looks for in the feed; None: any."""

    group: Group | None = None
    incident: int | None = None
    routing_key: str | None = None
    """In lower case; empty: the default routing."""
    entity: str | None = None
    """How the entity's id begins, in any case of its letters."""

    @property
    def is_all(self) -> bool:
        return self == _ALL

    @property
    def is_about_incidents(self) -> bool:
        """Whether what belongs to no incident is not wanted."""
        return any(each is not None for each in (self.incident, self.routing_key, self.entity))

    def takes(self, group: Group, about: "About | None") -> bool:
        """Return whether an entry of a group, about an incident or none, is wanted."""
        if self.group is not None and group is not self.group:
            return False
        return not self.is_about_incidents if about is None else self.takes_incident(about)

    def takes_incident(self, about: "About") -> bool:
        """Return whether entries about this incident are wanted, as far as that goes."""
        return (
            self.incident in (None, about.number)
            and self.routing_key in (None, about.routing_key)
            and (self.entity is None or about.entity_id.lower().startswith(self.entity.lower()))
        )


_ALL: Final = Wanted()


class About(NamedTuple):
    """The incident that an entry is about, as far as somebody may look for it."""

    number: int
    entity_id: str
    routing_key: str
