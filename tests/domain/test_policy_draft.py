"""A policy as it is typed: nothing typed is lost, and every mistake is told beside its field."""

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_foresight import NAMES, minutes, repeats, step, steps_of_policies

from tocsin.domain.configuration_file.description import DescribedPolicy
from tocsin.domain.policy import MOST_STEPS, Repeat, WebhookTarget, check_policy
from tocsin.domain.policy import Step as PolicyStep
from tocsin.domain.policy_draft import (
    PolicyDraft,
    StepDraft,
    draft_of,
    draft_of_form,
    fields_of,
    first_draft,
    read_draft,
    rearrange,
)

policies = st.builds(
    DescribedPolicy,
    st.just("ops"),
    st.just("primary"),
    st.just("Primary"),
    steps_of_policies.map(tuple),
    repeats,
)
texts = st.text(max_size=8)
drafts = st.builds(
    PolicyDraft,
    texts,
    texts.map(str.strip),
    st.lists(
        st.builds(
            StepDraft,
            st.sampled_from(["", "0s", "5m", "5", "soon"]),
            st.lists(st.sampled_from([*NAMES, "nobody"]), max_size=3).map(tuple),
            st.sampled_from(["", "1s", "1m", "x"]),
        ),
        max_size=4,
    ).map(tuple),
    st.sampled_from(["", "0", "2", "101", "x"]),
    st.sampled_from(["", "0s", "15m", "15"]),
)


@given(policy=policies)
def test_a_policy_passes_through_the_form_unchanged(policy: DescribedPolicy) -> None:
    """What is in force, put into the form and posted back, reads as what it was."""
    reading = read_draft(draft_of_form(fields_of(draft_of(policy))), NAMES)
    assert reading.mistakes == {}
    assert reading.is_whole
    assert reading.described(team="ops", slug="other") == policy


@given(draft=drafts)
def test_nothing_that_was_typed_is_lost(draft: PolicyDraft) -> None:
    """Right or wrong, it stands in the form again."""
    assert draft_of_form(fields_of(draft)) == draft


@given(draft=drafts)
def test_what_has_no_mistake_can_be_saved(draft: PolicyDraft) -> None:
    """The form refuses what the policy's own rules refuse, and so nothing is refused later."""
    reading = read_draft(draft, NAMES)
    if reading.can_be_saved:
        steps = tuple(
            PolicyStep(
                each.after,
                tuple(WebhookTarget(NAMES.index(slug)) for slug in each.webhooks),
                each.if_undelivered,
            )
            for each in reading.steps
        )
        check_policy(steps, reading.repeat)
        assert len(steps) == len(draft.steps)
    else:
        assert set(reading.mistakes) <= {*fields_of(draft), *_first_targets(draft)}


def _first_targets(draft: PolicyDraft) -> set[str]:
    return {f"step-{number}-target-1" for number in range(1, len(draft.steps) + 1)}


@given(fields=st.dictionaries(st.text(max_size=20) | st.from_regex("step-[0-9]{1,3}-after"), texts))
def test_a_form_may_hold_anything(fields: dict[str, str]) -> None:
    """Strange fields are passed over, and strange values told."""
    read_draft(draft_of_form(fields), NAMES)


def test_every_mistake_is_told_beside_its_field() -> None:
    """All of them at once, with what to write."""
    draft = PolicyDraft(
        name=" ",
        slug="Not A Slug",
        steps=(
            StepDraft("", ("pager",), "1s"),
            StepDraft("5", ("pagr", "mail", "mail")),
            StepDraft("1m", ()),
        ),
        repeat_times="many",
        repeat_after="",
    )
    reading = read_draft(draft, NAMES)
    assert reading.steps == ()
    assert not reading.is_whole
    assert set(reading.mistakes) == {
        *("name", "slug", "step-1-after", "step-1-patience", "step-2-after", "step-2-target-1"),
        *("step-2-target-3", "step-3-target-1", "repeat-times", "repeat-after"),
    }
    assert "did you mean 'pager'" in reading.mistakes["step-2-target-1"]
    assert "0s" in reading.mistakes["step-1-after"]


def test_what_can_be_read_is_foreseen_up_to_the_first_mistake_in_time() -> None:
    """A step without a webhook still has its place in time; one without a delay has none."""
    draft = PolicyDraft(
        "x",
        "",
        (
            StepDraft("0s"),
            StepDraft("5m", ("mail",)),
            StepDraft("?"),
        ),
    )
    assert read_draft(draft, NAMES).steps == (step(0), step(5, "mail"))


def test_buttons_rearrange_the_steps() -> None:
    """Each does one thing, with all that was typed; what cannot be done changes nothing."""
    draft = draft_of(
        DescribedPolicy("o", "p", "P", (step(0, "pager"), step(1, "phone")), Repeat(1, minutes(1)))
    )

    def calls(do: str) -> list[str]:
        changed = rearrange(draft, do)
        assert changed.name == draft.name
        return [" ".join(each.targets) for each in changed.steps]

    assert calls("up-step-2") == calls("down-step-1") == ["phone", "pager"]
    assert calls("remove-step-1") == ["phone"]
    assert calls("add-step") == ["pager", "phone", ""]
    for nothing in ("up-step-1", "down-step-2", "remove-step-3", "remove-step-0", "save", "", "x"):
        assert calls(nothing) == ["pager", "phone"], nothing


def test_no_more_steps_than_a_policy_may_have() -> None:
    """The button does nothing, and more of them in the form are told."""
    full = PolicyDraft("x", "", tuple(StepDraft("0s", ("pager",)) for _ in range(MOST_STEPS)))
    assert rearrange(full, "add-step") == full
    assert read_draft(full, NAMES).can_be_saved
    more = PolicyDraft("x", "", (*full.steps, full.steps[0]))
    assert set(read_draft(more, NAMES).mistakes) == {"steps"}


def test_a_new_policy_begins_with_a_step_at_once() -> None:
    """With the webhook that somebody came from, if they did."""
    assert first_draft("pager").steps == (StepDraft("0s", ("pager",)),)
