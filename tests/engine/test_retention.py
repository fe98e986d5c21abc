"""Whether the retention believes the clock."""

from datetime import datetime, timedelta

from tests.manual_clock import START

from tocsin.engine.retention import ClockTrust


class TwoClocks:
    """A wall clock that can be set, beside a monotonic one."""

    def __init__(self) -> None:
        self.at = START
        self.seconds = 5000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    async def sleep_until(self, instant: datetime | None) -> None:
        raise AssertionError("nobody sleeps here")

    def go_on(self, **by: float) -> None:
        self.at += timedelta(**by)
        self.seconds += timedelta(**by).total_seconds()


def test_a_clock_that_goes_on_is_believed() -> None:
    """However long nobody looked; and one that is set by minutes, or back, too: that makes nothing old."""
    clock = TwoClocks()
    trust = ClockTrust(clock)
    for days in (0, 1, 500):
        clock.go_on(days=days)
        assert trust.is_trusted()
    clock.at += timedelta(minutes=59)
    assert trust.is_trusted()
    clock.at -= timedelta(days=1000)
    assert trust.is_trusted()


def test_a_clock_that_jumped_ahead_is_not_believed_for_a_day() -> None:
    """Until it has gone on for that long without another jump."""
    clock = TwoClocks()
    trust = ClockTrust(clock)
    clock.at += timedelta(days=500)
    assert not trust.is_trusted()
    clock.go_on(hours=23)
    assert not trust.is_trusted()
    clock.at += timedelta(hours=2)
    assert not trust.is_trusted()
    clock.go_on(hours=23)
    assert not trust.is_trusted()
    clock.go_on(hours=1)
    assert trust.is_trusted()
