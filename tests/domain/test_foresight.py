"""What a policy would do, as it is told before it does it, is what the engine does."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.configuration_file.description import DescribedStep
from tocsin.domain.escalation import advance, first_due_at
from tocsin.domain.foresight import Foresight, foresee
from tocsin.domain.policy import PolicyVersion, Repeat, Step, WebhookTarget

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
NAMES = ("pager", "phone", "mail", "siren")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def step(delay: float, *webhooks: str, patience: float | None = None) -> DescribedStep:
    return DescribedStep(minutes(delay), webhooks, None if patience is None else minutes(patience))


steps_of_policies = st.lists(
    st.builds(
        DescribedStep,
        st.integers(0, 3).map(minutes),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple),
        st.none() | st.sampled_from([minutes(0.5), minutes(1), minutes(2)]),
    ),
    max_size=6,
)
repeats = st.none() | st.builds(Repeat, st.integers(1, 4), st.integers(0, 3).map(minutes))


def version_of(steps: Sequence[DescribedStep], repeat: Repeat | None) -> PolicyVersion:
    made = tuple(
        Step(
            each.after,
            tuple(WebhookTarget(NAMES.index(name)) for name in each.webhooks),
            each.if_undelivered,
        )
        for each in steps
    )
    return PolicyVersion(1, 1, 1, made, repeat)


def fired(version: PolicyVersion) -> list[tuple[timedelta, list[str]]]:
    """Return whom the engine calls and when, if everything is on time and somebody is reached."""
    found: list[tuple[timedelta, list[str]]] = []
    next_step, due_at = 0, first_due_at(version, started_at=T0)
    while due_at is not None:
        ahead = advance(version, next_step=next_step, due_at=due_at, now=due_at)
        for firing in ahead.firings:
            names = [NAMES[target.webhook_id] for target in firing.step.targets]
            found.append((firing.planned_at - T0, names))
        next_step, due_at = ahead.next_step, ahead.planned_at or ahead.due_at
    return found


def calls_at(told: Sequence[tuple[timedelta, Sequence[str]]]) -> list[tuple[timedelta, str]]:
    return [(at, name) for at, names in told for name in names]


@given(steps=steps_of_policies, repeat=repeats)
def test_what_is_told_is_what_the_engine_does(
    steps: list[DescribedStep], repeat: Repeat | None
) -> None:
    """Every call of every cycle, in order and at its instant, and when nobody is left to page."""
    foresight = foresee(steps, repeat)
    really = fired(version_of(steps, repeat))
    told = [(point.at, point.moment.webhooks) for point in foresight.points()]
    assert calls_at(told) == calls_at(really)
    assert foresight.ends_at == (really[-1][0] if really else None)


@given(steps=steps_of_policies)
def test_when_a_step_may_fire_sooner_is_when_the_engine_looks(steps: list[DescribedStep]) -> None:
    """An impatient step brings the next one forward to the instant that is told, and to no other."""
    version = version_of(steps, None)
    looks = []
    next_step, due_at = 0, first_due_at(version, started_at=T0)
    while due_at is not None:
        ahead = advance(version, next_step=next_step, due_at=due_at, now=due_at)
        is_sooner = ahead.planned_at is not None and ahead.due_at != ahead.planned_at
        if ahead.due_at is not None:
            looks.append(ahead.due_at - T0 if is_sooner else None)
        next_step, due_at = ahead.next_step, ahead.planned_at or ahead.due_at
    assert [each.sooner_at for each in foresee(steps, None).moments[1:]] == looks


@given(steps=steps_of_policies, repeat=repeats, is_whole=st.booleans())
def test_the_words_name_everybody(
    *, steps: list[DescribedStep], repeat: Repeat | None, is_whole: bool
) -> None:
    """Whoever is called is named, with how often it repeats; the end only where it can be known."""
    foresight = foresee(steps, repeat, is_whole=is_whole)
    words = " ".join(foresight.sentences)
    assert all(name in words for each in steps for name in each.webhooks)
    assert ("all steps again" in words) == bool(steps and repeat and is_whole)
    assert ("nobody is left to page" in words) == bool(steps and is_whole)


def sentences(foresight: Foresight) -> list[str]:
    return list(foresight.sentences)


def test_a_policy_in_words() -> None:
    """As a person would say it, times counted from the start."""
    foresight = foresee(
        [step(0, "pager", "mail"), step(5, "phone", patience=1), step(10, "siren")],
        Repeat(3, minutes(15)),
    )
    assert sentences(foresight) == [
        "At once: pager and mail.",
        "At 5 min, unless somebody acknowledged: phone.",
        (
            "At 15 min (already at 6 min, if nothing of step 2 was delivered by then), "
            "unless somebody acknowledged: siren."
        ),
        "Then all steps again, 3 times, each time 15 min after the last step: first at 30 min.",
        "At 1 h 45 min, when the last step has fired, nobody is left to page.",
    ]


def test_steps_without_a_delay_are_one_moment() -> None:
    """They fire together, so the words say it once, and the axis has one point."""
    (moment,) = foresee([step(0, "pager", patience=1), step(0, "pager", "mail")], None).moments
    assert (moment.first, moment.last, moment.sooner_at) == (1, 2, None)
    assert moment.webhooks == ("pager", "pager", "mail")
    assert moment.steps_text == "steps 1 to 2"


def test_a_policy_that_pages_nobody_says_so() -> None:
    """Without steps; and what was read of one that is not whole claims no end."""
    assert sentences(foresee([], Repeat(2, minutes(1)))) == ["It has no steps, so it pages nobody."]
    assert sentences(foresee([step(0, "pager")], None, is_whole=False)) == ["At once: pager."]
    assert sentences(foresee([], None, is_whole=False)) == []


def test_all_at_once_is_told_at_once() -> None:
    """One step without a delay that repeats without a pause fires all of it in one moment, and ends."""
    assert sentences(foresee([step(0, "pager")], Repeat(1, minutes(0)))) == [
        "At once: pager.",
        "Then all steps again, once, without a pause: first at the same moment.",
        "At once, when the last step has fired, nobody is left to page.",
    ]
