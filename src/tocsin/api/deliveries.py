"""Deliveries: each attempt, its outcome, and the request as it was sent."""

from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field

from tocsin.actions.show_deliveries import (
    DeliveryLine,
    ShownDelivery,
    show_deliveries,
    show_delivery,
)
from tocsin.api.access import READS, Reader
from tocsin.api.cursors import read_cursor, split_page
from tocsin.api.declaring import management
from tocsin.api.dependencies import USUAL_LIMIT, Cursor, Limit, Work
from tocsin.api.field_types import AnswerModel, IncidentNumber, Instant, Page
from tocsin.api.incident_answers import PlaceAnswer, render_place
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import Outcome, explain
from tocsin.domain.principal import Scope
from tocsin.ids import DELIVERY, id_text, parse_id
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Attempt

router: Final = management("deliveries", prefix="/deliveries")
_PHASES: Final = ("resolve", "connect", "tls", "first_byte", "total")


class StepAnswer(AnswerModel):
    """The step that made a delivery."""

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

    id: Annotated[str, Field(examples=["dlv_0c8ef309e0007401"])]
    webhook: Annotated[str, Field(examples=["pager"])]
    incident: Annotated[int | None, Field(description="null: a test")]
    step: StepAnswer | None
    state: DeliveryState
    planned_at: Instant
    created_at: Instant
    due_at: Annotated[Instant | None, Field(description="When the next attempt is due")]
    ended_at: Instant | None
    end_reason: str | None


class DeliveryAnswer(DeliveryFacts):
    """A delivery and its attempts."""

    attempts: list[AttemptAnswer]


class ShownAttemptAnswer(AttemptAnswer):
    """An attempt with all that is known. Address and headers are for administrators."""

    reason: str | None
    address: str | None
    reused: Annotated[bool, Field(description="Over a connection that was open already")]
    microseconds: Annotated[
        dict[str, int | None], Field(description="resolve, connect, tls, first_byte, total")
    ]
    answer_headers: list[tuple[str, str]] | None
    answer_body: Annotated[str | None, Field(description="How it began")]
    answer_decision: Annotated[
        AnswerDecision | None,
        Field(description="What came of an answer that asked for something; null: it did not ask"),
    ]
    answer_explanation: Annotated[str | None, Field(description="The same, in words")]


class RequestAnswer(AnswerModel):
    """The request, to the byte, but for what is made at each attempt: such a header is null.

    The URL and what gives it away are for administrators.
    """

    url: str | None
    request_line: str | None
    headers: list[tuple[str, str | None]]
    body: str
    fields: list[tuple[str, str]]


class ShownDeliveryAnswer(DeliveryFacts):
    """A delivery with every attempt in full, and the request."""

    attempts: list[ShownAttemptAnswer]
    request: RequestAnswer


@router.get("", summary="List deliveries", dependencies=READS)
async def list_deliveries(
    *,
    work: Work,
    webhook: Annotated[str | None, Query(max_length=64, description="A webhook's slug")] = None,
    state: DeliveryState | None = None,
    incident: Annotated[IncidentNumber | None, Query()] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[DeliveryAnswer]:
    """Newest first."""
    before = read_cursor(cursor)
    found = await work.read(
        lambda tx: show_deliveries(
            tx, webhook=webhook, state=state, incident=incident, before=before, limit=limit + 1
        )
    )
    page, next_cursor = split_page(found, limit, lambda line: line.delivery.id)
    return Page(
        items=[DeliveryAnswer(**render_delivery_line(each)) for each in page],
        next_cursor=next_cursor,
    )


@router.get("/{delivery_id}", summary="Show a delivery")
async def get_delivery(
    principal: Reader,
    work: Work,
    delivery_id: Annotated[str, Path(max_length=64, examples=["dlv_0c8ef309e0007401"])],
) -> ShownDeliveryAnswer:
    id_ = parse_id(DELIVERY, delivery_id)
    cache = work.services.cache
    with_url = principal.scope.covers(Scope.ADMINISTER)

    def read(tx: Tx) -> ShownDelivery:
        return show_delivery(tx, cache.current(tx), id_, with_url=with_url)

    return _render(await work.read(read), with_url=with_url)


def render_delivery_line(line: DeliveryLine) -> dict[str, Any]:
    delivery, step = line.delivery, line.step
    return {
        "id": id_text(DELIVERY, delivery.id),
        "webhook": line.webhook,
        "incident": delivery.incident,
        "step": step
        and StepAnswer(
            escalation=step.escalation,
            policy=step.policy,
            version=step.version,
            place=render_place(step.place),
        ),
        "state": delivery.state,
        "planned_at": delivery.planned_at,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "ended_at": delivery.ended_at,
        "end_reason": delivery.end_reason,
        "attempts": [AttemptAnswer(**_attempt(attempt)) for attempt in line.attempts],
    }


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
    detail = attempt.detail or {}
    decision = AnswerDecision(detail["answer"]) if "answer" in detail else None
    return ShownAttemptAnswer(
        **_attempt(attempt),
        reason=detail.get("reason") or None,
        address=detail.get("address") if with_url else None,
        reused=bool(detail.get("reused")),
        microseconds=dict(zip(_PHASES, detail.get("us", ()), strict=False)),
        answer_headers=detail.get("headers") if with_url else None,
        answer_body=detail.get("body"),
        answer_decision=decision,
        answer_explanation=decision.sentence if decision else None,
    )


def _render(shown: ShownDelivery, *, with_url: bool) -> ShownDeliveryAnswer:
    request = shown.request
    line = render_delivery_line(shown.line) | {
        "attempts": [_shown_attempt(each, with_url=with_url) for each in shown.line.attempts]
    }
    return ShownDeliveryAnswer(
        **line,
        request=RequestAnswer(
            url=request.url,
            request_line=request.request_line,
            headers=list(request.headers),
            body=request.body,
            fields=list(request.fields),
        ),
    )
