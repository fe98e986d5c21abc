"""The fate of an alert, as it is counted for the key that it came by: whether somebody could be paged for it."""

from enum import StrEnum
from typing import Final

from tocsin.domain.incident import Effect


class Fate(StrEnum):
    """What an alert came to. Each alert has one."""

    PAGED = "paged"
    """It opened or reopened an incident, and policies started."""
    STARTED_NO_POLICY = "started_no_policy"
    """It opened or reopened an incident, and none could start."""
    JOINED = "joined"
    """It was about an open incident: it rolled up, acknowledged, or resolved."""
    JOINED_NO_POLICY = "joined_no_policy"
    """It rolled up into an incident for which no policy could start."""
    UNKNOWN_TYPE = "unknown_type"
    """Its message type is none that exists, so it counted as INFO."""
    DOES_NOT_OPEN = "does_not_open"
    """Its type opens no incident under its routing key."""
    NO_OPEN_INCIDENT = "no_open_incident"
    """There was nothing to acknowledge or to resolve."""
    RECORDED = "recorded"
    """It is INFO."""


PAGED_NOBODY: Final = (
    Fate.STARTED_NO_POLICY,
    Fate.JOINED_NO_POLICY,
    Fate.UNKNOWN_TYPE,
    Fate.DOES_NOT_OPEN,
    Fate.NO_OPEN_INCIDENT,
    Fate.RECORDED,
)
"""The fates of alerts that paged nobody and joined nothing that did, those that surprise most first."""
_OPENING: Final = (Effect.OPENED, Effect.REOPENED)
_OF_EFFECT: Final = {
    Effect.DOES_NOT_OPEN: Fate.DOES_NOT_OPEN,
    Effect.NO_OPEN_INCIDENT: Fate.NO_OPEN_INCIDENT,
    Effect.RECORDED: Fate.RECORDED,
}

_TEXTS: Final = {
    Fate.PAGED: "opened an incident and paged",
    Fate.STARTED_NO_POLICY: "opened an incident that started no policy",
    Fate.JOINED: "joined an open incident",
    Fate.JOINED_NO_POLICY: "joined an open incident that started no policy",
    Fate.UNKNOWN_TYPE: "had a message type that does not exist, and counted as INFO",
    Fate.DOES_NOT_OPEN: "had a type that opens no incident under its routing key",
    Fate.NO_OPEN_INCIDENT: "found no open incident to acknowledge or resolve",
    Fate.RECORDED: "said INFO, which is only recorded",
}


def fate_of(effect: Effect, *, is_unknown_type: bool, has_no_policy: bool) -> Fate:
    """Return the fate of an alert. `has_no_policy`: of the policies of its incident, none could start."""
    if effect in _OPENING:
        return Fate.STARTED_NO_POLICY if has_no_policy else Fate.PAGED
    if effect is Effect.ROLLED_UP and has_no_policy:
        return Fate.JOINED_NO_POLICY
    if is_unknown_type:
        return Fate.UNKNOWN_TYPE
    return _OF_EFFECT.get(effect, Fate.JOINED)


def fate_text(fate: Fate) -> str:
    """Return what alerts of a fate came to, as it goes behind their number."""
    return _TEXTS[fate]
