"""What happens next, decided from what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.domain.incident import Status
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.why import (
    Disabled,
    DueStep,
    Reason,
    Situation,
    Unfinished,
    decide_next,
    decide_next_of_delivery,
)

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)


def situation(
    status: Status = Status.TRIGGERED,
    *,
    held_until: datetime | None = None,
    has_started: bool = False,
    not_started: tuple[tuple[str, str], ...] = (),
    due_steps: tuple[DueStep, ...] = (),
    unfinished: tuple[Unfinished, ...] = (),
    disabled: tuple[Disabled, ...] = (),
) -> Situation:
    return Situation(
        status=status,
        changed_by="token:alice",
        held_until=held_until,
        routing_key="db",
        has_started=has_started or bool(due_steps),
        not_started=not_started,
        due_steps=due_steps,
        unfinished=unfinished,
        disabled=disabled,
    )


def step(due_at: datetime, *webhooks: str) -> DueStep:
    return DueStep("ops/main, step 2 of 3", due_at, webhooks)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (situation(Status.RESOLVED), [Reason.RESOLVED]),
        (situation(Status.ACKNOWLEDGED), [Reason.ACKNOWLEDGED]),
        (situation(Status.ACKNOWLEDGED, held_until=LATER), [Reason.HELD]),
        (situation(due_steps=(step(LATER, "a"),)), [Reason.STEP_DUE]),
        (situation(due_steps=(step(NOW, "a"),)), [Reason.STEP_OVERDUE]),
        (situation(due_steps=(step(LATER),)), [Reason.STEP_DUE, Reason.CALLS_NOBODY]),
        (situation(has_started=True), [Reason.LAST_STEP_FIRED]),
        (situation(), [Reason.NO_ROUTING]),
        (situation(not_started=(("ops/a", "policy_is_empty"),)), [Reason.POLICY_IS_EMPTY]),
        (
            situation(has_started=True, not_started=(("ops/a", "webhooks_disabled"),)),
            [Reason.WEBHOOKS_DISABLED, Reason.LAST_STEP_FIRED],
        ),
        (
            situation(Status.RESOLVED, unfinished=(Unfinished("a", 2, None),)),
            [Reason.RESOLVED, Reason.ATTEMPT_UNDER_WAY],
        ),
        (
            situation(
                has_started=True, unfinished=(Unfinished("a", 2, LATER), Unfinished("b", 1, NOW))
            ),
            [Reason.LAST_STEP_FIRED, Reason.ATTEMPT_DUE, Reason.ATTEMPT_OVERDUE],
        ),
    ],
)
def test_every_silence_has_a_reason(given: Situation, expected: list[Reason]) -> None:
    """And whatever will happen has one, too; a pause stands before all of them."""
    assert [finding.reason for finding in decide_next(given, now=NOW, is_paused=False)] == expected
    paused = decide_next(given, now=NOW, is_paused=True)
    assert [finding.reason for finding in paused] == [Reason.PAUSED, *expected]


def test_a_finding_says_when_and_whom() -> None:
    """In words, and for a program."""
    given = situation(due_steps=(step(LATER, "pager", "phone"),))
    (finding,) = decide_next(given, now=NOW, is_paused=False)
    assert finding.at == LATER
    assert finding.text == (
        "ops/main, step 2 of 3, fires at 2026-05-04 03:03:31.000Z and calls pager and phone."
    )


@pytest.mark.parametrize("reason", DisabledReason)
def test_a_disabled_webhook_says_why_and_what_to_do(reason: DisabledReason) -> None:
    """While the incident is triggered; of one that is taken nobody needs to know."""
    given = situation(due_steps=(step(LATER, "phone"),), disabled=(Disabled("a", NOW, reason),))
    _, finding = decide_next(given, now=NOW, is_paused=False)
    assert (finding.reason, finding.at) == (Reason.WEBHOOK_DISABLED, NOW)
    assert finding.text == (
        "a is not called: it has been disabled since 2026-05-04 03:02:01.000Z, "
        f"{reason.clause}. Enable it when it takes pages again"
    )
    taken = replace(given, status=Status.ACKNOWLEDGED, due_steps=())
    assert [each.reason for each in decide_next(taken, now=NOW, is_paused=False)] == [
        Reason.ACKNOWLEDGED
    ]


@pytest.mark.parametrize("ending", Ending)
def test_every_ending_of_a_delivery_is_explained(ending: Ending) -> None:
    """Whatever ended it."""
    state = DeliveryState.CANCELLED if ending is not Ending.DELIVERED else DeliveryState.DELIVERED
    (finding,) = decide_next_of_delivery(
        Unfinished("a", 2, None), state=state, end_reason=ending.value, now=NOW, is_paused=True
    )
    assert finding.reason.value == ending.value
    assert finding.text.startswith("Nothing: ")


def next_of(
    due_at: datetime | None, *, state: DeliveryState, end_reason: str | None = None
) -> list[Reason]:
    findings = decide_next_of_delivery(
        Unfinished("a", 2, due_at), state=state, end_reason=end_reason, now=NOW, is_paused=True
    )
    return [finding.reason for finding in findings]


def test_a_delivery_that_waits_or_is_sent_says_so() -> None:
    """A pause holds up what waits, and not what is under way."""
    assert next_of(LATER, state=DeliveryState.PENDING) == [Reason.PAUSED, Reason.ATTEMPT_DUE]
    assert next_of(None, state=DeliveryState.SENDING) == [Reason.ATTEMPT_UNDER_WAY]
    assert decide_next_of_delivery(
        Unfinished("a", 1, None, is_in_line=True),
        state=DeliveryState.PENDING,
        end_reason=None,
        now=NOW,
        is_paused=False,
    )[0].text == (
        "Attempt 1 to a is made as soon as that of an earlier page of its incident has ended."
    )
    stopped = next_of(None, state=DeliveryState.SENDING, end_reason="rerouted")
    assert stopped == [Reason.ATTEMPT_UNDER_WAY, Reason.REROUTED]
