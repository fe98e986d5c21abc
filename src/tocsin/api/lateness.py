"""Planned against real, and how the receivers of one webhook have answered."""

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from tocsin.actions.lateness import Lateness, Period, show_lateness
from tocsin.actions.webhook_health import MOST_WAITING, WebhookHealth, look_at_health
from tocsin.actions.webhooks import get_webhook
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.api.webhooks import Slug
from tocsin.domain.outcome import Outcome
from tocsin.domain.spread import Spread
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_walk import EndedAttempt

router: Final = management("lateness")


class SpreadAnswer(AnswerModel):
    """Of `count` measurements what half, 95 and 99 of a hundred did not exceed. Units: milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    greatest: float


class LatenessBucketAnswer(AnswerModel):
    """How late it was in the hour or day that begins here; null where nothing happened."""

    begins_at: Instant
    steps: Annotated[SpreadAnswer | None, Field(description="From planned to fired")]
    first_bytes: Annotated[
        SpreadAnswer | None, Field(description="From planned to the first byte sent")
    ]


class SlowWebhookAnswer(AnswerModel):
    """How long the first attempts at one webhook took."""

    webhook: str
    took: SpreadAnswer
    failed: Annotated[int, Field(description="How many of them were not answered with 2xx")]


class LatenessAnswer(AnswerModel):
    """Planned against real, the earliest first. Hours and days are those of UTC."""

    period: Period
    items: list[LatenessBucketAnswer]
    steps: SpreadAnswer | None
    first_bytes: SpreadAnswer | None
    slowest: list[SlowWebhookAnswer]
    sample: Annotated[
        bool, Field(description="More deliveries were made than were looked at, evenly over time")
    ]


class RecentAttemptAnswer(AnswerModel):
    """An attempt that has ended."""

    delivery: Annotated[str, Field(examples=["dlv_0c8ef309e0007401"])]
    number: int
    started_at: Instant
    ended_at: Instant
    outcome: Outcome
    status: int | None


class UseAnswer(AnswerModel):
    """A policy that calls the webhook, and in which steps, counted from 1."""

    policy: Annotated[str, Field(examples=["ops/primary"])]
    steps: list[int]


class WebhookHealthAnswer(AnswerModel):
    """What a webhook's latest attempts came to, the earliest first, and who calls it."""

    webhook: str
    attempts: list[RecentAttemptAnswer]
    took: Annotated[SpreadAnswer | None, Field(description="Of those that were answered")]
    last_success: Annotated[
        RecentAttemptAnswer | None, Field(description="null: none lately, if ever")
    ]
    waiting: Annotated[
        int, Field(description=f"Deliveries that wait; not counted beyond {MOST_WAITING}")
    ]
    used_by: list[UseAnswer]


@router.get("/lateness", summary="How late are pages?", dependencies=READS)
async def get_lateness(
    work: Work,
    period: Annotated[Period, Query(description="A day by hours, or a month by days")] = Period.DAY,
) -> LatenessAnswer:
    """Planned against real for steps and first bytes, and the webhooks whose answers take longest."""
    now = work.services.clock.now()
    return _lateness(await work.read(lambda tx: show_lateness(tx, now, period)))


@router.get("/webhooks/{slug}/health", summary="How is a webhook?", dependencies=READS)
async def get_webhook_health(work: Work, slug: Slug) -> WebhookHealthAnswer:
    """Its breaker, its failures and its certificate are with the webhook itself."""
    vault = work.services.vault

    def read(tx: Tx) -> WebhookHealth:
        return look_at_health(tx, get_webhook(tx, slug, vault))

    return _health(await work.read(read))


def _lateness(found: Lateness) -> LatenessAnswer:
    return LatenessAnswer(
        period=found.period,
        items=[
            LatenessBucketAnswer(
                begins_at=each.begins_at,
                steps=_spread(each.steps),
                first_bytes=_spread(each.first_bytes),
            )
            for each in found.buckets
        ],
        steps=_spread(found.steps),
        first_bytes=_spread(found.first_bytes),
        slowest=[
            SlowWebhookAnswer(webhook=each.webhook, took=_known(each.took), failed=each.failed)
            for each in found.slowest
        ],
        sample=found.is_sample,
    )


def _health(found: WebhookHealth) -> WebhookHealthAnswer:
    return WebhookHealthAnswer(
        webhook=found.webhook.slug,
        attempts=[_attempt(each) for each in found.attempts],
        took=_spread(found.took),
        last_success=_attempt(found.last_success) if found.last_success else None,
        waiting=found.waiting,
        used_by=[UseAnswer(policy=each.policy, steps=list(each.steps)) for each in found.used_by],
    )


def _attempt(attempt: EndedAttempt) -> RecentAttemptAnswer:
    return RecentAttemptAnswer(
        delivery=id_text(DELIVERY, attempt.delivery_id),
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        status=attempt.status,
    )


def _spread(spread: Spread | None) -> SpreadAnswer | None:
    return None if spread is None else _known(spread)


def _known(spread: Spread) -> SpreadAnswer:
    lengths = {name: getattr(spread, name) for name in ("p50", "p95", "p99", "greatest")}
    milliseconds = {name: round(each.total_seconds() * 1000, 3) for name, each in lengths.items()}
    return SpreadAnswer(count=spread.count, **milliseconds)
