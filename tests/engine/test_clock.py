"""The clock that nodes share: what it says between measurements, and what a jump of it does."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.clock import ProcessorShare, Reading, SharedClock
from tocsin.engine.clock_watch import ClockWatch

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Monotonic:
    """A reading that the test moves on."""

    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def test_half_of_the_way_had_gone_by_when_the_other_clock_was_read() -> None:
    """A slow answer does not make the clock late by all of it."""
    monotonic = Monotonic()
    clock = SharedClock(Reading(NOON, asked=999.0, answered=1000.0), monotonic=monotonic)
    assert clock.now() == NOON + timedelta(seconds=0.5)


@given(
    gone_by=st.floats(min_value=0, max_value=1e6),
    half=st.floats(min_value=0, max_value=5),
    jump=st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30)),
)
def test_a_measurement_tells_how_far_the_clock_jumped(
    gone_by: float, half: float, jump: timedelta
) -> None:
    """It goes on as the monotonic clock does; whatever more the other one went on by is a jump."""
    monotonic = Monotonic()
    clock = SharedClock(Reading(NOON, 1000.0, 1000.0), monotonic=monotonic)
    monotonic.at += gone_by
    expected = NOON + timedelta(seconds=gone_by)
    assert abs(clock.now() - expected) < timedelta(milliseconds=1)
    found = clock.set_by(Reading(expected + jump, monotonic.at - half, monotonic.at + half))
    assert abs(found - jump) < timedelta(milliseconds=1)
    assert abs(clock.now() - expected - jump) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (1.0, None),
        (-1.0, None),
        (1.001, logging.WARNING),
        (-30.0, logging.WARNING),
        (30.001, logging.ERROR),
        (-30.001, logging.ERROR),
    ],
)
def test_a_jump_is_said_and_a_large_one_stops_claiming(
    seconds: float, level: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Over 1 s it is in the log, over 30 s nothing is claimed by it, ahead or back."""
    watch = ClockWatch(None, _never, on_trusted=lambda: None)
    watch.judge(timedelta(seconds=seconds))
    assert [record.levelno for record in caplog.records] == ([level] if level else [])
    assert watch.is_trusted == (level != logging.ERROR)


def test_the_next_measurement_that_agrees_lets_it_claim_again() -> None:
    """What had been due meanwhile is looked for at once."""
    told: list[bool] = []
    watch = ClockWatch(None, _never, on_trusted=lambda: told.append(True))
    watch.judge(timedelta(hours=1))
    watch.judge(timedelta(hours=-1))
    assert (watch.jumped, told) == (timedelta(hours=-1), [])
    watch.judge(timedelta(seconds=0.2))
    watch.judge(timedelta(seconds=0.2))
    assert (watch.jumped, told) == (None, [True])


def test_whoever_sleeps_on_it_wakes_at_the_instant() -> None:
    """By the monotonic clock, whatever this machine's own says."""

    async def sleep() -> float:
        loop = asyncio.get_running_loop()
        clock = SharedClock(Reading(NOON, loop.time(), loop.time()), monotonic=loop.time)
        began = loop.time()
        await clock.sleep_until(NOON + timedelta(milliseconds=30))
        await clock.sleep_until(NOON)
        return loop.time() - began

    assert 0.02 < asyncio.run(sleep()) < 5


def test_how_far_the_machines_own_clock_is_off_is_known() -> None:
    """Ahead is above zero; nothing goes by it."""
    wall = NOON + timedelta(seconds=3)
    clock = SharedClock(Reading(NOON, 1000.0, 1000.0), monotonic=Monotonic(), wall=lambda: wall)
    assert (clock.skew(), clock.now()) == (timedelta(seconds=3), NOON)


def test_the_share_of_the_processor_is_of_the_time_since_it_was_asked() -> None:
    """Of one core; who asks again within a second is told the same."""
    used, monotonic = Monotonic(5.0), Monotonic()
    share = ProcessorShare(used=used, monotonic=monotonic)
    assert share.percent() is None
    used.at, monotonic.at = used.at + 0.5, monotonic.at + 2
    assert share.percent() == 25
    used.at, monotonic.at = used.at + 0.9, monotonic.at + 0.9
    assert share.percent() == 25
    monotonic.at += 0.9
    assert share.percent() == 50


def _never() -> Reading:
    raise AssertionError("nobody asks")
