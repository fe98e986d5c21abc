"""The timeline of everything: what happened anywhere, in the order of commits."""

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from tocsin.actions.show_feed import FeedEntry, show_feed
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import STORABLE, USUAL_LIMIT, Cursor, Limit, Work
from tocsin.api.field_types import AnswerModel, Instant, Page
from tocsin.api.incident_answers import TimelineAnswer, render_told
from tocsin.domain.feed import Group, Place, Wanted
from tocsin.domain.incident import Status
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.service.cursors import read_position, write_cursor

router: Final = management("timeline", prefix="/timeline")


class AboutAnswer(AnswerModel):
    """The incident that an entry is about, as it is now."""

    number: Annotated[int, Field(examples=[7])]
    title: str
    status: Status
    entity_id: Annotated[str, Field(examples=["db-1/disk"])]
    routing_key: Annotated[str | None, Field(description="null: the default routing")]


class FeedAnswer(TimelineAnswer):
    """One thing that happened, and where it stands for ever."""

    id: Annotated[str, Field(examples=["1207-0"])]
    group: Group
    incident: Annotated[AboutAnswer | None, Field(description="null: it is about none")]


class FeedPageAnswer(Page[FeedAnswer]):
    """A part of the timeline, the newest first."""

    back_to: Annotated[
        Instant | None,
        Field(
            description="Set when a page ends because enough was looked through, not because it is full: "
            "how far back that was"
        ),
    ] = None


@router.get("", summary="Show what happened", dependencies=READS)
async def show_timeline(
    *,
    work: Work,
    group: Group | None = None,
    incident: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
    routing_key: Annotated[
        str | None,
        Query(
            max_length=LONGEST_ROUTING_KEY,
            pattern=STORABLE,
            description="Empty: what came by the default routing",
        ),
    ] = None,
    entity: Annotated[
        str | None,
        Query(max_length=512, pattern=STORABLE, description="How the entity's id begins"),
    ] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> FeedPageAnswer:
    """Of all incidents and of none: in the order in which it was put on record, the newest first."""
    before = None if cursor is None else Place(*read_position(cursor, parts=2))
    wanted = Wanted(
        group=group,
        incident=incident,
        routing_key=None if routing_key is None else routing_key.lower(),
        entity=entity,
    )
    page = await work.read(lambda tx: show_feed(tx, wanted, before=before, limit=limit))
    return FeedPageAnswer(
        items=[_render(each) for each in page.entries],
        next_cursor=None if page.older is None else write_cursor(*page.older),
        back_to=page.back_to,
    )


def _render(entry: FeedEntry) -> FeedAnswer:
    line = entry.incident
    return FeedAnswer(
        **dict(render_told(entry.told)),
        id=str(entry.place),
        group=entry.group,
        incident=line
        and AboutAnswer(
            number=line.incident.number,
            title=line.title,
            status=line.incident.status,
            entity_id=line.incident.entity_id,
            routing_key=line.incident.routing_key or None,
        ),
    )
