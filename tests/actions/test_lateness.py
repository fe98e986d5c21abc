"""Planned against real, over time."""

from datetime import timedelta

import pytest
from tests.actions.desk import Desk

from tocsin.actions import lateness
from tocsin.actions.lateness import Lateness, Period, show_lateness
from tocsin.domain.outcome import Outcome


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(
        {"main": [("0s", ["pager"])], "other": [("0s", ["slow"])]},
        keys={"db": ["main"], "web": ["other"]},
    )
    return desk


def page(desk: Desk, entity: str, *, fires_after: float, takes: float, key: str = "db") -> None:
    """Let a step fire so many seconds late; its first byte leaves when the attempt ends."""
    desk.opened(entity, key=key)
    desk.wait(seconds=fires_after)
    (lease,) = desk.fire().leases
    desk.wait(seconds=takes)
    desk.record(lease, Outcome.DELIVERED, status=200)


def series(desk: Desk, period: Period = Period.DAY) -> Lateness:
    return desk.read(show_lateness, desk.now, period)


def test_each_hour_shows_how_late_steps_and_first_bytes_were(ops: Desk) -> None:
    """In the hour in which the step fired; hours without any show nothing."""
    page(ops, "a", fires_after=1, takes=2)
    ops.wait(hours=2)
    page(ops, "b", fires_after=5, takes=1)

    found = series(ops)
    assert len(found.buckets) == 24
    assert found.buckets[-1].begins_at == ops.now.replace(minute=0, second=0, microsecond=0)
    shown = [
        (each.steps.p50.total_seconds(), each.first_bytes.p99.total_seconds())
        for each in found.buckets
        if each.steps and each.first_bytes
    ]
    assert shown == [(1, 3), (5, 6)]
    assert found.steps is not None
    assert (found.steps.count, found.steps.greatest) == (2, timedelta(seconds=5))
    assert found.first_bytes is not None
    assert found.first_bytes.greatest == timedelta(seconds=6)
    assert not found.is_sample


def test_a_month_goes_by_days_and_forgets_what_is_older(ops: Desk) -> None:
    page(ops, "a", fires_after=1, takes=0)
    ops.wait(days=29)
    found = series(ops, Period.MONTH)
    assert len(found.buckets) == 30
    assert found.buckets[0].steps is not None
    ops.wait(days=1)
    assert series(ops, Period.MONTH).steps is None


def test_the_slowest_come_first(ops: Desk) -> None:
    """By what 95 of a hundred attempts took; failures are counted."""
    page(ops, "a", fires_after=0, takes=1)
    page(ops, "b", fires_after=0, takes=7, key="web")
    ops.opened("c")
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.CONNECTION_REFUSED)

    slowest = series(ops).slowest
    assert [(each.webhook, each.attempts, each.failed) for each in slowest] == [
        ("slow", 1, 0),
        ("pager", 2, 1),
    ]
    assert slowest[0].took.p95 == timedelta(seconds=7)


def test_what_is_under_way_counts_as_fired_only(ops: Desk) -> None:
    ops.opened("a")
    ops.wait(seconds=3)
    ops.fire()
    found = series(ops)
    assert found.steps is not None
    assert found.steps.greatest == timedelta(seconds=3)
    assert found.first_bytes is None
    assert found.slowest == ()


def test_of_many_it_looks_at_some_and_says_so(ops: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lateness, "OF_EACH_WINDOW", 2)
    for entity in "abc":
        page(ops, entity, fires_after=0, takes=0)
    found = series(ops)
    assert found.is_sample
    assert found.steps is not None
    assert found.steps.count == 2
