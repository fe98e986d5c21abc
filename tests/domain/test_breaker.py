"""When the breaker of a webhook opens, what it lets through, and when it closes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.breaker import (
    LONGEST_HOLD,
    Breaker,
    Look,
    Passage,
    Waiting,
    held_at_most,
    is_to_open,
    look,
    open_breaker,
)
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook_failures import Failures, count_attempt

START = datetime(2026, 5, 4, 3, tzinfo=UTC)
DEADLINE = timedelta(minutes=15)
FAILED = Outcome.TIMED_OUT


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(*attempts: tuple[Outcome, float]) -> Failures | None:
    known = None
    for outcome, seconds in attempts:
        known = count_attempt(known, outcome, at=at(seconds))
    return known


def is_open(*attempts: tuple[Outcome, float]) -> bool:
    known = after(*attempts)
    return known is not None and known.breaker is not None


def test_it_opens_after_five_failures_in_a_row_over_ten_seconds() -> None:
    """Not four, however far apart; not many in less, as during a restart."""
    assert is_open(*((FAILED, second) for second in (0, 1, 2, 3, 10)))
    assert not is_open(*((FAILED, second) for second in (0, 20, 40, 60)))
    assert not is_open(*((FAILED, second / 100) for second in range(1000)))
    assert is_open(*((FAILED, second / 100) for second in range(1001)))
    assert is_to_open(5, since=START, at=at(10))


@pytest.mark.parametrize("outcome", [each for each in Outcome if not each.is_delivered])
def test_what_is_tocsins_own_doing_opens_none(outcome: Outcome) -> None:
    """Every failure of the receiver or the way to it does, an answer such as 404 too."""
    assert is_open(*((outcome, 3 * each) for each in range(5))) is not outcome.is_ours


def test_a_2xx_closes_it_at_once() -> None:
    """It takes five more failures to open it again."""
    failed = [(FAILED, second) for second in (0, 3, 6, 9, 12)]
    assert is_open(*failed, (Outcome.UNKNOWN, 13))
    assert after(*failed, (Outcome.DELIVERED, 13)) is None
    assert not is_open(
        *failed, (Outcome.DELIVERED, 13), *((FAILED, each) for each in (14, 20, 40, 60))
    )


def first(id_: int, due: float) -> Waiting:
    return Waiting(id_, at(due), is_first=True, first_attempt_at=None)


def again(id_: int, due: float, *, tried: float | None = 0) -> Waiting:
    tried_at = None if tried is None else at(tried)
    return Waiting(id_, at(due), is_first=False, first_attempt_at=tried_at)


def a_look(
    now: float,
    firsts: list[Waiting],
    agains: list[Waiting] | None = None,
    *,
    breaker: Breaker | None = None,
    free: int = 4,
    again_is_next: bool = False,
) -> Look:
    waiting = sorted(firsts, key=lambda each: each.due_at)
    return look(
        breaker or open_breaker(START),
        newest=waiting[-1] if waiting else None,
        first=waiting[: free + 1],
        again=agains or [],
        free=free,
        again_is_next=again_is_next,
        deadline=DEADLINE,
        now=at(now),
    )


def let(found: Look) -> list[tuple[int, Passage]]:
    return [(each.id, each.passage) for each in found.let]


def test_a_probe_is_made_after_two_five_and_then_every_ten_seconds() -> None:
    """Counted from when it may be made to when the next may be; what hangs is followed by none earlier."""
    breaker, waits, now = open_breaker(START), [], 0.0
    for _ in range(5):
        seconds = (breaker.probe_at - at(now)).total_seconds()
        early = a_look(now + seconds - 0.001, [first(1, now)], breaker=breaker)
        assert (early.let, early.breaker, early.held_until) == ((), breaker, breaker.probe_at)
        now += seconds
        waits.append(seconds)
        found = a_look(now, [first(1, now)], breaker=breaker)
        assert let(found) == [(1, Passage.PROBE)]
        breaker = found.breaker
    assert waits == [2, 5, 10, 10, 10]
    assert (breaker.probes, breaker.opened_at) == (5, START)


def test_the_probe_is_the_newest_that_nobody_has_tried() -> None:
    """Without such a one, what has been due longest."""
    assert let(a_look(2, [first(1, 0), first(2, 1)], [again(3, 0)])) == [(2, Passage.PROBE)]
    assert let(a_look(2, [], [again(3, 0), again(4, 1)])) == [(3, Passage.PROBE)]


def test_without_anything_to_send_the_probe_stays_due() -> None:
    """The next page is it."""
    found = a_look(2, [])
    assert (found.let, found.breaker) == ((), open_breaker(START))
    assert found.held_until <= at(2)


def test_no_first_attempt_is_held_for_longer_than_ten_seconds() -> None:
    """It is let through to the microsecond, and the look comes in time."""
    breaker = Breaker(START, 3, at(30))
    found = a_look(19, [first(1, 10), first(2, 12)], breaker=breaker)
    assert (found.let, found.held_until) == ((), at(20))
    found = a_look(20, [first(1, 10), first(2, 12)], breaker=breaker)
    assert let(found) == [(1, Passage.HELD_LONG)]
    assert (found.held_until, found.breaker) == (at(22), breaker)


def test_what_finds_no_slot_in_time_takes_the_next_one() -> None:
    """It is not the breaker that holds it then."""
    breaker = Breaker(START, 3, at(30))
    found = a_look(25, [first(id_, id_) for id_ in range(1, 7)], breaker=breaker, free=2)
    assert [each.id for each in found.let] == [1, 2]
    assert found.held_until <= at(25)


def test_a_probe_takes_one_slot_and_what_was_held_long_the_others() -> None:
    """With a single slot the probe goes first, and the other is not forgotten."""
    waiting = [first(1, 0), first(2, 1), first(3, 14)]
    found = a_look(15, waiting)
    assert let(found) == [(3, Passage.PROBE), (1, Passage.HELD_LONG), (2, Passage.HELD_LONG)]
    found = a_look(15, waiting, free=1)
    assert let(found) == [(3, Passage.PROBE)]
    assert found.held_until <= at(15)


def test_what_has_reached_its_deadline_may_have_its_last_attempt() -> None:
    """Else it could not end; before that it is held, however long it has been due."""
    breaker = Breaker(START, 3, at(2000))
    found = a_look(900, [], [again(1, 2, tried=0), again(2, 3, tried=1)], breaker=breaker)
    assert let(found) == [(1, Passage.LAST_CHANCE)]
    assert held_at_most(at(2), first_attempt_at=at(0), deadline=DEADLINE) == at(900)
    assert held_at_most(at(2), first_attempt_at=None, deadline=DEADLINE) == at(12)


def test_what_was_sent_again_by_hand_is_not_held_for_long_either() -> None:
    """Its attempts begin anew; they take turns with those of pages."""
    breaker = Breaker(START, 3, at(30))
    waiting = [again(1, 0, tried=None), again(2, 0, tried=None), again(3, 11, tried=None)]
    assert let(a_look(12, [], waiting, breaker=breaker)) == [
        (1, Passage.HELD_LONG),
        (2, Passage.HELD_LONG),
    ]
    found = a_look(12, [first(4, 1), first(5, 2)], waiting, breaker=breaker, free=2)
    assert [each.id for each in found.let] == [4, 1]


@dataclass
class Lane:
    """A webhook that never answers well, its breaker, and what is sent, by hand."""

    slots: int
    breaker: Breaker = field(default_factory=lambda: open_breaker(START))
    held_until: datetime = START + timedelta(seconds=2)
    waiting: list[Waiting] = field(default_factory=list)
    retries: list[Waiting] = field(default_factory=list)
    left: list[tuple[int, float, Passage]] = field(default_factory=list)
    again_is_next: bool = False

    def run(self, until: float) -> None:
        """Look whenever there is something to see, until an instant."""
        while (now := self._next()) is not None and now <= at(until):
            found = look(
                self.breaker,
                newest=max(
                    (each for each in self.waiting if each.due_at <= now), key=_due, default=None
                ),
                first=sorted((each for each in self.waiting if each.due_at <= now), key=_due)[
                    : self.slots + 1
                ],
                again=sorted((each for each in self.retries if each.due_at <= now), key=_due),
                free=self.slots,
                again_is_next=self.again_is_next,
                deadline=DEADLINE,
                now=now,
            )
            self.breaker, self.held_until = found.breaker, found.held_until
            self.again_is_next = found.again_is_next
            gone = {each.id: each.passage for each in found.let}
            assert len(gone) == len(found.let) <= self.slots
            seconds = (now - START).total_seconds()
            self.left += [(id_, seconds, passage) for id_, passage in gone.items()]
            self.retries = [each for each in self.retries if each.id not in gone]
            self.retries += [
                Waiting(each.id, now + timedelta(minutes=1), is_first=False, first_attempt_at=now)
                for each in self.waiting
                if each.id in gone
            ]
            self.waiting = [each for each in self.waiting if each.id not in gone]

    def _next(self) -> datetime | None:
        due = [each.due_at for each in (*self.waiting, *self.retries)]
        return max(min(due), self.held_until) if due else None


def _due(waiting: Waiting) -> tuple[datetime, int]:
    return waiting.due_at, waiting.id


@given(st.lists(st.floats(0, 120).map(lambda each: round(each, 3)), max_size=40), st.integers(1, 4))
def test_however_pages_come_none_waits_long_and_probes_keep_their_distance(
    arrivals: list[float], slots: int
) -> None:
    """Each leaves within ten seconds, as slots are free at once here; and all the rest is one probe at a time."""
    lane = Lane(slots)
    arrivals.sort()
    for id_, second in enumerate(arrivals):
        lane.run(second - 0.0005)
        lane.waiting.append(first(id_, second))
    lane.run(200)
    made: dict[int, float] = {}
    for id_, second, _ in lane.left:
        made.setdefault(id_, second)
    assert all(
        made[id_] - second < LONGEST_HOLD.total_seconds() + 1e-6
        for id_, second in enumerate(arrivals)
    )
    probes = [second for _, second, passage in lane.left if passage is Passage.PROBE]
    assert probes[:1] == [] or probes[0] >= 2
    gaps = [later - earlier for earlier, later in pairwise(probes)]
    assert all(
        gap >= least - 1e-6 for gap, least in zip(gaps, (5, *[10] * len(gaps)), strict=False)
    )
