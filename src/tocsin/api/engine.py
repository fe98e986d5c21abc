"""The engine: what it will do, whether it may, and how it is."""

from typing import Annotated, Any, Final

from pydantic import Field

from tocsin.actions.pause import is_paused, pause, resume
from tocsin.actions.show_upcoming import (
    Backlog,
    Upcoming,
    UpcomingItem,
    count_upcoming,
    show_upcoming,
)
from tocsin.api.access import READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import USUAL_LIMIT, Limit, Work
from tocsin.api.field_types import AnswerModel, Instant, RequestModel
from tocsin.api.incident_answers import PlaceAnswer, render_place
from tocsin.ids import DELIVERY, id_text
from tocsin.service.readiness import reasons_not_ready, warnings
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

router: Final = management("engine")


class UpcomingAnswer(AnswerModel):
    """One thing that will happen at `due_at`, or at once if that is past."""

    what: Upcoming
    due_at: Instant
    incident: int | None
    entity_id: str | None
    policy: str | None
    place: PlaceAnswer | None
    webhooks: list[str]
    skipped: Annotated[list[str], Field(description="Disabled or deleted: passed over")]
    delivery: str | None
    sooner_at: Annotated[
        Instant | None,
        Field(description="When a step fires already, if the one before it reaches nobody by then"),
    ]


class BacklogAnswer(AnswerModel):
    """How much is due now."""

    steps: int
    hold_ends: int
    attempts: int


class UpcomingsAnswer(AnswerModel):
    """What will happen by itself, unless somebody acts; the earliest first."""

    items: list[UpcomingAnswer]
    due_now: BacklogAnswer
    paused: bool


class PausedAnswer(AnswerModel):
    """Whether the engine is paused, and whether that is new."""

    paused: bool
    changed: bool


class Resumption(RequestModel):
    """With `dry_run`, say what would go out at once; change nothing."""

    dry_run: bool = False


class ResumedAnswer(PausedAnswer):
    """What was due when the engine went on, or would be; `items` are the earliest of it."""

    dry_run: bool
    due_now: BacklogAnswer
    items: list[UpcomingAnswer]


class StatusAnswer(AnswerModel):
    """How this process is."""

    version: str
    node: str
    run: Annotated[str, Field(description="The run that attempts name")]
    database: Annotated[str, Field(examples=["sqlite", "postgresql"])]
    organisation: str
    public_url: str
    now: Instant
    paused: bool
    next_due_at: Annotated[Instant | None, Field(description="When something is due next")]
    due_now: BacklogAnswer
    in_flight: int
    queue_depths: dict[str, int]
    ready: bool
    reasons: list[str]
    warnings: list[str]


WITHOUT_DRY_RUN: Final = Resumption()


@router.get("/upcoming", summary="What comes next?", dependencies=READS)
async def list_upcoming(work: Work, limit: Limit = USUAL_LIMIT) -> UpcomingsAnswer:
    """Steps, ends of holds and attempts that wait; the earliest first."""
    services = work.services

    def read(tx: Tx) -> UpcomingsAnswer:
        items = show_upcoming(tx, services.cache.current(tx), limit=limit)
        return UpcomingsAnswer(
            items=[_item(item) for item in items],
            due_now=_backlog(count_upcoming(tx, services.clock.now())),
            paused=is_paused(tx),
        )

    return await work.read(read)


@router.post("/pause", summary="Fire and send nothing")
async def pause_engine(principal: Administrator, work: Work) -> PausedAnswer:
    """Until somebody resumes, over restarts too. Alerts are still taken in."""
    actor = principal.actor
    changed = await work.change(lambda tx, context: pause(tx, context, actor=actor), urgent=True)
    return PausedAnswer(paused=True, changed=changed)


@router.post("/resume", summary="Go on")
async def resume_engine(
    principal: Administrator, work: Work, given: Resumption = WITHOUT_DRY_RUN
) -> ResumedAnswer:
    """What is overdue goes out first; a dry run lists it."""
    due_now, items, paused = await work.read(lambda tx: _overdue(tx, work))
    changed = False
    if not given.dry_run:
        actor = principal.actor
        changed = await work.change(lambda tx, context: resume(tx, context, actor=actor))
        paused = False
    return ResumedAnswer(
        paused=paused, changed=changed, dry_run=given.dry_run, due_now=due_now, items=items
    )


@router.get("/status", summary="How is the server?", dependencies=READS)
async def get_status(work: Work) -> StatusAnswer:
    services = work.services
    health = await work.call(services.health)
    reasons = reasons_not_ready(health)

    def read(tx: Tx) -> dict[str, Any]:
        next_ = show_upcoming(tx, services.cache.current(tx), limit=1)
        return {
            "paused": is_paused(tx),
            "next_due_at": next_[0].due_at if next_ else None,
            "due_now": _backlog(count_upcoming(tx, services.clock.now())),
        }

    return StatusAnswer(
        version=services.version,
        node=services.node,
        run=str(services.run_id),
        database="sqlite" if services.database.is_sqlite else "postgresql",
        organisation=services.organisation,
        public_url=services.public_url,
        now=services.clock.now(),
        in_flight=health.in_flight,
        queue_depths=dict(health.queue_depths),
        ready=not reasons,
        reasons=[each.message for each in reasons],
        warnings=[each.message for each in warnings(health)],
        **await work.read(read),
    )


def _overdue(tx: Tx, work: Transactions) -> tuple[BacklogAnswer, list[UpcomingAnswer], bool]:
    services = work.services
    now = services.clock.now()
    items = show_upcoming(tx, services.cache.current(tx), until=now, limit=USUAL_LIMIT)
    return _backlog(count_upcoming(tx, now)), [_item(item) for item in items], is_paused(tx)


def _backlog(backlog: Backlog) -> BacklogAnswer:
    return BacklogAnswer(
        steps=backlog.steps, hold_ends=backlog.hold_ends, attempts=backlog.attempts
    )


def _item(item: UpcomingItem) -> UpcomingAnswer:
    return UpcomingAnswer(
        what=item.what,
        due_at=item.due_at,
        sooner_at=item.sooner_at,
        incident=item.incident,
        entity_id=item.entity_id,
        policy=item.step.policy if item.step else None,
        place=render_place(item.step.place) if item.step else None,
        webhooks=list(item.webhooks),
        skipped=list(item.skipped),
        delivery=None if item.delivery is None else id_text(DELIVERY, item.delivery),
    )
