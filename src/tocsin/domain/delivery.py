"""Deliveries: the obligation to tell one webhook one thing, and when to try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETRY_WAITS = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60))
"""Seconds, not minutes, because a delivery is a page. The last wait repeats."""
MOST_RETRY_WAITS = 10
SHORTEST_RETRY_WAIT = timedelta(seconds=1)
LONGEST_RETRY_WAIT = timedelta(hours=1)
RETRY_SPREAD = 0.2
LONGEST_ASKED = timedelta(minutes=5)
"""A receiver that asks for more is overloaded or wrong; a page cannot wait for it."""
DEADLINE = timedelta(minutes=15)
SHORTEST_DEADLINE = timedelta(seconds=10)
LONGEST_DEADLINE = timedelta(hours=24)


class DeliveryState(StrEnum):
    """Where a delivery is.

    pending -> sending -> delivered | pending (another attempt) | failed | cancelled
    pending -> cancelled
    """

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        return self in (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED)


class Ending(StrEnum):
    """Why a delivery got no further attempt."""

    DELIVERED = "delivered"
    DEADLINE = "deadline"  # the last attempt, at the deadline, failed
    FINAL_OUTCOME = "final_outcome"  # another attempt could not do better
    ONE_ATTEMPT = "one_attempt"  # it was a test, whose asker does not wait for another
    SKIPPED_LATE = "skipped_late"  # it had none: the webhook does not want it as late as that
    ACKNOWLEDGED = "acknowledged"
    HELD = "held"
    RESOLVED = "resolved"
    REROUTED = "rerouted"
    MOVED = "moved"  # the current version of the policy calls instead
    NO_PAGE_LEFT = "no_page_left"  # it was to follow a page, of which no byte left
    SUPERSEDED = "superseded"  # it had failed when there was something newer to tell


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `due_at`; `is_last` when that is the deadline."""

    due_at: datetime
    is_last: bool


def decide_retry(
    *,
    attempts: int,
    first_attempt_at: datetime,
    started_at: datetime,
    now: datetime,
    spread: float,
    asked: timedelta | None = None,
    deadline: timedelta = DEADLINE,
    waits: tuple[timedelta, ...] = RETRY_WAITS,
) -> Retry | None:
    """Return when to try again after the failure of attempt number `attempts`, or None: it is over.

    Attempts count from the first one since the delivery was made, or sent again.

    Waits of 2, 5, 15, 30, 60, 60 ... seconds, or the `waits` of the webhook, the last of which repeats,
    each varied by `spread`, until `deadline` after the first attempt, where one last attempt is made. Only an attempt that began at the deadline or later ends a
    delivery: whatever time went by, it never ends without a real attempt. A receiver may ask for a longer
    wait (`asked`, its Retry-After), up to 5 minutes.

    Units: `started_at` and `now` are when the attempt began and ended; `spread` is between -0.2 and 0.2.
    """
    ends_at = first_attempt_at + deadline
    if started_at >= ends_at:
        return None
    wait = waits[min(attempts, len(waits)) - 1] * (1 + spread)
    if asked is not None:
        wait = max(wait, min(asked, LONGEST_ASKED))
    is_last = now + wait >= ends_at
    return Retry(max(ends_at, now) if is_last else now + wait, is_last=is_last)
