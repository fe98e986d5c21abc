"""What is on record of an attempt besides its outcome, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tocsin.domain.answer_action import AnswerDecision
from tocsin.store.delivery_reads import Attempt

PHASES: Final = ("resolve", "connect", "tls", "first_byte", "total")


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """The facts of one attempt. A phase is None that did not take place."""

    reason: str | None
    address: str | None
    is_reused: bool
    """Over a connection that was open already."""
    phases: Mapping[str, timedelta | None]
    headers: tuple[tuple[str, str], ...] | None
    body: str | None
    """The answer's first 4 KiB."""
    decision: AnswerDecision | None
    """What came of an answer that asked for something."""


def facts_of(attempt: Attempt, *, with_url: bool) -> AttemptFacts:
    """Return what is known. Address and headers give the URL away: `with_url` is for administrators."""
    detail = attempt.detail or {}
    lengths: list[int | None] = detail.get("us") or [None] * len(PHASES)
    headers = detail.get("headers") if with_url else None
    return AttemptFacts(
        reason=detail.get("reason") or None,
        address=detail.get("address") or None if with_url else None,
        is_reused=bool(detail.get("reused")),
        phases={
            name: timedelta(microseconds=us) if us else None
            for name, us in zip(PHASES, lengths, strict=True)
        },
        headers=None if headers is None else tuple((name, value) for name, value in headers),
        body=detail.get("body"),
        decision=AnswerDecision(detail["answer"]) if "answer" in detail else None,
    )
