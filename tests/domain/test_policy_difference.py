"""How two versions of a policy differ, in words."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_foresight import minutes, repeats, step, steps_of_policies

from tocsin.domain.policy import Repeat
from tocsin.domain.policy_difference import Plan, plan_differences

plans = st.builds(Plan, steps_of_policies.map(tuple), repeats)


@given(before=plans, after=plans)
def test_something_is_told_exactly_if_something_differs(before: Plan, after: Plan) -> None:
    """No difference is passed over, and none is made up."""
    assert bool(plan_differences(before, after)) == (before != after)
    assert plan_differences(after, after) == ()


def test_steps_are_followed_by_whom_they_call() -> None:
    """A step that is put in front makes no difference of those behind it but their numbers."""
    before = Plan((step(0, "pager"), step(5, "phone"), step(5, "mail")))
    after = Plan((step(0, "siren", patience=1), step(1, "pager"), step(5, "phone")))
    assert plan_differences(before, after) == (
        (
            "Step 1 is new: at once it calls siren; if nothing of it is delivered within 1 min, "
            "the next step fires."
        ),
        "Step 2 (was step 1) fires 1 min after step 1 (was 0 s).",
        "Step 3 is gone: it called mail.",
    )


def test_a_step_that_changed_says_what() -> None:
    """Whom it calls, when, and what it does when nothing arrives."""
    before = Plan((step(0, "pager", "mail"),), Repeat(2, minutes(10)))
    after = Plan((step(2, "pager", "phone", patience=1),))
    assert plan_differences(before, after) == (
        "Step 1 calls phone, too.",
        "Step 1 does not call mail any more.",
        "Step 1 fires 2 min after the start (was 0 s).",
        "Step 1: if nothing of it is delivered within 1 min, the next step fires (was never).",
        "Repeats: not at all (was 2 times, 10 min after the last step).",
    )
    swapped = plan_differences(Plan((step(0, "a", "b"),)), Plan((step(0, "b", "a"),)))
    assert swapped == ("Step 1 calls the same webhooks in another order: b and a.",)
    assert timedelta() == step(0).after
