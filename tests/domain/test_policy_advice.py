"""What of a policy cannot work, or hardly as meant, with a named reason each."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_foresight import NAMES, minutes, repeats, step, steps_of_policies

from tocsin.domain.configuration_file.advice import Advice, Concern, told_once
from tocsin.domain.configuration_file.description import (
    DescribedPolicy,
    DescribedStep,
)
from tocsin.domain.configuration_file.policy_advice import Condition, policy_advice
from tocsin.domain.policy import Repeat

AGAIN = Repeat(1, minutes(5))
WEBHOOKS = dict.fromkeys(NAMES, Condition.WORKS) | {"off": Condition.DISABLED}


def concerns(
    *steps: DescribedStep,
    repeat: Repeat | None = AGAIN,
    is_reached: bool = True,
    conditions: dict[str, Condition] | None = None,
) -> list[tuple[Concern, int | None]]:
    policy = DescribedPolicy("ops", "primary", "Primary", steps, repeat)
    found = policy_advice(policy, WEBHOOKS | (conditions or {}), is_reached=is_reached)
    return [(advice.concern, advice.step) for advice in found]


def test_a_policy_that_works_is_not_warned_of() -> None:
    """Nothing to say, where everybody can be reached and it goes on."""
    assert concerns(step(0, "pager", patience=1), step(5, "phone", "mail")) == []


def test_a_policy_that_nothing_starts_is_named() -> None:
    """And one that has no steps."""
    assert concerns(is_reached=False) == [(Concern.NEVER_STARTED, None), (Concern.NO_STEPS, None)]


def test_a_step_that_reaches_nobody_is_named() -> None:
    """Without a target, with one that does not exist, with all or some of them disabled."""
    assert concerns(step(0)) == [(Concern.NO_TARGET, 1)]
    assert concerns(step(0, "nobody")) == [(Concern.UNKNOWN_WEBHOOK, 1)]
    assert concerns(step(0, "pager"), step(1, "off")) == [(Concern.REACHES_NOBODY, 2)]
    assert concerns(step(0, "pager", "off")) == [(Concern.WEBHOOK_DISABLED, 1)]
    assert concerns(step(0, "off", "nobody")) == [
        (Concern.UNKNOWN_WEBHOOK, 1),
        (Concern.REACHES_NOBODY, 1),
    ]


def test_a_webhook_that_does_not_work_is_named() -> None:
    """Where it is called, unless it is disabled anyway."""
    conditions = {"pager": Condition.FAILING, "mail": Condition.BREAKER_OPEN}
    assert concerns(step(0, "pager", "mail"), step(1, "off"), conditions=conditions) == [
        (Concern.WEBHOOK_FAILING, 1),
        (Concern.BREAKER_OPEN, 1),
        (Concern.REACHES_NOBODY, 2),
    ]


def test_an_if_undelivered_that_does_nothing_is_named() -> None:
    """At the last step, before a step that fires with it, and where the next one comes first."""
    assert concerns(step(0, "pager", patience=1)) == [(Concern.NOTHING_FOLLOWS, 1)]
    assert concerns(step(0, "pager", patience=1), step(0, "phone")) == [
        (Concern.NOBODY_IS_AWAITED, 1)
    ]
    assert concerns(step(0, "pager", patience=2), step(1, "phone")) == [
        (Concern.AWAITED_TOO_LONG, 1)
    ]
    assert concerns(step(0, "pager", patience=1), step(1, "phone")) == []


def test_a_webhook_that_is_called_twice_at_one_moment_is_named() -> None:
    """By two steps without a delay between them."""
    assert concerns(step(0, "pager"), step(0, "pager", "mail")) == [(Concern.CALLED_TWICE, 2)]
    assert concerns(step(0, "pager"), step(1, "pager")) == []


def test_a_step_a_day_after_the_start_is_named_once() -> None:
    """A unit was mistaken; those behind it need not be told of, too."""
    late = minutes(24 * 60)
    assert concerns(step(0, "pager"), DescribedStep(late, ("phone",)), step(1, "mail")) == [
        (Concern.FIRES_LATE, 2)
    ]
    assert concerns(DescribedStep(late - timedelta(seconds=1), ("phone",))) == []


def test_whoever_is_paged_last_is_named() -> None:
    """Nobody is left to page after the last step of a policy that does not repeat."""
    assert concerns(step(0, "pager"), step(5, "phone"), repeat=None) == [
        (Concern.NOBODY_LEFT, None)
    ]


@given(steps=steps_of_policies, repeat=repeats, is_reached=st.booleans())
def test_each_is_told_once_and_where(
    *, steps: list[DescribedStep], repeat: Repeat | None, is_reached: bool
) -> None:
    """Every sentence has a place in the policy, and no two are the same."""
    policy = DescribedPolicy("ops", "primary", "Primary", tuple(steps), repeat)
    found = list(policy_advice(policy, WEBHOOKS, is_reached=is_reached))
    assert len({advice.text() for advice in found}) == len(found)
    assert all(advice.step is None or 1 <= advice.step <= len(steps) for advice in found)
    assert all(advice.path.startswith("teams.ops.policies.primary") for advice in found)


def test_what_several_steps_deserve_is_told_once() -> None:
    """Fifteen steps that call one failing webhook make one warning, which names them all."""
    place = "policies.a"

    def of(step: int | None, message: str = "pager fails") -> Advice:
        return Advice(place, message, Concern.WEBHOOK_FAILING, step=step)

    told = told_once([of(1), of(2, "is that so?"), of(2), of(3), of(None, "no key leads to it")])
    assert [each.sentence for each in told] == [
        "Steps 1 to 3: pager fails.",
        "Step 2: is that so?",
        "No key leads to it.",
    ]
    assert told_once([of(1), of(4)])[0].sentence == "Steps 1 and 4: pager fails."
