"""What people write into the forms of incidents, read and refused in words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import ClassVar, Final

from tocsin.actions import incidents
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import Result
from tocsin.domain.duration import parse_duration
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.web.rendering import zone_of
from tocsin.web.visit import Visit

LONGEST_MESSAGE: Final = 1024
"""Characters, as the API takes."""
MOST_LISTED: Final = 100
"""Policies that a form lists; where there are more, one writes which."""
HOLDS: Final = (("15m", "15 min"), ("1h", "1 hour"), ("4h", "4 hours"), ("8h", "8 hours"))
"""Those that people usually choose."""

_PLAIN: Final[Mapping[str, Callable[..., list[Result]]]] = {
    "acknowledge": incidents.acknowledge,
    "resolve": incidents.resolve,
    "reopen": incidents.reopen,
}

Act = Callable[[Tx, Context, Sequence[int]], list[Result]]


class UnreadableForm(TocsinError):
    """What was written into a form cannot be meant."""

    code: ClassVar[str] = "unreadable_form"
    status_hint: ClassVar[int] = 422


def read_message(visit: Visit) -> str:
    """Return the word to the others. Raises: UnreadableForm."""
    message = visit.form.get("message", "").strip()
    if len(message) > LONGEST_MESSAGE:
        raise UnreadableForm(
            f"a message has at most {LONGEST_MESSAGE} characters, and this one {len(message)}: write the "
            "rest into a note"
        )
    return message


def read_hold(visit: Visit) -> datetime | timedelta:
    """Return until when, or for how long. Raises: UnreadableForm, and what `parse_duration` raises."""
    form = visit.form
    chosen = form.get("for", "").strip()
    if chosen:
        return parse_duration(chosen)
    until, length = form.get("until", "").strip(), form.get("length", "").strip()
    if bool(until) is bool(length):
        raise UnreadableForm("say for how long, such as 90m, or until when; one of them")
    return read_local_instant(until, zone_of(visit)) if until else parse_duration(length)


def read_local_instant(text: str, zone: tzinfo) -> datetime:
    """Return the instant that a browser's field for date and time names. Raises: UnreadableForm."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableForm("write an instant like 2026-11-23T21:05") from None


def read_policies(visit: Visit) -> list[str]:
    """Return the policies that were ticked or written, as team/policy."""
    return [each.strip() for each in visit.all("policy") if each.strip()]


def read_act(visit: Visit, deed: str) -> Act:
    """Return what a form asks to be done, with what it says. Raises: what is wrong with it."""
    if deed == "note":
        return partial(incidents.note, text=visit.form.get("text", ""), actor=visit.principal.actor)
    return partial(_said_act(visit, deed), actor=visit.principal.actor, message=read_message(visit))


def _said_act(visit: Visit, deed: str) -> Callable[..., list[Result]]:
    match deed:
        case "hold":
            return partial(incidents.hold, until=read_hold(visit))
        case "reroute":
            return partial(incidents.reroute, policies=read_policies(visit))
        case "move":
            return partial(incidents.move, policies=read_policies(visit))
    if deed not in _PLAIN:
        raise UnreadableForm(f"there is no such action: {deed[:40]!r}")
    return _PLAIN[deed]
