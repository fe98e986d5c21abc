"""Planned against real, over time: how late steps fired and first bytes left, from what is on record.

Each bucket is cut into windows, and of each window the first deliveries are read: ids grow with time, so
that is a short range of the clustered rows, however many there are. Where a window has more than that the
figures are of a sample, spread evenly over the time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.spread import Spread, spread_of
from tocsin.store.database import Tx
from tocsin.store.delivery_walk import FirstAttempt, sample_first_attempts
from tocsin.store.webhooks import find_webhook_names

WINDOWS: Final = 6
"""In each bucket."""
OF_EACH_WINDOW: Final = 12
MOST_SLOW: Final = 10


class Period(StrEnum):
    """Over which time: a day by hours, or a month by days."""

    DAY = "day"
    MONTH = "month"

    @property
    def buckets(self) -> int:
        return 24 if self is Period.DAY else 30

    @property
    def bucket(self) -> timedelta:
        """How long one of them is."""
        return timedelta(hours=1) if self is Period.DAY else timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LatenessBucket:
    """How late it was from `begins_at` on; None where nothing happened."""

    begins_at: datetime
    steps: Spread | None
    """From the planned instant of a step to its firing."""
    first_bytes: Spread | None
    """From the same instant until the first byte of its first attempt left."""


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How long the first attempts at one webhook took, and how many of them failed."""

    webhook: str
    took: Spread
    attempts: int
    failed: int


@dataclass(frozen=True, slots=True)
class Lateness:
    """Planned against real over a period, the earliest first."""

    period: Period
    buckets: tuple[LatenessBucket, ...]
    steps: Spread | None
    """Of the whole period, as `first_bytes`."""
    first_bytes: Spread | None
    slowest: tuple[AnswerTimes, ...]
    """The webhooks whose answers took longest, the slowest first."""
    is_sample: bool
    """Whether more deliveries were made than were looked at."""


def show_lateness(tx: Tx, now: datetime, period: Period) -> Lateness:
    """Return planned against real, up to `now`. Hours and days are those of UTC."""
    first = _floor(now, period) - (period.buckets - 1) * period.bucket
    samples = [
        (begins_at, *_sample(tx, begins_at, period))
        for begins_at in (first + n * period.bucket for n in range(period.buckets))
    ]
    every = [each for _, found, _ in samples for each in found]
    return Lateness(
        period=period,
        buckets=tuple(
            LatenessBucket(begins_at, _of_steps(found), _of_first_bytes(found))
            for begins_at, found, _ in samples
        ),
        steps=_of_steps(every),
        first_bytes=_of_first_bytes(every),
        slowest=tuple(_slowest(tx, every)),
        is_sample=any(is_cut for _, _, is_cut in samples),
    )


def _floor(now: datetime, period: Period) -> datetime:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if period is Period.DAY else hour.replace(hour=0)


def _sample(tx: Tx, begins_at: datetime, period: Period) -> tuple[list[FirstAttempt], bool]:
    """Return what is looked at of a bucket, and whether there is more."""
    window, found, is_cut = period.bucket / WINDOWS, list[FirstAttempt](), False
    for n in range(WINDOWS):
        since = begins_at + n * window
        some = sample_first_attempts(tx, since, since + window, limit=OF_EACH_WINDOW)
        is_cut = is_cut or len(some) == OF_EACH_WINDOW
        found += some
    return found, is_cut


def _of_steps(found: Iterable[FirstAttempt]) -> Spread | None:
    return spread_of(each.fired_at - each.planned_at for each in found)


def _of_first_bytes(found: Iterable[FirstAttempt]) -> Spread | None:
    return spread_of(each.first_byte_at - each.planned_at for each in found if each.first_byte_at)


def _slowest(tx: Tx, found: Sequence[FirstAttempt]) -> list[AnswerTimes]:
    took, failed = defaultdict[int, list[timedelta]](list), defaultdict[int, int](int)
    for each in found:
        if each.started_at is None or each.ended_at is None or each.outcome is None:
            continue
        took[each.webhook_id].append(each.ended_at - each.started_at)
        failed[each.webhook_id] += not each.outcome.is_delivered
    names = find_webhook_names(tx)
    times = [
        AnswerTimes(names[id_], spread, spread.count, failed[id_])
        for id_, lengths in took.items()
        if (spread := spread_of(lengths)) is not None
    ]
    return sorted(times, key=lambda each: (-each.took.p95, each.webhook))[:MOST_SLOW]
