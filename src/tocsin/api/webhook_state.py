"""What attempts have shown of webhooks, and what is done about it, as requests and answers say it."""

from typing import Annotated

from pydantic import Field

from tocsin.api.field_types import AnswerModel, Duration, Instant, RequestModel
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.delivery import MOST_RETRY_WAITS
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.domain.webhook_failures import Failures
from tocsin.domain.webhook_options import MOST_SLOTS


class WhenFailing(RequestModel):
    """Who is told when it fails again and again: whoever this routing key pages."""

    routing_key: Annotated[str, Field(max_length=LONGEST_ROUTING_KEY, examples=["operations"])]


class WhenFailingAnswer(AnswerModel):
    """The routing key that gets the alert."""

    routing_key: str


class FailingAnswer(AnswerModel):
    """It has failed at least three times, over ten minutes or more, without a 2xx between."""

    since: Annotated[Instant, Field(description="When the first of these failures ended")]
    failures: int
    latest_at: Instant
    outcome: Annotated[str | None, Field(examples=["connection_refused"])]
    text: Annotated[str, Field(description="How the latest ended, with the likely cause")]


GivenLateness = Annotated[
    Duration | None,
    Field(
        description="A page whose first attempt would begin later than this after its planned instant "
        "is not sent: 1s to 24h. `0s` takes it away",
        examples=["10m"],
    ),
]
GivenWhenFailing = Annotated[
    WhenFailing | None,
    Field(description="An empty `routing_key` takes it away"),
]


class BreakerAnswer(AnswerModel):
    """An open breaker: the webhook failed again and again, and is left alone, but for probes.

    Units: `opened_at`, `failing_since` and `probe_at` are when it opened, when the first of the attempts
    ended that failed since its last 2xx, and before when no probe is made.
    """

    opened_at: Instant
    failures: Annotated[int, Field(description="How many attempts failed since its last 2xx")]
    failing_since: Instant
    probe_at: Instant


GivenRetryWaits = Annotated[
    list[Duration],
    Field(
        min_length=1,
        max_length=MOST_RETRY_WAITS,
        description="From each failed attempt to the next, `1s` to `1h` each; the last one repeats",
    ),
]
GivenSlots = Annotated[
    int | None,
    Field(
        ge=0,
        le=MOST_SLOTS,
        description="How many attempts may be under way at once. `0`: as many as the setting says",
    ),
]


class ReceiverCertificateAnswer(AnswerModel):
    """What the receiver was last verified by. Units: `seen_at` is when it was new."""

    issuer: Annotated[str, Field(examples=["Let's Encrypt, R11"])]
    starts_at: Instant
    expires_at: Instant
    seen_at: Instant
    fingerprint: Annotated[str, Field(description="SHA-256, in hexadecimal digits")]


def render_failing(failures: Failures | None) -> FailingAnswer | None:
    """Return what a webhook that is failing has failed."""
    if failures is None:
        return None
    return FailingAnswer(
        since=failures.since,
        failures=failures.count,
        latest_at=failures.latest_at or failures.since,
        outcome=failures.latest_outcome,
        text=failures.latest_text,
    )


def render_receiver_certificate(
    shown: ReceiverCertificate | None,
) -> ReceiverCertificateAnswer | None:
    """Return what a receiver was last verified by."""
    if shown is None:
        return None
    return ReceiverCertificateAnswer(
        issuer=shown.issuer,
        starts_at=shown.starts_at,
        expires_at=shown.expires_at,
        seen_at=shown.seen_at,
        fingerprint=shown.fingerprint,
    )


def render_breaker(failures: Failures | None) -> BreakerAnswer | None:
    """Return how a webhook's breaker stands, if it is open."""
    if failures is None or failures.breaker is None:
        return None
    return BreakerAnswer(
        opened_at=failures.breaker.opened_at,
        failures=failures.count,
        failing_since=failures.since,
        probe_at=failures.breaker.probe_at,
    )
