"""What a webhook has failed since its last 2xx, and what follows from it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook import DisabledReason

GONE_ANSWERS = 3
GONE_FOR = timedelta(minutes=10)
"""One answer may be a deployment, a proxy or a mistake; three over so long are meant."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed attempts since a webhook's last 2xx, and those of them that were answered 410.

    A webhook that works has none, and so nothing is kept of it.
    """

    count: int
    since: datetime
    """When the first of them ended."""
    gone: int = 0
    gone_since: datetime | None = None


def count_attempt(known: Failures | None, outcome: Outcome, *, at: datetime) -> Failures | None:
    """Return the failures since the last 2xx, with the attempt that ended at `at` counted.

    None: there are none. What failed for a reason of Tocsin's own changes nothing.
    """
    if outcome.is_delivered:
        return None
    if outcome.is_ours:
        return known
    counted = Failures(1, at) if known is None else replace(known, count=known.count + 1)
    if outcome is not Outcome.GONE:
        return counted
    return replace(counted, gone=counted.gone + 1, gone_since=counted.gone_since or at)


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
