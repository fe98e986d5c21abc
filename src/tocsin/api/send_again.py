"""Sending deliveries again: one, or all of a choice, which are counted first."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response

from tocsin.actions.incident_set import Context
from tocsin.actions.named_steps import Names
from tocsin.actions.send_again import (
    MOST_AT_ONCE,
    SLICE,
    Chosen,
    CountChanged,
    LeftOut,
    Result,
    choose,
    note_sent_again,
    send_again,
    send_one_again,
)
from tocsin.actions.show_deliveries import describe_deliveries, get_delivery
from tocsin.api.access import Responder
from tocsin.api.declaring import management
from tocsin.api.deliveries import DeliveryId
from tocsin.api.delivery_answers import DeliveryAnswer, render_delivery_line
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import (
    AnswerModel,
    GivenInstant,
    IncidentNumber,
    RequestModel,
    instant_text,
)
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.send_again import Resending
from tocsin.ids import DELIVERY, parse_id
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx
from tocsin.store.resends import Choice

router: Final = management("deliveries", prefix="/deliveries")


class SentAgainAnswer(DeliveryAnswer):
    """The delivery that is sent: the one that was asked for, or a new one with `resend_of`."""

    changed: bool
    resending: Annotated[Resending, Field(description="What became of the wish")]


class ManyToSend(RequestModel):
    """Which deliveries to send again; all that is given must hold of each."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"webhook": "pager", "since": "2026-11-23T19:00:00Z", "dry_run": True},
                {"webhook": "pager", "since": "2026-11-23T19:00:00Z", "expected_count": 312},
            ]
        }
    )
    webhook: Annotated[str | None, Field(max_length=64, description="A webhook's slug")] = None
    state: Literal["failed", "pending", "delivered"] = "failed"
    incident: IncidentNumber | None = None
    test: bool | None = None
    since: Annotated[GivenInstant | None, Field(description="Made at this instant or later")] = None
    until: Annotated[GivenInstant | None, Field(description="Made before this instant")] = None
    dry_run: Annotated[bool, Field(description="Only count")] = False
    expected_count: Annotated[
        int | None,
        Field(ge=0, le=MOST_AT_ONCE, description="What a dry run counted; needed without one"),
    ] = None

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if not self.dry_run and self.expected_count is None:
            raise ValueError("count them with dry_run, and give the count as expected_count")
        return self


class SentManyAnswer(AnswerModel):
    """What was sent again, or would be."""

    dry_run: bool
    count: Annotated[int, Field(description="How many are sent again, or would be")]
    unchanged: Annotated[int, Field(description="Those due or under way already")]
    refused: Annotated[
        dict[str, int], Field(description="How many are not sent, by the code that says why")
    ]


@router.post("/send-again", summary="Send many deliveries again")
async def send_many_again(principal: Responder, work: Work, many: ManyToSend) -> SentManyAnswer:
    """With `dry_run` they are counted; with that count they are sent, in slices, the oldest first."""
    chosen = await work.read(lambda tx: _choose(tx, work, many))
    if many.dry_run:
        return _answer(len(chosen.ids), chosen.left_out, dry_run=True)
    if len(chosen.ids) != many.expected_count:
        raise CountChanged(expected=many.expected_count or 0, count=len(chosen.ids))
    actor, facts = principal.actor, _facts(many)
    sent = 0
    for at in range(0, len(chosen.ids), SLICE):
        ids = chosen.ids[at : at + SLICE]

        def change(tx: Tx, context: Context, ids: list[int] = ids) -> list[Result]:
            if ids[0] == chosen.ids[0]:
                note_sent_again(
                    tx, context, actor=actor, object_=many.webhook or "all", facts=facts
                )
            return send_again(tx, context, ids, actor=actor)

        sent += chosen.left_out.count(await work.change(change))
    return _answer(sent, chosen.left_out, dry_run=False)


@router.post(
    "/{delivery_id}/send-again",
    summary="Send a delivery again",
    responses={200: {"model": SentAgainAnswer}},
)
async def send_delivery_again(
    principal: Responder, once: Once, delivery_id: DeliveryId
) -> Response:
    """One that failed or waits is due now, under its id; of one that was delivered a new one is made."""
    id_ = parse_id(DELIVERY, delivery_id)
    actor = principal.actor

    def send(tx: Tx, context: Context) -> SentAgainAnswer:
        sent = send_one_again(tx, context, id_, actor=actor)
        (line,) = describe_deliveries(tx, [get_delivery(tx, sent.delivery)])
        return SentAgainAnswer(
            **render_delivery_line(line),
            changed=sent.resending.changes,
            resending=sent.resending,
        )

    return await once.run(send, status=200)


def _choose(tx: Tx, work: Transactions, many: ManyToSend) -> Chosen:
    choice = Choice(
        state=DeliveryState(many.state),
        webhook_ids=None if many.webhook is None else Names(tx).webhook_ids(many.webhook),
        incident=many.incident,
        is_test=many.test,
        since=many.since,
        until=many.until,
    )
    services = work.services
    return choose(tx, services.cache.current(tx), choice, now=services.clock.now())


def _facts(many: ManyToSend) -> dict[str, Any]:
    """Return what was asked for, for the record."""
    given = many.model_dump(exclude={"dry_run"}, exclude_none=True)
    return {
        name: instant_text(value) if isinstance(value, datetime) else value
        for name, value in given.items()
    }


def _answer(count: int, left_out: LeftOut, *, dry_run: bool) -> SentManyAnswer:
    return SentManyAnswer(
        dry_run=dry_run,
        count=count,
        unchanged=left_out.unchanged,
        refused=dict(left_out.refused),
    )
