"""Heartbeats: jobs that are to call, and how they are."""

from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import configured_heartbeats as heartbeats
from tocsin.actions.incident_set import Context
from tocsin.api.access import READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Duration, Instant, Page, RequestModel
from tocsin.domain.heartbeat import (
    DEFAULT_GRACE,
    Condition,
    Heartbeat,
    HeartbeatState,
    state_of,
)
from tocsin.domain.intake import HEARTBEAT_PATH
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.service.editing import edit, editor_of
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

router: Final = management("heartbeats", prefix="/heartbeats")
Slug = Annotated[
    str, Path(max_length=64, description="The heartbeat's slug", examples=["nightly-backup"])
]
_ANY_KEY: Final = "ALERT_KEY"


class HeartbeatAnswer(AnswerModel):
    """A job that is to call, and how it is."""

    slug: Annotated[str, Field(examples=["nightly-backup"])]
    name: str
    every: Duration
    grace: Duration
    routing_key: Annotated[str, Field(description="Empty: the default routing gets its alerts")]
    state: HeartbeatState
    last_call_at: Annotated[Instant | None, Field(description="null: it never called")]
    message: Annotated[str, Field(description="What its last call said")]
    due_at: Annotated[
        Instant | None,
        Field(
            description="Unless it calls before, an incident opens then; null: it is open, or paused"
        ),
    ]
    silent_since: Annotated[
        Instant | None, Field(description="While it is silent: from when its interval counts")
    ]
    failed_since: Annotated[Instant | None, Field(description="While it reports that it failed")]
    paused_at: Instant | None
    created_at: Instant
    entity_id: Annotated[str, Field(examples=["heartbeat/nightly-backup"])]
    url: Annotated[
        str,
        Field(
            description=f"What the job calls, with one of your alert keys in place of {_ANY_KEY}",
        ),
    ]


class ChangedHeartbeat(HeartbeatAnswer):
    """A heartbeat as it is now, and whether that is new."""

    changed: bool


class NewHeartbeat(RequestModel):
    """A job whose calls are to be waited for."""

    slug: Annotated[str, Field(min_length=1, max_length=64, examples=["nightly-backup"])]
    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    every: Annotated[Duration, Field(description="10s to 365d", examples=["24h"])]
    grace: Annotated[
        Duration, Field(description="How late a call may be: 0s to 31d", examples=["30m"])
    ] = DEFAULT_GRACE
    routing_key: Annotated[
        str | None,
        Field(max_length=LONGEST_ROUTING_KEY, description="Left out: the default routing"),
    ] = None


class HeartbeatChange(RequestModel):
    """What is to change; what is left out, or null, stays."""

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    every: Duration | None = None
    grace: Duration | None = None
    routing_key: Annotated[
        str | None, Field(max_length=LONGEST_ROUTING_KEY, description="Empty: the default routing")
    ] = None
    paused: Annotated[
        bool | None,
        Field(description="Paused, nobody waits for its calls, and its incident is resolved"),
    ] = None


@router.get("", summary="List heartbeats", dependencies=READS)
async def list_heartbeats(work: Work) -> Page[HeartbeatAnswer]:
    """All heartbeats, in order of slug."""
    found = await work.read(heartbeats.list_heartbeats)
    return Page(items=[HeartbeatAnswer(**_render(work, each)) for each in found])


@router.post(
    "",
    summary="Wait for a job's calls",
    status_code=201,
    responses={201: {"model": ChangedHeartbeat}},
)
async def create_heartbeat(
    principal: Administrator, work: Work, once: Once, new: NewHeartbeat
) -> Response:
    """Its interval counts from now: a job that never calls is told of, too."""

    def create(tx: Tx, context: Context) -> ChangedHeartbeat:
        made = heartbeats.create_heartbeat(
            tx,
            new.slug,
            name=new.name,
            every=new.every,
            grace=new.grace,
            routing_key=new.routing_key,
            editor=editor_of(work, context, principal),
        )
        return ChangedHeartbeat(**_render(work, made), changed=True)

    return await once.run(create)


@router.get("/{slug}", summary="Show a heartbeat", dependencies=READS)
async def get_heartbeat(work: Work, slug: Slug) -> HeartbeatAnswer:
    found = await work.read(lambda tx: heartbeats.get_heartbeat(tx, slug))
    return HeartbeatAnswer(**_render(work, found))


@router.patch("/{slug}", summary="Change, pause or resume a heartbeat")
async def change_heartbeat(
    principal: Administrator, work: Work, slug: Slug, change: HeartbeatChange
) -> ChangedHeartbeat:
    """A changed interval or grace, and resuming, let the interval begin again."""
    found, changed = await edit(
        work,
        principal,
        lambda tx, editor: heartbeats.update_heartbeat(
            tx,
            slug,
            name=change.name,
            every=change.every,
            grace=change.grace,
            routing_key=change.routing_key,
            paused=change.paused,
            editor=editor,
        ),
    )
    return ChangedHeartbeat(**_render(work, found), changed=changed)


@router.delete("/{slug}", summary="Wait for a job's calls no more", status_code=204)
async def delete_heartbeat(principal: Administrator, work: Work, slug: Slug) -> None:
    """Its calls get 404 from now on, and an incident of its silence is resolved."""
    await edit(
        work, principal, lambda tx, editor: heartbeats.delete_heartbeat(tx, slug, editor=editor)
    )


def _render(work: Transactions, heartbeat: Heartbeat) -> dict[str, Any]:
    services, condition = work.services, heartbeat.condition
    is_silent, is_failed = condition is Condition.SILENT, condition is Condition.FAILED
    return {
        "slug": heartbeat.slug,
        "name": heartbeat.name,
        "every": heartbeat.every,
        "grace": heartbeat.grace,
        "routing_key": heartbeat.routing_key,
        "state": state_of(heartbeat, services.clock.now()),
        "last_call_at": heartbeat.last_call_at,
        "message": heartbeat.message,
        "due_at": heartbeat.due_at if heartbeat.is_watched else None,
        "silent_since": heartbeat.counts_from if is_silent else None,
        "failed_since": heartbeat.changed_at if is_failed else None,
        "paused_at": heartbeat.paused_at,
        "created_at": heartbeat.created_at,
        "entity_id": heartbeat.entity_id,
        "url": f"{services.public_url}{HEARTBEAT_PATH}{_ANY_KEY}/{heartbeat.slug}",
    }
