"""How an attempt ended, on its way to the store."""

from datetime import timedelta
from typing import NamedTuple

from tocsin.domain.answer_action import AnswerDecision, AskedAction
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.delivery import DEADLINE, RETRY_WAITS
from tocsin.domain.outcome import Outcome
from tocsin.store.deliveries import Lease


class AttemptResult(NamedTuple):
    """An attempt that has ended. Units: instants in microseconds since 1970."""

    lease: Lease
    run_id: int
    outcome: Outcome
    first_byte_at: int | None
    ended_at: int
    status_code: int | None
    detail: str | None
    """Facts for a person, as JSON: reason, address, phases, the head of the answer."""
    spread: float = 0.0
    """How much to vary the wait before the next attempt, -0.2 to 0.2."""
    deadline: timedelta = DEADLINE
    retry_waits: tuple[timedelta, ...] = RETRY_WAITS
    asked: timedelta | None = None
    """The receiver's Retry-After."""
    at_once: bool = False
    """The connection was an old one and gave no answer: the next attempt needs no wait."""
    certificate: ReceiverCertificate | None = None
    """What the receiver showed, if that is new."""
    answer: AskedAction | AnswerDecision | None = None
    """What the answer asks for its incident, or why it cannot have it; None: nothing."""
    head_id: int | None = None
    """Names the head of the request; None: none was made."""
