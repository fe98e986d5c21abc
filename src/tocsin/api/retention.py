"""How long what is over is kept, and how much is due to be removed."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from tocsin.actions.retention import Retained, look_at_retention
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.domain.duration import format_duration
from tocsin.domain.retention import FOREVER, parse_retention

router: Final = management("retention", prefix="/retention")
Keep = Annotated[
    str | None,
    Query(
        max_length=40,
        description="Count as if this were kept: `90d`, `forever`; left out, what the server keeps",
        examples=["90d"],
    ),
]


class RemovableAnswer(AnswerModel):
    """How many are over for longer."""

    incidents: int
    tests: int
    alerts: Annotated[int, Field(description="Those that opened no incident and met none")]
    refused_alerts: int


class RetentionAnswer(AnswerModel):
    """What is removed, and what was."""

    keep: Annotated[str, Field(description="The setting", examples=["400d", "forever"])]
    counted_for: Annotated[str, Field(description="What was counted for", examples=["90d"])]
    before: Annotated[Instant | None, Field(description="What was over before goes; null: nothing")]
    removable: RemovableAnswer
    removed_before: Annotated[
        Instant | None, Field(description="What was over before may be gone; null: nothing is")
    ]
    oldest_incident_at: Annotated[
        Instant | None, Field(description="When the first incident that is here was opened")
    ]


@router.get("", summary="Show what is removed as it is over for long", dependencies=READS)
async def get_retention(work: Work, keep: Keep = None) -> RetentionAnswer:
    """Counts, and removes nothing. What is not resolved is never removed."""
    services = work.services
    asked = services.retention if keep is None else parse_retention(keep)
    now = services.clock.now()
    retained: Retained = await work.read(lambda tx: look_at_retention(tx, now, keep=asked))
    return RetentionAnswer(
        keep=_text(services.retention),
        counted_for=_text(asked),
        before=retained.before,
        removable=RemovableAnswer(**retained.removable),
        removed_before=retained.removed_before,
        oldest_incident_at=retained.oldest_incident_at,
    )


def _text(keep: timedelta | None) -> str:
    return FOREVER if keep is None else format_duration(keep)
