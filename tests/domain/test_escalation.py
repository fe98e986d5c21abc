"""How an escalation walks its policy."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.escalation import LATE_AFTER, advance, first_due_at
from tocsin.domain.policy import PolicyVersion, Repeat, Step, WebhookTarget

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def policy(*delays: timedelta, repeat: Repeat | None = None) -> PolicyVersion:
    steps = tuple(Step(delay, (WebhookTarget(n),)) for n, delay in enumerate(delays))
    return PolicyVersion(1, 1, 1, steps, repeat)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_the_first_step_counts_from_the_start() -> None:
    """A delay of 5 minutes on step 1 puts it 5 minutes after the escalation began."""
    assert first_due_at(policy(minutes(5)), started_at=T0) == T0 + minutes(5)


def test_a_policy_without_steps_is_never_due() -> None:
    """There is nothing to wait for where there is no step."""
    assert first_due_at(policy(), started_at=T0) is None


def test_each_delay_counts_from_the_step_before() -> None:
    """Delays of 5 and 10 minutes fire at minutes 5 and 15."""
    ahead = advance(
        policy(minutes(5), minutes(10)), next_step=0, due_at=T0 + minutes(5), now=T0 + minutes(5)
    )
    assert [firing.position for firing in ahead.firings] == [0]
    assert ahead.due_at == T0 + minutes(15)


def test_a_step_that_is_a_little_late_does_not_move_the_plan() -> None:
    """At most 30 seconds late: the next step is planned from the planned instant, so nothing drifts."""
    version = policy(minutes(5), minutes(10))
    due_at = T0 + minutes(5)
    ahead = advance(version, next_step=0, due_at=due_at, now=due_at + LATE_AFTER)
    assert ahead.due_at == T0 + minutes(15)


def test_a_step_that_is_very_late_moves_the_plan() -> None:
    """More than 30 seconds late: the next step counts from now, so an outage is followed by no burst."""
    version = policy(minutes(5), minutes(10))
    due_at = T0 + minutes(5)
    now = due_at + LATE_AFTER + MILLISECOND
    ahead = advance(version, next_step=0, due_at=due_at, now=now)
    assert ahead.due_at == now + minutes(10)
    assert ahead.firings[0].lateness == LATE_AFTER + MILLISECOND


def test_steps_without_a_delay_fire_with_the_one_before() -> None:
    """Delay 0 belongs to the same instant and the same transaction."""
    version = policy(minutes(1), timedelta(0), timedelta(0), minutes(2))
    due_at = T0 + minutes(1)
    ahead = advance(version, next_step=0, due_at=due_at, now=due_at)
    assert [firing.position for firing in ahead.firings] == [0, 1, 2]
    assert {firing.planned_at for firing in ahead.firings} == {due_at}
    assert (ahead.next_step, ahead.due_at) == (3, due_at + minutes(2))


def test_only_the_one_overdue_step_fires_after_an_outage() -> None:
    """An hour late fires one step, not every step that the hour would have held."""
    version = policy(minutes(1), minutes(1), minutes(1))
    now = T0 + timedelta(hours=1)
    ahead = advance(version, next_step=0, due_at=T0 + minutes(1), now=now)
    assert [firing.position for firing in ahead.firings] == [0]
    assert ahead.due_at == now + minutes(1)


def test_after_the_last_step_nothing_is_due() -> None:
    """A policy that does not repeat ends with its last step."""
    ahead = advance(policy(minutes(1)), next_step=0, due_at=T0, now=T0)
    assert (ahead.next_step, ahead.due_at) == (1, None)


def test_a_policy_repeats_as_often_as_it_says() -> None:
    """`times: 2, after: 15m` runs the steps three times, each run 15 minutes (and its delay) later."""
    version = policy(minutes(1), minutes(2), repeat=Repeat(2, minutes(15)))
    fired, next_step = [], 0
    due_at: datetime | None = T0 + minutes(1)
    while due_at is not None:
        ahead = advance(version, next_step=next_step, due_at=due_at, now=due_at)
        fired += [
            (firing.step.targets[0].webhook_id, firing.planned_at - T0) for firing in ahead.firings
        ]
        next_step, due_at = ahead.next_step, ahead.due_at
    assert fired == [
        *((0, minutes(1)), (1, minutes(3))),
        *((0, minutes(19)), (1, minutes(21))),
        *((0, minutes(37)), (1, minutes(39))),
    ]


def test_a_repeat_without_a_wait_fires_with_the_last_step() -> None:
    """A policy of one step with delay 0 that repeats after 0 fires all of it at once, and ends."""
    version = policy(timedelta(0), repeat=Repeat(3, timedelta(0)))
    ahead = advance(version, next_step=0, due_at=T0, now=T0)
    assert [firing.position for firing in ahead.firings] == [0, 1, 2, 3]
    assert ahead.due_at is None


@given(
    delays=st.lists(st.integers(0, 5).map(minutes), min_size=1, max_size=6),
    times=st.integers(0, 3),
    gaps=st.lists(st.integers(0, 400), min_size=1, max_size=40),
)
def test_every_step_fires_once_in_order_and_never_early(
    delays: list[timedelta], times: int, gaps: list[int]
) -> None:
    """However irregularly the engine looks, positions come in order, once each, never before their time."""
    version = policy(*delays, repeat=Repeat(times, minutes(1)) if times else None)
    now, next_step = T0, 0
    due_at = first_due_at(version, started_at=T0)
    fired = []
    for gap in [*gaps, *[3600] * (version.length + 1)]:
        now += timedelta(seconds=gap)
        while due_at is not None and due_at <= now:
            ahead = advance(version, next_step=next_step, due_at=due_at, now=now)
            assert all(firing.planned_at <= firing.fired_at == now for firing in ahead.firings)
            fired += [firing.position for firing in ahead.firings]
            next_step, due_at = ahead.next_step, ahead.due_at
    assert fired == list(range(version.length))


@given(st.lists(st.integers(0, 30).map(lambda s: timedelta(seconds=s)), min_size=2, max_size=8))
def test_small_lateness_never_adds_up(late: list[timedelta]) -> None:
    """Steps that are each up to 30 seconds late still follow the plan made at the start."""
    version = policy(*[minutes(1)] * len(late))
    due_at: datetime | None = T0 + minutes(1)
    for position, lateness in enumerate(late):
        assert due_at == T0 + minutes(position + 1)
        due_at = advance(version, next_step=position, due_at=due_at, now=due_at + lateness).due_at
