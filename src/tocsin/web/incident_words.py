"""Words for what an incident's page shows, in the time zone of who looks."""

from datetime import timedelta
from typing import Any, Final

from tocsin.actions.show_deliveries import DeliveryLine
from tocsin.actions.show_ladder import Ladder
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import EndReason
from tocsin.domain.ladder import RungState
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline_sentence import attempt_text
from tocsin.domain.why import because
from tocsin.domain.wording import lateness_text, length_text

_STATES: Final = {
    RungState.FIRED: ("fired", "calm"),
    RungState.NEXT: ("next", "waiting"),
    RungState.TO_COME: ("to come", "plain"),
    RungState.NEVER: ("not fired", "plain"),
}
_DELIVERIES: Final = {
    DeliveryState.PENDING: "waiting",
    DeliveryState.SENDING: "waiting",
    DeliveryState.DELIVERED: "good",
    DeliveryState.FAILED: "bad",
    DeliveryState.CANCELLED: "plain",
}
_ENDS: Final = {
    EndReason.EXHAUSTED: "the last step has fired",
    EndReason.ACKNOWLEDGED: "acknowledged",
    EndReason.HELD: "held",
    EndReason.RESOLVED: "resolved",
    EndReason.REROUTED: "rerouted",
    EndReason.MOVED: "moved to a newer version",
}


def ending_text(ladder: Ladder) -> str:
    """Return what ended an escalation, and by whom."""
    assert ladder.end_reason is not None
    by = f" by {ladder.ended_by}" if ladder.ended_by else ""
    return f"{_ENDS[ladder.end_reason]}{by}"


def last_attempt_text(line: DeliveryLine) -> str:
    """Return what the receiver answered last, and what was done because of it."""
    if not line.attempts:
        if line.delivery.waits_for is not None:
            return "it waits for the page before it"
        return "no attempt yet" if not line.delivery.state.is_ended else "no attempt was made"
    last = line.attempts[-1]
    took = None if last.ended_at is None else last.ended_at - last.started_at
    if last.outcome is Outcome.DELIVERED:  # which the delivery's state has said
        text = f", HTTP {last.status_code}" + (f" after {length_text(took)}" if took else "")
    else:
        text = f" {attempt_text(last.outcome, last.status_code, found=last.tls_reason, took=took)}"
    if decision := (last.detail or {}).get("answer"):
        text += f"; {AnswerDecision(decision).sentence}"
    made = f"attempt {last.number}" if last.number > 1 else "first attempt"
    return f"{made}{text}"


def took_text(length: timedelta | None, nothing: str = "never") -> str:
    """Return how long something took, if it has happened."""
    return nothing if length is None else length_text(length)


WORDS: Final[dict[str, Any]] = {
    "rung_state": _STATES.__getitem__,
    "delivery_kind": _DELIVERIES.__getitem__,
    "ending": ending_text,
    "last_attempt": last_attempt_text,
    "late": lateness_text,
    "took": took_text,
    "because": because,
}
"""What the templates of an incident's page call."""
