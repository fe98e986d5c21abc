"""The breaker of a webhook: one that fails again and again is left alone, but for a probe now and then.

It never delays news for long: a probe is the newest page, and no page waits for its first attempt for more
than ten seconds because of it. What it holds back are the attempts after the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.lane_turn import take_turns

OPENS_AFTER = 5
"""Failures since the last 2xx, of whatever deliveries."""
OPENS_OVER = timedelta(seconds=10)
"""From the first of them to the latest: a restart of a receiver is shorter."""
PROBE_WAITS = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 10))
"""From opening to the first probe, and from each to the next. The last wait repeats."""
LONGEST_HOLD = timedelta(seconds=10)


class Passage(StrEnum):
    """Why an open breaker lets a delivery through."""

    PROBE = "probe"  # would its receiver take it again?
    HELD_LONG = "held_long"  # a first attempt, ten seconds after it was due
    LAST_CHANCE = "last_chance"  # its deadline has come, and it cannot end without an attempt


class Closing(StrEnum):
    """Why a breaker closed. The values are public and never change."""

    DELIVERED = "delivered"
    CHANGED = "changed"  # it has another URL, or was enabled again: what it failed counts no more
    DISABLED = "disabled"  # what waits for it is given up
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open breaker; a closed one is nothing at all."""

    opened_at: datetime
    probes: int
    """How many were made."""
    probe_at: datetime
    """When the next one may be made."""


class Waiting(NamedTuple):
    """A delivery that is due, and waits in its webhook's lane.

    `is_first`: nobody has tried it yet, or a page that nobody has tried yet waits for it.
    `first_attempt_at` is None until it is tried, and again once it is sent again by hand.
    """

    id: int
    due_at: datetime
    is_first: bool
    first_attempt_at: datetime | None


class Let(NamedTuple):
    """A delivery that may leave, and why."""

    id: int
    passage: Passage


class Look(NamedTuple):
    """What a look at the lane of an open breaker decides."""

    let: tuple[Let, ...]
    breaker: Breaker
    held_until: datetime
    """Before that instant nothing else may leave."""
    again_is_next: bool


def open_breaker(at: datetime) -> Breaker:
    """Return the breaker of a webhook that failed once too often."""
    return Breaker(at, probes=0, probe_at=at + PROBE_WAITS[0])


def is_to_open(count: int, *, since: datetime, at: datetime) -> bool:
    """Return whether `count` failures in a row, the first at `since` and the latest at `at`, open it."""
    return count >= OPENS_AFTER and at - since >= OPENS_OVER


def look(
    breaker: Breaker,
    *,
    newest: Waiting | None,
    first: Sequence[Waiting],
    again: Sequence[Waiting],
    free: int,
    again_is_next: bool,
    deadline: timedelta,
    now: datetime,
) -> Look:
    """Return what may leave by `free` slots, one or more.

    `newest` is the newest of those that `is_first` is true of, `first` are the longest due of them, one
    more than `free` if there are as many, and `again` the longest due of the others.

    1. When a probe is due: the newest that nobody has tried, or what has been due longest.
    2. First attempts that have been held for as long as may be, and what has reached its deadline.
       Where there are both and too few slots, they take turns.
    3. If some of those are left over, the next slot that is free is theirs. Otherwise nothing leaves before
       the next probe, or before another first attempt has been held for so long.
    """
    let: list[Let] = []
    if now >= breaker.probe_at and (probe := newest or next(iter(again), None)):
        let.append(Let(probe.id, Passage.PROBE))
        wait = PROBE_WAITS[min(breaker.probes + 1, len(PROBE_WAITS) - 1)]
        breaker = replace(breaker, probes=breaker.probes + 1, probe_at=now + wait)
    gone = {each.id for each in let}
    held = [each for each in first if each.id not in gone]
    overdue = [Let(each.id, Passage.HELD_LONG) for each in held if _is_held_long(each, now)]
    ending = [each for each in _ending(again, deadline, now) if each.id not in gone]
    free -= len(let)
    chosen, again_is_next = take_turns(overdue, ending, free=free, again_is_next=again_is_next)
    if len(overdue) + len(ending) > len(chosen):
        held_until = now
    else:
        ends = (each.due_at + LONGEST_HOLD for each in held[len(overdue) :])
        held_until = min((breaker.probe_at, *ends))
    return Look((*let, *chosen), breaker, held_until, again_is_next)


def held_at_most(
    due_at: datetime, *, first_attempt_at: datetime | None, deadline: timedelta
) -> datetime:
    """Return when an open breaker lets a delivery through at the latest. None: it is a first attempt."""
    if first_attempt_at is None:
        return due_at + LONGEST_HOLD
    return max(due_at, first_attempt_at + deadline)


def _is_held_long(waiting: Waiting, now: datetime) -> bool:
    return now - waiting.due_at >= LONGEST_HOLD


def _ending(again: Sequence[Waiting], deadline: timedelta, now: datetime) -> Iterator[Let]:
    for each in again:
        if each.first_attempt_at is None:  # sent again by hand: it begins anew
            if _is_held_long(each, now):
                yield Let(each.id, Passage.HELD_LONG)
        elif each.first_attempt_at + deadline <= now:
            yield Let(each.id, Passage.LAST_CHANCE)
