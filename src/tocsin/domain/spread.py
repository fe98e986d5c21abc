"""How measurements are spread: percentiles by nearest rank, so that each is one that was really measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `count` measurements: what half, 95 and 99 of a hundred did not exceed, and the greatest."""

    count: int
    p50: timedelta
    p95: timedelta
    p99: timedelta
    greatest: timedelta


def spread_of(measured: Iterable[timedelta]) -> Spread | None:
    """Return how measurements are spread; None without any. What came early counts as on time."""
    ordered = sorted(max(each, _NONE) for each in measured)
    if not ordered:
        return None
    p50, p95, p99 = (ordered[ceil(len(ordered) * of / 100) - 1] for of in (50, 95, 99))
    return Spread(len(ordered), p50, p95, p99, ordered[-1])
