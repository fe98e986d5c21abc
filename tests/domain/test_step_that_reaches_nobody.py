"""A step that reaches nobody makes the next one fire before its time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import Advance, Firing, Hurry, Look, advance, first_due_at, look_at
from tocsin.domain.policy import (
    InvalidPolicy,
    PolicyVersion,
    Repeat,
    Step,
    WebhookTarget,
    check_policy,
    check_then,
)

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATES = st.lists(st.sampled_from(DeliveryState), min_size=1, max_size=4)


def policy(*steps: tuple[float, float | None], repeat: Repeat | None = None) -> PolicyVersion:
    """A policy of (delay, patience) each. Units: minutes."""
    made = tuple(
        Step(
            delay * MINUTE,
            (WebhookTarget(number),),
            None if patience is None else patience * MINUTE,
        )
        for number, (delay, patience) in enumerate(steps)
    )
    return PolicyVersion(1, 1, 1, made, repeat)


def fire(version: PolicyVersion, position: int = 0, **facts: object) -> Advance:
    """Fire the step at `position` at T0, on time."""
    return advance(version, next_step=position, due_at=T0, now=T0, **facts)  # type: ignore[arg-type]


def test_a_look_comes_when_its_patience_ends() -> None:
    """The next instant is that of the look; the plan of the next step is kept beside it."""
    ahead = fire(policy((0, 1), (10, None)))
    assert (ahead.next_step, ahead.due_at, ahead.planned_at) == (
        *(1, T0 + MINUTE),
        T0 + 10 * MINUTE,
    )


def test_no_look_comes_behind_the_next_step() -> None:
    """Where that is planned sooner, it fires by the plan."""
    ahead = fire(policy((0, 10), (1, None)))
    assert (ahead.due_at, ahead.planned_at) == (T0 + MINUTE, T0 + MINUTE)


def test_a_step_without_it_costs_nothing() -> None:
    """There is one instant, and nothing beside it."""
    assert fire(policy((0, None), (10, 1))) == Advance(
        fire(policy((0, None), (10, 1))).firings, 1, T0 + 10 * MINUTE, None
    )


@pytest.mark.parametrize("repeat", [None, Repeat(2, 15 * MINUTE)])
def test_nobody_is_hurried_behind_the_last_step(repeat: Repeat | None) -> None:
    """What follows it is nothing, or a pause, which stays: cut short, it would use the repeats up."""
    ahead = fire(policy((0, None), (1, 1), repeat=repeat), 1, calls_nobody=lambda _: True)
    assert ahead.due_at == (None if repeat is None else T0 + 15 * MINUTE)
    assert ahead.planned_at is None
    assert len(ahead.firings) == 1


def test_a_step_without_delay_has_fired_already() -> None:
    """So only the last of those that fire together is looked at."""
    ahead = fire(policy((0, 1), (0, None), (10, None)))
    assert (ahead.next_step, ahead.due_at, ahead.planned_at) == (2, T0 + 10 * MINUTE, None)


def test_a_step_that_calls_nobody_lets_the_next_one_fire_with_it() -> None:
    """And that one the next. It is due now, and so not late."""
    version = policy((0, 1), (10, 1), (10, 1), (10, None))
    now = T0 + 40 * MINUTE
    ahead = advance(
        version,
        next_step=0,
        due_at=T0,
        now=now,
        calls_nobody=lambda firing: firing.position < 2,
    )
    assert [(each.position, each.hurry, each.lateness) for each in ahead.firings] == [
        (0, None, 40 * MINUTE),
        (1, Hurry.ALL_SKIPPED, timedelta(0)),
        (2, Hurry.ALL_SKIPPED, timedelta(0)),
    ]
    assert (ahead.next_step, ahead.due_at, ahead.planned_at) == (
        *(3, now + MINUTE),
        now + 10 * MINUTE,
    )


def test_whoever_is_patient_waits_though_it_calls_nobody() -> None:
    """As ever."""
    ahead = fire(policy((0, None), (10, None)), calls_nobody=lambda _: True)
    assert (ahead.next_step, ahead.due_at) == (1, T0 + 10 * MINUTE)


def test_a_step_that_is_hurried_is_on_time_and_moves_the_plan() -> None:
    """Its instant is that of the look, and what follows counts from there."""
    version = policy((0, 1), (10, None), (10, None))
    at = T0 + MINUTE
    ahead = advance(version, next_step=1, due_at=at, now=at, hurry=Hurry.UNDELIVERED)
    assert ahead.firings == (Firing(1, version.steps[1], at, at, Hurry.UNDELIVERED),)
    assert ahead.firings[0].lateness == timedelta(0)
    assert ahead.due_at == at + 10 * MINUTE


def test_what_follows_a_hurried_step_without_delay_is_not_hurried_itself() -> None:
    """It belongs to that one's instant, as by the plan."""
    version = policy((0, 1), (10, None), (0, None), (10, None))
    ahead = advance(version, next_step=1, due_at=T0, now=T0, hurry=Hurry.ALL_ENDED)
    assert [each.hurry for each in ahead.firings] == [Hurry.ALL_ENDED, None]
    assert [each.planned_at for each in ahead.firings] == [T0, T0]


@given(STATES, st.integers(0, 120))
def test_a_look_finds_what_is_so(states: list[DeliveryState], seconds: int) -> None:
    """Delivered once, it is over; all ended, the next fires now; else when patience ends, never sooner."""
    ends_at = T0 + MINUTE
    now = T0 + timedelta(seconds=seconds)
    seen = look_at(states, fired_at=T0, patience=MINUTE, now=now)
    open_ = {DeliveryState.PENDING, DeliveryState.SENDING} & set(states)
    if DeliveryState.DELIVERED in states:
        assert seen == Look(None)
    elif not open_:
        assert seen == Look(Hurry.ALL_ENDED)
    elif now < ends_at:
        assert seen == Look(None, ends_at)
    else:
        assert seen == Look(Hurry.UNDELIVERED)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.none() | st.integers(1, 5)), min_size=1, max_size=5
    ),
    times=st.integers(0, 2),
    reached=st.lists(st.booleans(), min_size=20, max_size=20),
    called=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_every_step_fires_once_in_order_and_never_behind_its_plan(
    steps: list[tuple[int, int | None]], times: int, reached: list[bool], called: list[bool]
) -> None:
    """Whoever is reached, or called: hurrying only ever brings a step forward, and skips none."""
    version = policy(*steps, repeat=Repeat(times, 2 * MINUTE) if times else None)
    calls_nobody = lambda firing: not called[firing.position]  # noqa: E731
    due_at, next_step = first_due_at(version, started_at=T0), 0
    planned_at: datetime | None = None
    by_plan, fired = T0, []
    while due_at is not None:
        now, hurry = due_at, None
        if planned_at is not None and planned_at > now:
            if reached[next_step - 1]:
                due_at, planned_at = planned_at, None
                continue
            hurry = Hurry.UNDELIVERED
        ahead = advance(
            version,
            next_step=next_step,
            due_at=now,
            now=now,
            hurry=hurry,
            calls_nobody=calls_nobody,
        )
        for firing in ahead.firings:
            by_plan += version.delay_before(firing.position)
            assert now <= by_plan
            if firing.hurry is None:
                assert now == by_plan or version.delay_before(firing.position) == timedelta(0)
            by_plan = now
            fired.append(firing.position)
        next_step, due_at, planned_at = ahead.next_step, ahead.due_at, ahead.planned_at
    assert fired == list(range(version.length))


def test_only_the_next_step_can_come_then() -> None:
    """Anything else is refused, with what to write; so is a patience beyond its bounds."""
    assert check_then("next_step") == "next_step"
    with pytest.raises(InvalidPolicy, match="write 'then: next_step'"):
        check_then("stop")
    for seconds in (4, 24 * 3600 + 1):
        step = Step(timedelta(0), (WebhookTarget(1),), timedelta(seconds=seconds))
        with pytest.raises(InvalidPolicy, match="from 5s to 1d"):
            check_policy((step,), None)
