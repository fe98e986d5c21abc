"""Where the moments of a policy stand on an axis of time, for a drawing that the server makes.

A minute and a day have to fit beside each other, so a gap grows with the logarithm of the time that it
stands for; each moment says its own time.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate, islice
from math import log2
from typing import Final

from tocsin.domain.foresight import AT_START, Foresight, Point
from tocsin.domain.wording import listed, plan_text

MOST_MARKS: Final = 12
_MARGIN: Final = 40
_SHORTEST_GAP: Final = 90
_END_GAP: Final = 84
_LONGEST_GAP: Final = 150
_PER_DOUBLING: Final = 8
_MINUTE: Final = timedelta(minutes=1)
_LABEL_ROOM: Final = 84
_LETTER: Final = 7
_WIDE_LETTER: Final = 14
_WIDE: Final = frozenset("MWmw@%")


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment. Units: pixels from the left."""

    x: int
    number: str
    time: str
    label: str
    webhooks: str
    """All of them, where the label is cut."""
    sooner_x: int | None
    """From where on it may fire already."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Where a cycle after the first begins."""

    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Axis:
    """All of it; `end_x` is where nobody is left, None where the drawing stops before that."""

    width: int
    marks: tuple[Mark, ...]
    cycles: tuple[Cycle, ...]
    start_x: int | None
    """Where the alert comes, if nothing happens at once."""
    end_x: int | None
    end_time: str


def lay_out(foresight: Foresight) -> Axis | None:
    """Return the axis of what a policy would do, its first dozen moments; None, if it does nothing."""
    if not foresight.moments:
        return None
    points = list(islice(foresight.points(), MOST_MARKS + 1))
    is_cut = len(points) > MOST_MARKS
    points = points[:MOST_MARKS]
    xs = _places(points)
    marks, cycles = [], []
    for index, (point, x) in enumerate(zip(points, xs, strict=True)):
        before = (points[index - 1], xs[index - 1]) if index else None
        marks.append(_mark(point, x, before))
        if before is not None and point.cycle != before[0].cycle:
            words = f"again, {point.cycle - 1} of {foresight.cycles - 1}"
            cycles.append(Cycle((x + before[1]) // 2, words))
    start_x = None if points[0].at == AT_START else _MARGIN
    end_x = None if is_cut or foresight.ends_at is None else xs[-1] + _END_GAP
    end_time = "" if foresight.ends_at is None else _time(foresight.ends_at)
    width = xs[-1] + _END_GAP + _MARGIN
    return Axis(width, tuple(marks), tuple(cycles), start_x, end_x, end_time)


def _places(points: list[Point]) -> list[int]:
    xs: list[int] = []
    for index, point in enumerate(points):
        if not xs:
            at_start = point.at == AT_START
            xs.append(_MARGIN if at_start else _MARGIN + _gap(point.at))
        else:
            xs.append(xs[-1] + _gap(point.at - points[index - 1].at))
    return xs


def _gap(length: timedelta) -> int:
    return min(_LONGEST_GAP, _SHORTEST_GAP + int(_PER_DOUBLING * log2(1 + length / _MINUTE)))


def _mark(point: Point, x: int, before: tuple[Point, int] | None) -> Mark:
    moment = point.moment
    webhooks = listed(moment.webhooks)
    label = _cut(webhooks)
    if label != webhooks and len(moment.webhooks) > 1:
        more = f" +{len(moment.webhooks) - 1}"
        label = _cut(moment.webhooks[0], _LABEL_ROOM - _LETTER * len(more)) + more
    number = str(moment.first)
    if moment.last != moment.first:
        number += f"-{moment.last}"
    return Mark(x, number, _time(point.at), label, webhooks, _sooner(point, x, before))


def _cut(text: str, room: int = _LABEL_ROOM) -> str:
    """Return as much of a text as has room, if letters are as wide as they are as a rule. Units: pixels."""
    ends = list(accumulate(_WIDE_LETTER if letter in _WIDE else _LETTER for letter in text))
    if not ends or ends[-1] <= room:
        return text
    return f"{text[: sum(end + _LETTER <= room for end in ends)]}…"


def _sooner(point: Point, x: int, before: tuple[Point, int] | None) -> int | None:
    if point.moment.sooner_at is None or before is None:
        return None
    earlier = point.moment.at - point.moment.sooner_at
    gap = point.at - before[0].at
    return x - int((x - before[1]) * (earlier / gap))


def _time(at: timedelta) -> str:
    return "at once" if at == AT_START else plan_text(at)
