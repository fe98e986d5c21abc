"""What a receiver's answer asks for its incident, and why it was not done.

    {"incident": "acknowledge" | "resolve" | "hold", "minutes": 30, "message": "..."}

Only that, to the letter: an answer that was meant for something else must not stop a page.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from tocsin.domain.alert_fields import storable
from tocsin.domain.escalation import EndReason, Escalation
from tocsin.domain.incident import Action, Incident, Status

LONGEST_ANSWER: Final = 4096  # bytes
LONGEST_MESSAGE: Final = 1024  # characters
LEAST_MINUTES: Final = 1
MOST_MINUTES: Final = 240
MOST_HOLDS: Final = 3
"""By one webhook on one incident: a receiver that only ever holds would silence it for good."""
_OK: Final = 200
_KEYS: Final = frozenset({"incident", "minutes", "message"})
_ACTIONS: Final = {
    action.value: action for action in (Action.ACKNOWLEDGE, Action.RESOLVE, Action.HOLD)
}
_SPACE: Final = b" \t\r\n"


class AnswerDecision(StrEnum):
    """What came of an answer. The values are public and never change."""

    ACTED = "acted"
    NOT_ALLOWED = "not_allowed"
    NOT_SECURE = "not_secure"
    NOT_200 = "not_200"
    NOT_JSON = "not_json"
    NOT_WHOLE = "not_whole"
    TOO_LONG = "too_long"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_ACTION = "unknown_action"
    MINUTES_MISSING = "minutes_missing"
    MINUTES_OUT_OF_BOUNDS = "minutes_out_of_bounds"
    MINUTES_WITHOUT_HOLD = "minutes_without_hold"
    INVALID_MESSAGE = "invalid_message"
    NO_INCIDENT = "no_incident"
    STALE_ESCALATION = "stale_escalation"
    HOLD_LIMIT = "hold_limit"

    @property
    def sentence(self) -> str:
        """What it means, and what to do, for a person."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    AnswerDecision.ACTED: "its answer was carried out",
    AnswerDecision.NOT_ALLOWED: "its answer did nothing: set answer_may_act on the webhook to let it act",
    AnswerDecision.NOT_SECURE: "its answer did nothing: it may act over https or loopback only",
    AnswerDecision.NOT_200: "its answer did nothing: one that is to act has status 200",
    AnswerDecision.NOT_JSON: (
        "its answer did nothing: one that is to act is JSON, with Content-Type application/json"
    ),
    AnswerDecision.NOT_WHOLE: (
        "its answer did nothing, because its end did not come: send a Content-Length"
    ),
    AnswerDecision.TOO_LONG: "its answer did nothing: one that is to act has 4 KiB at the most",
    AnswerDecision.NOT_AN_OBJECT: "its answer did nothing: one that is to act is a JSON object",
    AnswerDecision.UNKNOWN_KEY: (
        "its answer did nothing: one that is to act has incident, minutes and message, each once at "
        "the most, and nothing else"
    ),
    AnswerDecision.UNKNOWN_ACTION: (
        "its answer did nothing: incident is acknowledge, resolve or hold"
    ),
    AnswerDecision.MINUTES_MISSING: "its answer did nothing: a hold needs minutes",
    AnswerDecision.MINUTES_OUT_OF_BOUNDS: (
        f"its answer did nothing: minutes is a whole number from {LEAST_MINUTES} to {MOST_MINUTES}"
    ),
    AnswerDecision.MINUTES_WITHOUT_HOLD: "its answer did nothing: minutes is for a hold only",
    AnswerDecision.INVALID_MESSAGE: (
        f"its answer did nothing: message is a text of {LONGEST_MESSAGE} characters at the most"
    ),
    AnswerDecision.NO_INCIDENT: "its answer did nothing, because a test is about no incident",
    AnswerDecision.STALE_ESCALATION: (
        "its answer did nothing, because the escalation that called it had been stopped by then"
    ),
    AnswerDecision.HOLD_LIMIT: (
        f"its answer did nothing: a webhook may hold an incident {MOST_HOLDS} times"
    ),
}


@dataclass(frozen=True, slots=True)
class AskedAction:
    """What an answer asks for. `hold_for` is None for anything but a hold."""

    action: Action
    hold_for: timedelta | None = None
    message: str = ""


def read_answer(
    *,
    may_act: bool,
    status: int,
    content_types: Sequence[str],
    body: bytes,
    is_whole: bool,
    is_tls: bool,
    address: str,
) -> AskedAction | AnswerDecision | None:
    """Return what an answer asks for, or why it cannot have it; None: it does not ask.

    `content_types` has the value of each such header, `address` is the one connected to. Of a webhook
    whose answers may not act, only one that would have acted is worth a word.
    """
    if not body.strip(_SPACE):
        return None
    read = _read(status, content_types, body, is_whole=is_whole)
    if not may_act:
        return AnswerDecision.NOT_ALLOWED if isinstance(read, AskedAction) else None
    if isinstance(read, AskedAction) and not (is_tls or _is_loopback(address)):
        return AnswerDecision.NOT_SECURE
    return read


def may_ask(body: bytes) -> bool:
    """Return whether an answer could ask for something; cheap, as every attempt's is looked at."""
    return b'"incident"' in body


def is_in_force(incident: Incident, escalation: Escalation) -> bool:
    """Return whether an escalation still pages for its incident; its last step may have fired."""
    return (
        incident.status is Status.TRIGGERED
        and escalation.round == incident.round
        and escalation.end_reason in (None, EndReason.EXHAUSTED)
    )


def _read(
    status: int, content_types: Sequence[str], body: bytes, *, is_whole: bool
) -> AskedAction | AnswerDecision:
    if status != _OK:
        return AnswerDecision.NOT_200
    if not _is_json(content_types):
        return AnswerDecision.NOT_JSON
    if len(body) > LONGEST_ANSWER or (not is_whole and len(body) == LONGEST_ANSWER):
        return AnswerDecision.TOO_LONG
    if not is_whole:
        return AnswerDecision.NOT_WHOLE
    try:
        value = json.loads(body.decode(), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return AnswerDecision.NOT_JSON
    return _read_fields(value) if isinstance(value, _Pairs) else AnswerDecision.NOT_AN_OBJECT


class _Pairs(list[tuple[str, Any]]):
    """An object with every key that was written, also one that came twice."""


def _read_fields(pairs: _Pairs) -> AskedAction | AnswerDecision:
    fields = dict(pairs)
    if len(fields) != len(pairs) or not fields.keys() <= _KEYS:
        return AnswerDecision.UNKNOWN_KEY
    named = fields.get("incident")
    action = _ACTIONS.get(named) if isinstance(named, str) else None
    if action is None:
        return AnswerDecision.UNKNOWN_ACTION
    message = fields.get("message", "")
    if not isinstance(message, str) or len(message) > LONGEST_MESSAGE:
        return AnswerDecision.INVALID_MESSAGE
    if action is Action.HOLD:
        return _read_hold(fields, storable(message))
    if "minutes" in fields:
        return AnswerDecision.MINUTES_WITHOUT_HOLD
    return AskedAction(action, message=storable(message))


def _read_hold(fields: dict[str, Any], message: str) -> AskedAction | AnswerDecision:
    if "minutes" not in fields:
        return AnswerDecision.MINUTES_MISSING
    minutes = fields["minutes"]
    # To Python, true is an integer.
    if type(minutes) is not int or not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        return AnswerDecision.MINUTES_OUT_OF_BOUNDS
    return AskedAction(Action.HOLD, timedelta(minutes=minutes), message)


def _is_json(content_types: Sequence[str]) -> bool:
    if len(content_types) != 1:
        return False
    return content_types[0].partition(";")[0].strip().lower() == "application/json"


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback
