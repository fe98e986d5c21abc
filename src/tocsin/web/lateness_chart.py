"""Lateness as a picture: a bar for each hour or day, from the middle measurement up to the 99th of a hundred.

The scale is logarithmic: what matters is whether it is milliseconds, seconds or minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log10
from typing import Final

from tocsin.domain.spread import Spread
from tocsin.domain.wording import length_text

WIDTH: Final = 720
HEIGHT: Final = 220
RIGHT: Final = 60
"""What stands at the lines: on the side of what is newest, where a phone begins to look."""
BOTTOM: Final = 28
_LEAST: Final = timedelta(milliseconds=1)
_LINES: Final = tuple(
    timedelta(milliseconds=each) for each in (1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000)
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket. Units: the picture's own."""

    at: datetime
    spread: Spread
    x: float
    width: float
    half: float
    """Where the middle measurement is; `high` is that of the 99th of a hundred, `greatest` of the worst."""
    high: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line to read heights by."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, datetime], ...]


def chart_of(buckets: Sequence[tuple[datetime, Spread | None]]) -> Chart:
    """Return the picture of buckets in order; those without measurements stay empty."""
    top = _top(spread for _, spread in buckets)
    room = (WIDTH - RIGHT) / max(len(buckets), 1)
    bars, ticks = [], []
    for n, (at, spread) in enumerate(buckets):
        x = n * room
        if n % 6 == 0:
            ticks.append((x, at))
        if spread is not None:
            heights = (_y(each, top) for each in (spread.p50, spread.p99, spread.greatest))
            bars.append(Bar(at, spread, x + room * 0.15, room * 0.7, *heights))
    lines = tuple(Line(_y(each, top), length_text(each)) for each in _LINES if each <= top)
    return Chart(tuple(bars), lines, tuple(ticks))


def _top(spreads: Iterable[Spread | None]) -> timedelta:
    """Return what the highest line stands for."""
    greatest = max((each.greatest for each in spreads if each), default=_LEAST)
    return next((line for line in _LINES[2:] if line >= greatest), max(greatest, _LINES[-1]))


def _y(length: timedelta, top: timedelta) -> float:
    """Return how far below the upper edge a length of time stands."""
    part = log10(max(length, _LEAST) / _LEAST) / log10(top / _LEAST)
    return round(10 + (1 - part) * (HEIGHT - BOTTOM - 10), 1)
