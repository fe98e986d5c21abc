"""Why was somebody paged, or nobody?"""

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from tocsin.actions.why import why
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.domain.alert import stored_entity_id
from tocsin.domain.answer import Topic
from tocsin.ids import DELIVERY, id_text

router: Final = management("why")


class SentenceAnswer(AnswerModel):
    """One thing that is known."""

    topic: Topic
    text: str
    at: Instant | None
    reason: Annotated[str | None, Field(description="Stable; programs go by it")]


class WhyAnswer(AnswerModel):
    """Everything from what was received to what happens next; `text` is all of it, for people."""

    subject: str
    title: str
    incident: int | None
    delivery: Annotated[str | None, Field(examples=["dlv_0c8ef309e0007401"])]
    sentences: list[SentenceAnswer]
    text: str


@router.get("/why", summary="Why was somebody paged, or nobody?", dependencies=READS)
async def explain(
    work: Work,
    subject: Annotated[
        str,
        Query(
            min_length=1,
            max_length=4096,
            description="An entity_id, the number of an incident such as #7, or dlv_...",
            examples=["db-1/disk"],
        ),
    ],
) -> WhyAnswer:
    """Answers for any entity, also one of which nothing was received."""
    services = work.services
    asked = stored_entity_id(subject)  # numbers and ids are short, and stay as they are
    answer = await work.read(
        lambda tx: why(tx, services.cache.current(tx), asked, now=services.clock.now())
    )
    return WhyAnswer(
        subject=answer.subject,
        title=answer.title,
        incident=answer.incident,
        delivery=None if answer.delivery is None else id_text(DELIVERY, answer.delivery),
        sentences=[
            SentenceAnswer(topic=each.topic, text=each.text, at=each.at, reason=each.reason)
            for each in answer.sentences
        ],
        text=answer.text,
    )
