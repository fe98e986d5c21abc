"""An incident in one sentence."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_why import situation, step

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.headline import Call, Calls, Headline, HeadlineReason, decide_headline
from tocsin.domain.incident import Status
from tocsin.domain.why import DueStep, Situation

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SINCE = "2026-05-04 03:02:01.000Z"
LATER = NOW + timedelta(seconds=90)
THEN = "2026-05-04 03:03:31.000Z"


def call(webhook: str, state: DeliveryState = DeliveryState.SENDING) -> Call:
    return Call(webhook, NOW, state)


def headline(
    given_: Situation, *calls: Call, earlier: Sequence[Call] = (), is_paused: bool = False
) -> Headline:
    pages = Calls(now=NOW, in_force=calls, earlier=earlier, is_paused=is_paused)
    return decide_headline(given_, since=NOW, calls=pages)


NEXT = f"next, ops/main, step 2 of 3, calls boss at {THEN}"
DUE = situation(due_steps=(step(LATER, "boss"),))
DONE = situation(has_started=True)


@pytest.mark.parametrize(
    ("given_", "calls", "reason", "text"),
    [
        (
            *(DUE, [call("pager"), call("phone", DeliveryState.PENDING)], HeadlineReason.CALLING),
            f"pager and phone are being called since {SINCE}; {NEXT}; triggered since {SINCE}.",
        ),
        (
            *(DUE, [call("pager", DeliveryState.DELIVERED), call("phone")], HeadlineReason.CALLING),
            f"phone is being called since {SINCE} (told already: pager); {NEXT}; triggered since {SINCE}.",
        ),
        (
            *(DUE, [call("pager", DeliveryState.DELIVERED)], HeadlineReason.TOLD),
            (
                f"Nobody is being called: pager took it, the last at {SINCE}, and nobody has acknowledged; {NEXT}; "
                f"triggered since {SINCE}."
            ),
        ),
        (
            *(DUE, [call("pager", DeliveryState.FAILED)], HeadlineReason.REACHED_NOBODY),
            f"Nobody was reached: no call of pager succeeded; {NEXT}; triggered since {SINCE}.",
        ),
        (
            *(DUE, [], HeadlineReason.NOT_YET),
            f"Nobody has been called yet; {NEXT}; triggered since {SINCE}.",
        ),
        (
            *(DONE, [call("pager")], HeadlineReason.CALLING),
            f"pager is being called since {SINCE}; nobody is left to be called after that; triggered since {SINCE}.",
        ),
        (
            *(DONE, [], HeadlineReason.CALLED_NOBODY),
            (
                "Nobody is called: every webhook that a step would have called is disabled or deleted; "
                f"triggered since {SINCE}."
            ),
        ),
        (
            situation(not_started=(("ops/main", "policy_is_empty"),)),
            *([], HeadlineReason.NOT_STARTED),
            (
                "Nobody is called, as no policy could start (ops/main: it has no steps); "
                f"triggered since {SINCE}."
            ),
        ),
        (
            *(situation(), [], HeadlineReason.NO_ROUTING),
            f"Nobody is called: routing key 'db' led to no policy; triggered since {SINCE}.",
        ),
        (
            *(situation(Status.RESOLVED), [], HeadlineReason.RESOLVED),
            f"Nobody is called: alice resolved it at {SINCE}.",
        ),
        (
            *(situation(Status.ACKNOWLEDGED), [call("pager")], HeadlineReason.ACKNOWLEDGED),
            (
                f"Nobody is called: alice acknowledged it at {SINCE}, though an attempt to call pager was under way "
                "and could not be recalled."
            ),
        ),
        (
            *(situation(Status.ACKNOWLEDGED, held_until=LATER), [], HeadlineReason.HELD),
            f"Nobody is called: alice took it at {SINCE} and holds it until {THEN}, when its policies start again.",
        ),
    ],
)
def test_it_says_who_is_called_since_when_and_what_is_next(
    given_: Situation, calls: list[Call], reason: HeadlineReason, text: str
) -> None:
    """Or that nobody is, and why."""
    made = headline(given_, *calls)
    assert (made.reason, made.text) == (reason, text)


def test_while_paused_it_says_so() -> None:
    """And what comes first once it is resumed."""
    made = headline(DUE, call("pager", DeliveryState.PENDING), is_paused=True)
    assert made.reason is HeadlineReason.PAUSED
    assert made.text == (
        "Tocsin is paused, so nobody is called; once it is resumed, ops/main, step 2 of 3, calls boss at "
        f"{THEN}; triggered since {SINCE}."
    )


def test_while_paused_what_is_under_way_is_not_denied() -> None:
    """It ends, and what waits does not begin; nor does a hold end."""
    waiting, sending = call("phone", DeliveryState.PENDING), call("pager")
    assert headline(DUE, waiting, sending, is_paused=True).text.startswith(
        "Tocsin is paused, so nobody is called, though an attempt to call pager was under way and "
        "could not be recalled; once"
    )
    held = situation(Status.ACKNOWLEDGED, held_until=LATER)
    assert headline(held, is_paused=True).text == (
        f"Nobody is called: alice took it at {SINCE} and holds it until {THEN}, when its policies start "
        "again as soon as Tocsin, which is paused, is resumed."
    )


@pytest.mark.parametrize(
    ("earlier", "calls", "begins"),
    [
        (
            *(DeliveryState.DELIVERED, []),
            "Nobody has been called since its policies last started; next",
        ),
        (
            *(DeliveryState.SENDING, []),
            (
                "Nobody has been called since its policies last started, though an attempt to call pager was "
                "under way and could not be recalled; next"
            ),
        ),
        (
            *(DeliveryState.DELIVERED, [call("phone", DeliveryState.FAILED)]),
            "Nobody was reached since its policies last started: no call of phone succeeded; next",
        ),
    ],
)
def test_who_was_called_before_it_was_moved_or_reopened_is_not_denied(
    earlier: DeliveryState, calls: list[Call], begins: str
) -> None:
    """What it went by before has called somebody, and perhaps still does."""
    assert headline(DUE, *calls, earlier=[call("pager", earlier)]).text.startswith(begins)


def test_an_attempt_from_before_it_was_rerouted_is_told_of_who_took_it() -> None:
    """It was under way, and nobody could recall it."""
    taken = headline(situation(Status.ACKNOWLEDGED), earlier=[call("pager")])
    assert "though an attempt to call pager was under way" in taken.text


@pytest.mark.parametrize(("is_paused", "begins"), [(False, "next"), (True, "once it is resumed")])
def test_a_step_that_is_overdue_is_not_promised_for_the_past(
    *, is_paused: bool, begins: str
) -> None:
    """It fires at once, as soon as it can."""
    made = headline(situation(due_steps=(step(NOW, "boss"),)), is_paused=is_paused)
    assert f"; {begins}, ops/main, step 2 of 3, calls boss at once, as planned for {SINCE};" in (
        made.text
    )


def test_the_earliest_of_several_steps_is_named_with_when_it_may_fire_sooner() -> None:
    """A step that fires already if nobody is reached counts from then."""
    sooner = DueStep("ops/net, step 2 of 2", LATER, ["boss"], NOW + timedelta(seconds=10))
    made = headline(situation(due_steps=(step(LATER, "a"), sooner)))
    assert made.next_at == sooner.sooner_at
    assert "ops/net, step 2 of 2, calls boss" in made.text
    assert "or already at 2026-05-04 03:02:11.000Z if the step before it has reached nobody" in (
        made.text
    )


def test_a_step_that_would_call_nobody_says_so() -> None:
    """Its webhooks are disabled."""
    assert (
        "calls nobody, as every webhook of it is disabled"
        in headline(situation(due_steps=(step(LATER),))).text
    )


def test_many_names_are_counted() -> None:
    """A repeating policy names each webhook once; after three the others are a number."""
    calls = [call(name) for name in "ababcdef"]
    assert headline(DONE, *calls).text.startswith("a, b, c and 3 others are being called since")


NAMES = st.sampled_from(["pager", "boss", "phone", "sms", "desk"])
SITUATIONS = st.builds(
    situation,
    st.sampled_from(Status),
    held_until=st.none() | st.just(LATER),
    has_started=st.booleans(),
    not_started=st.lists(
        st.tuples(
            st.just("ops/main"),
            st.sampled_from(["policy_is_empty", "webhooks_disabled", "policy_deleted"]),
        ),
        max_size=2,
    ).map(tuple),
    due_steps=st.lists(
        st.builds(
            DueStep,
            st.just("ops/main, step 2 of 3"),
            st.sampled_from([NOW, LATER]),
            st.lists(NAMES, max_size=3),
            st.none() | st.just(NOW),
        ),
        max_size=2,
    ).map(tuple),
)
CALLS = st.lists(st.builds(Call, NAMES, st.just(NOW), st.sampled_from(DeliveryState)), max_size=8)


@given(given_=SITUATIONS, calls=CALLS, is_paused=st.booleans())
def test_there_is_exactly_one_sentence_for_every_situation(
    given_: Situation, calls: list[Call], *, is_paused: bool
) -> None:
    """It begins with a name or a capital, ends with its only full stop, and says when; a call is never denied."""
    made = headline(given_, *calls, is_paused=is_paused)
    text = made.text
    assert re.fullmatch(r"\w[^\n]*\S\.", text)
    assert len(re.findall(r"\.(?!\d{3}Z)", text)) == 1
    assert NOW in made.parts
    being_called = any(not each.state.is_ended for each in calls)
    calling = given_.status is Status.TRIGGERED and being_called and not is_paused
    assert (made.reason is HeadlineReason.CALLING) is calling
    assert ("Nobody" in text or "nobody" in text) or calling
