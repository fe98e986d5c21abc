"""How an entry of the timeline looks, in a page and as it comes in live."""

from datetime import datetime, tzinfo
from typing import Final

from tocsin.actions.show_feed import FeedEntry
from tocsin.domain.feed import Group
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.web.rendering import render_part

_WORDS: Final = {
    Kind.OPENED: "Opened",
    Kind.ROLLED_UP: "Rolled up",
    Kind.RECORDED: "Recorded",
    Kind.ACKNOWLEDGED: "Acknowledged",
    Kind.HELD: "On hold",
    Kind.HOLD_ENDED: "Hold ended",
    Kind.REOPENED: "Reopened",
    Kind.RESOLVED: "Resolved",
    Kind.REROUTED: "Rerouted",
    Kind.MOVED: "New version",
    Kind.NOTED: "Note",
    Kind.NOT_STARTED: "Not started",
    Kind.TARGET_SKIPPED: "Skipped",
    Kind.REACHED_NOBODY: "Reached nobody",
    Kind.SENT_AGAIN: "Sent again",
    Kind.NOBODY_LEFT: "Nobody left",
    Kind.PAGED: "Paged",
    Kind.FOLLOWED_UP: "Followed up",
    Kind.POISONED: "Put off",
    Kind.WEBHOOK_DISABLED: "Disabled",
    Kind.BREAKER_OPENED: "Breaker open",
    Kind.BREAKER_CLOSED: "Breaker closed",
    Kind.WEBHOOK_FAILING: "Failing",
    Kind.WEBHOOK_WORKS_AGAIN: "Works again",
    Kind.PAUSED: "Paused",
    Kind.UNPAUSED: "Resumed",
    Kind.CERTIFICATE_ENDING: "Certificate",
    Kind.AUTH_CODE_PROMOTED: "Auth code",
    Kind.PEER_REACHED: "Watch",
    Kind.PEER_NOT_REACHED: "Watch",
    Kind.PEER_NOT_CALLED: "Watch",
    Kind.NODE_JOINED: "Node",
    Kind.NODE_CAME_BACK: "Node",
    Kind.NODE_LEFT: "Node",
    Kind.NODE_FELL_SILENT: "Node",
}
_CALLED_OFF: Final = (Outcome.CANCELLED, Outcome.WITHDRAWN)
_COLOURS: Final = {
    Group.FAILURES: "bad",
    Group.PAGES: "calm",
    Group.PEOPLE: "calm",
    Group.ALERTS: "plain",
    Group.SYSTEM: "plain",
}
_TAKEN: Final = (Kind.ACKNOWLEDGED, Kind.HELD)
"""In the colour that the incident's status has."""
_OPENING: Final = (Kind.OPENED, Kind.REOPENED, Kind.HOLD_ENDED)


def render_entry(entry: FeedEntry, now: datetime, zone: tzinfo) -> str:
    """Return an entry as an item of a list."""
    word, colour = chip_of(entry)
    return render_part("entry.html", now=now, zone=zone, entry=entry, word=word, colour=colour)


def chip_of(entry: FeedEntry) -> tuple[str, str]:
    """Return in a word what an entry is, and the colour that goes with it."""
    kind = entry.told.kind
    if kind is Kind.ATTEMPTED:
        outcome = entry.told.detail["outcome"]
        if outcome == Outcome.DELIVERED:
            return "Delivered", "good"
        if outcome in _CALLED_OFF:
            return "Called off", "plain"
        return ("Failed", "bad") if outcome else ("Sending", "calm")
    if kind in _TAKEN:
        return _WORDS[kind], "waiting"
    if kind is Kind.RESOLVED:
        return _WORDS[kind], "good"
    return _WORDS[kind], "waiting" if kind in _OPENING else _COLOURS[entry.group]
