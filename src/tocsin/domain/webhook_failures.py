"""What a webhook has failed since its last 2xx, and what follows from it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.breaker import Breaker, is_to_open, open_breaker
from tocsin.domain.outcome import Outcome, explain
from tocsin.domain.webhook import DisabledReason

FAILING_ATTEMPTS = 3
FAILING_FOR = timedelta(minutes=10)
"""A restart of the receiver takes less, and one page makes three attempts within half a minute."""
GONE_ANSWERS = 3
GONE_FOR = timedelta(minutes=10)
"""One answer may be a deployment, a proxy or a mistake; three over so long are meant."""


class Told(NamedTuple):
    """An alert that says that a webhook fails: about whom, and the routing key that it went to."""

    slug: str
    routing_key: str

    @property
    def entity_id(self) -> str:
        return f"tocsin webhook {self.slug}"


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed attempts since a webhook's last 2xx, and those of them that were answered 410.

    A webhook that works has none, and so nothing is kept of it. One whose failures were forgiven, because
    somebody changed it, has none either; something is kept only to take back at its 2xx what was told.
    """

    count: int
    since: datetime
    """When the first of them ended."""
    gone: int = 0
    gone_since: datetime | None = None
    latest_at: datetime | None = None
    """When the latest of them ended; None: it was counted before that was kept."""
    latest_outcome: Outcome | None = None
    latest_status: int | None = None
    told: Told | None = None
    breaker: Breaker | None = None
    """Open; None: closed."""

    @property
    def is_failing(self) -> bool:
        """Whether the webhook fails again and again, rather than now and then."""
        latest_at = self.latest_at or self.since
        return self.count >= FAILING_ATTEMPTS and latest_at - self.since >= FAILING_FOR

    @property
    def latest_text(self) -> str:
        """How the latest of them ended, with the likely cause."""
        if self.latest_outcome is None:
            return "it failed"
        answered = f" (HTTP {self.latest_status})" if self.latest_status else ""
        return f"{self.latest_outcome.value.replace('_', ' ')}{answered}: {self.latest_cause}"

    @property
    def latest_cause(self) -> str:
        """The likely cause of the latest of them, in a sentence; empty, if it is not known."""
        if self.latest_outcome is None:
            return ""
        return explain(self.latest_outcome, self.latest_status or 0)


def count_attempt(
    known: Failures | None, outcome: Outcome, *, at: datetime, status: int | None = None
) -> Failures | None:
    """Return the failures since the last 2xx, with the attempt that ended at `at` counted.

    None: there are none. What failed for a reason of Tocsin's own changes nothing. A breaker opens here, and
    closes with the 2xx that ends them. `status` is that of
    the answer, if there was one.
    """
    if outcome.is_delivered:
        return None
    if outcome.is_ours:
        return known
    if known is None or not known.count:
        known = Failures(0, at, told=known.told if known else None)
    counted = replace(known, count=known.count + 1)
    counted = replace(counted, latest_at=at, latest_outcome=outcome, latest_status=status)
    if counted.breaker is None and is_to_open(counted.count, since=counted.since, at=at):
        counted = replace(counted, breaker=open_breaker(at))
    if outcome is not Outcome.GONE:
        return counted
    return replace(counted, gone=counted.gone + 1, gone_since=counted.gone_since or at)


class Turn(StrEnum):
    """What an attempt changes about how a webhook stands. The values are public."""

    FAILING = "failing"  # it fails again and again
    WORKS_AGAIN = "works_again"  # it has taken something since


def decide_turn(before: Failures | None, after: Failures | None) -> Turn | None:
    """Return what is to be told, if something is: an attempt made `after` of what was known before."""
    if after is None:
        has_told = before is not None and (before.is_failing or before.told is not None)
        return Turn.WORKS_AGAIN if has_told else None
    was_failing = before is not None and before.is_failing
    return Turn.FAILING if after.is_failing and not was_failing else None


def decide_disabling(
    failures: Failures | None, outcome: Outcome, *, at: datetime
) -> DisabledReason | None:
    """Return why the webhook is to be disabled after this attempt, which `failures` counts; or None.

    Its third 410 since the last 2xx, or a later one, disables it, when the first is ten minutes old.
    """
    if outcome is not Outcome.GONE or failures is None or failures.gone_since is None:
        return None
    is_meant = failures.gone >= GONE_ANSWERS and at - failures.gone_since >= GONE_FOR
    return DisabledReason.GONE if is_meant else None
