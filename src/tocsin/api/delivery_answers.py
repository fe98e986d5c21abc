"""Deliveries, their attempts and their requests, as answers show them."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from tocsin.actions.attempt_facts import facts_of
from tocsin.actions.show_deliveries import DeliveryLine, ShownDelivery
from tocsin.actions.show_request import ShownRequest
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.api.incident_answers import PlaceAnswer, render_place
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.outcome import Outcome, explain
from tocsin.domain.request_source import RequestSource
from tocsin.ids import DELIVERY, id_text
from tocsin.store.delivery_reads import Attempt

_MILLISECOND: Final = timedelta(milliseconds=1)
_DeliveryId = Annotated[str, Field(examples=["dlv_0c8ef309e0007401"])]


class StepAnswer(AnswerModel):
    """The step that made a delivery, or the one that it sends once more."""

    escalation: int
    policy: Annotated[str, Field(examples=["ops/primary"])]
    version: int
    place: PlaceAnswer


class AttemptAnswer(AnswerModel):
    """One HTTP exchange. Without an outcome it is under way."""

    number: int
    started_at: Instant
    first_byte_at: Instant | None
    ended_at: Instant | None
    outcome: Outcome | None
    status: Annotated[int | None, Field(description="Of the answer; null when none came")]
    explanation: Annotated[str | None, Field(description="The likely cause, and what to do")]


class DeliveryFacts(AnswerModel):
    """The obligation to tell one webhook one thing."""

    id: _DeliveryId
    webhook: Annotated[str, Field(examples=["pager"])]
    test: Annotated[bool, Field(description="No incident asked for it")]
    incident: Annotated[int | None, Field(description="null: a test")]
    step: StepAnswer | None
    resend_of: Annotated[
        str | None,
        Field(description="The delivery that it sends once more, because somebody asked"),
    ]
    follow_up: Annotated[
        FollowUp | None,
        Field(description="What it tells, if it follows a page; it has no step then"),
    ]
    state: DeliveryState
    planned_at: Instant
    created_at: Instant
    due_at: Annotated[Instant | None, Field(description="When the next attempt is due")]
    ended_at: Instant | None
    end_reason: str | None


class DeliveryAnswer(DeliveryFacts):
    """A delivery and its attempts."""

    attempts: list[AttemptAnswer]


class PhasesAnswer(AnswerModel):
    """How long each part of an attempt took, in milliseconds; null: it did not take place."""

    resolve: Annotated[float | None, Field(description="Looking up the host's name")]
    connect: float | None
    tls: float | None
    first_byte: Annotated[
        float | None, Field(description="From the request's first byte to the answer's")
    ]
    total: float | None


class ShownAttemptAnswer(AttemptAnswer):
    """An attempt with all that is known. Address and headers are for administrators.

    In the answer's headers and body secrets are masked: cookies, what authenticates somebody, and
    whatever it repeats of the auth code, the URL and the signatures.
    """

    reason: str | None
    address: str | None
    reused: Annotated[bool, Field(description="Over a connection that was open already")]
    milliseconds: PhasesAnswer
    answer_headers: list[tuple[str, str]] | None
    answer_body: Annotated[str | None, Field(description="Its first 4 KiB")]
    answer_decision: Annotated[
        AnswerDecision | None,
        Field(description="What came of an answer that asked for something; null: it did not ask"),
    ]
    answer_explanation: Annotated[str | None, Field(description="The same, in words")]


class RequestAnswer(AnswerModel):
    """The request, to the byte; a header is null where it holds a signature, or is not known.

    The URL and what gives it away are for administrators.
    """

    source: Annotated[
        RequestSource, Field(description="Whether it was sent so; `note` says what it means")
    ]
    note: str
    url: str | None
    request_line: str | None
    headers: list[tuple[str, str | None]]
    body: str
    fields: list[tuple[str, str]]


class AttemptRequestAnswer(RequestAnswer):
    """The request of an attempt."""

    text: Annotated[
        str,
        Field(description="All of it as it goes over the wire, with *** where a header is null"),
    ]


class ShownDeliveryAnswer(DeliveryFacts):
    """A delivery with every attempt in full, and the request of the last one, or of the next."""

    resends: Annotated[list[_DeliveryId], Field(description="What sent it once more")]
    attempts: list[ShownAttemptAnswer]
    request: RequestAnswer


def render_delivery_line(line: DeliveryLine) -> dict[str, Any]:
    delivery, step = line.delivery, line.step
    return {
        "id": id_text(DELIVERY, delivery.id),
        "webhook": line.webhook,
        "test": delivery.incident is None,
        "incident": delivery.incident,
        "step": step
        and StepAnswer(
            escalation=step.escalation,
            policy=step.policy,
            version=step.version,
            place=render_place(step.place),
        ),
        "resend_of": None if delivery.resend_of is None else id_text(DELIVERY, delivery.resend_of),
        "follow_up": delivery.follow_up,
        "state": delivery.state,
        "planned_at": delivery.planned_at,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "ended_at": delivery.ended_at,
        "end_reason": delivery.end_reason,
        "attempts": [AttemptAnswer(**_attempt(attempt)) for attempt in line.attempts],
    }


def render_delivery(shown: ShownDelivery, *, with_url: bool) -> ShownDeliveryAnswer:
    line = render_delivery_line(shown.line) | {
        "attempts": [_shown_attempt(each, with_url=with_url) for each in shown.line.attempts]
    }
    return ShownDeliveryAnswer(
        **line,
        resends=[id_text(DELIVERY, id_) for id_ in shown.resends],
        request=RequestAnswer(**_request(shown.request)),
    )


def render_request(request: ShownRequest) -> AttemptRequestAnswer:
    return AttemptRequestAnswer(**_request(request), text=request.text)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    outcome, status = attempt.outcome, attempt.status_code
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "first_byte_at": attempt.first_byte_at,
        "ended_at": attempt.ended_at,
        "outcome": outcome,
        "status": status,
        "explanation": explain(outcome, status or 0) if outcome else None,
    }


def _shown_attempt(attempt: Attempt, *, with_url: bool) -> ShownAttemptAnswer:
    facts = facts_of(attempt, with_url=with_url)
    phases = {
        name: None if length is None else length / _MILLISECOND
        for name, length in facts.phases.items()
    }
    return ShownAttemptAnswer(
        **_attempt(attempt),
        reason=facts.reason,
        address=facts.address,
        reused=facts.is_reused,
        milliseconds=PhasesAnswer(**phases),
        answer_headers=None if facts.headers is None else list(facts.headers),
        answer_body=facts.body,
        answer_decision=facts.decision,
        answer_explanation=facts.decision.sentence if facts.decision else None,
    )


def _request(request: ShownRequest) -> dict[str, Any]:
    return {
        "source": request.source,
        "note": request.source.sentence,
        "url": request.url,
        "request_line": request.request_line,
        "headers": list(request.headers),
        "body": request.body,
        "fields": list(request.fields),
    }
