"""What happens next, or why nothing will: decided from what is known, each with a named reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.domain.actor import name_of_actor
from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.domain.incident import Status
from tocsin.domain.timeline_sentence import not_started_text
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import instant_text, listed, routing_text


class Reason(StrEnum):
    """Why something will happen, or nothing. The values are public and never change."""

    STEP_DUE = "step_due"
    STEP_OVERDUE = "step_overdue"
    CALLS_NOBODY = "calls_nobody"  # every webhook of the next step is disabled or deleted
    WEBHOOK_DISABLED = "webhook_disabled"  # one of a step to come
    ATTEMPT_DUE = "attempt_due"
    ATTEMPT_OVERDUE = "attempt_overdue"  # it waits for a free slot of its webhook
    ATTEMPT_UNDER_WAY = "attempt_under_way"
    ATTEMPT_HELD = "attempt_held"  # by the webhook's breaker, which is open
    ATTEMPT_IN_LINE = "attempt_in_line"  # an earlier page of the incident goes first
    PAUSED = "paused"
    ACKNOWLEDGED = "acknowledged"
    HELD = "held"
    RESOLVED = "resolved"
    REROUTED = "rerouted"
    MOVED = "moved"
    NO_PAGE_LEFT = "no_page_left"
    SUPERSEDED = "superseded"
    LAST_STEP_FIRED = "last_step_fired"
    NO_ROUTING = "no_routing"
    POLICY_IS_EMPTY = "policy_is_empty"
    WEBHOOKS_DISABLED = "webhooks_disabled"
    POLICY_DELETED = "policy_deleted"
    DELIVERED = "delivered"
    DEADLINE = "deadline"
    FINAL_OUTCOME = "final_outcome"
    ONE_ATTEMPT = "one_attempt"
    SKIPPED_LATE = "skipped_late"
    NEVER_RECEIVED = "never_received"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer to "what now?"; `at` is when something happens, or happened."""

    reason: Reason
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step that an escalation would fire at `due_at`; `name` says which, as a person would."""

    name: str
    due_at: datetime
    webhooks: Sequence[str]
    sooner_at: datetime | None = None
    """When it fires already, unless the step before it has reached somebody by then."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """A webhook that a step to come would call, or one of a policy that could not start."""

    webhook: str
    since: datetime
    reason: DisabledReason


@dataclass(frozen=True, slots=True)
class Held:
    """The open breaker of a delivery's webhook: why it is, and when it lets this one through."""

    failures: int
    since: datetime
    earliest: datetime
    latest: datetime
    """Also if it is still open then."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A delivery that has not ended.

    `due_at` is None while an attempt of it is under way, or while it waits for the one before it.
    """

    webhook: str
    attempt: int
    """The one under way, or the next one."""
    due_at: datetime | None
    is_in_line: bool = False
    """Whether it waits for the attempt of an earlier page of this incident to end."""
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where an incident is, with everything that could still happen to it."""

    status: Status
    changed_by: str
    """Who acknowledged, held or resolved it."""
    held_until: datetime | None
    routing_key: str
    has_started: bool
    """Whether any policy has started since it was triggered, or rerouted, last."""
    not_started: Sequence[tuple[str, str]]
    """The policies that could not start then, each with the reason."""
    due_steps: Sequence[DueStep]
    unfinished: Sequence[Unfinished]
    disabled: Sequence[Disabled] = ()


def decide_next(situation: Situation, *, now: datetime, is_paused: bool) -> tuple[Finding, ...]:
    """Return what happens next to an incident, or every reason why nothing will."""
    findings = [*_of_status(situation, now), *_of_deliveries(situation.unfinished, now)]
    if is_paused:
        findings.insert(0, _paused())
    return tuple(findings)


def _paused() -> Finding:
    return Finding(
        Reason.PAUSED, "Tocsin is paused: nothing fires and nothing is sent until it is resumed."
    )


def _of_status(situation: Situation, now: datetime) -> Iterator[Finding]:
    by = name_of_actor(situation.changed_by)
    match situation.status:
        case Status.RESOLVED:
            yield Finding(
                Reason.RESOLVED, f"Nothing: {by} resolved it. A new alert opens a new incident."
            )
        case Status.ACKNOWLEDGED if situation.held_until:
            ends = instant_text(situation.held_until)
            text = f"{by} holds it until {ends}; then its policies start again."
            yield Finding(Reason.HELD, text, situation.held_until)
        case Status.ACKNOWLEDGED:
            text = f"Nothing: {by} acknowledged it. Reopen it to page again."
            yield Finding(Reason.ACKNOWLEDGED, text)
        case Status.TRIGGERED:
            yield from _of_triggered(situation, now)


def _of_triggered(situation: Situation, now: datetime) -> Iterator[Finding]:
    for step in situation.due_steps:
        yield _of_step(step, now)
        if not step.webhooks:
            text = f"That step will reach nobody: {not_started_text('webhooks_disabled')}."
            yield Finding(Reason.CALLS_NOBODY, text)
    for policy, reason in situation.not_started:
        yield Finding(Reason(reason), f"{policy} was not started: {not_started_text(reason)}.")
    yield from map(_of_disabled, situation.disabled)
    if situation.due_steps:
        return
    if situation.has_started:
        text = "Nobody is left to page: the last step has fired. Reroute it to page others."
        yield Finding(Reason.LAST_STEP_FIRED, text)
    elif not situation.not_started:
        yield Finding(Reason.NO_ROUTING, _no_routing(situation.routing_key))


def _no_routing(routing_key: str) -> str:
    return (
        f"Nobody is paged: {routing_text(routing_key)} led to no policy when it was triggered. "
        "Reroute it to a policy, and give the routing key or the default routing one."
    )


def _of_step(step: DueStep, now: datetime) -> Finding:
    calls = f"calls {listed(step.webhooks)}"
    if step.due_at <= now:
        return Finding(Reason.STEP_OVERDUE, f"{step.name}, is due now and {calls}.", step.due_at)
    at = instant_text(step.due_at)
    sooner = ""
    if step.sooner_at is not None:
        sooner = (
            f", or at {instant_text(step.sooner_at)} unless the step before it has reached somebody by "
            "then,"
        )
    return Finding(Reason.STEP_DUE, f"{step.name}, fires at {at}{sooner} and {calls}.", step.due_at)


def _of_disabled(disabled: Disabled) -> Finding:
    name = disabled.webhook
    text = (
        f"{name} is not called: it has been disabled since {instant_text(disabled.since)}, "
        f"{disabled.reason.clause}. Enable it when it takes pages again"
    )
    return Finding(Reason.WEBHOOK_DISABLED, text, disabled.since)


def _of_deliveries(unfinished: Sequence[Unfinished], now: datetime) -> Iterator[Finding]:
    for delivery in unfinished:
        yield _of_unfinished(delivery, now)


def _of_unfinished(delivery: Unfinished, now: datetime) -> Finding:
    attempt = f"Attempt {delivery.attempt} to {delivery.webhook}"
    if delivery.is_in_line:
        text = f"{attempt} is made as soon as that of an earlier page of its incident has ended."
        return Finding(Reason.ATTEMPT_IN_LINE, text)
    if delivery.due_at is None:
        return Finding(Reason.ATTEMPT_UNDER_WAY, f"{attempt} is under way.")
    if delivery.held is not None and delivery.held.earliest > now:
        return _of_held(attempt, delivery.held)
    if delivery.due_at <= now:
        text = f"{attempt} is due and waits for a free slot of that webhook."
        return Finding(Reason.ATTEMPT_OVERDUE, text, delivery.due_at)
    text = f"{attempt} is made at {instant_text(delivery.due_at)}."
    return Finding(Reason.ATTEMPT_DUE, text, delivery.due_at)


def _of_held(attempt: str, held: Held) -> Finding:
    earliest, latest = instant_text(held.earliest), instant_text(held.latest)
    when = f"until {earliest}"
    if latest != earliest:
        when += f" at the earliest and {latest} at the latest"
    text = (
        f"{attempt} is held by the breaker {when}, or until an attempt of another delivery succeeds: "
        f"{held.failures} attempts failed since {instant_text(held.since)}, without a 2xx between."
    )
    return Finding(Reason.ATTEMPT_HELD, text, held.earliest)


_BECAUSE = {
    Ending.DELIVERED: "the webhook took it",
    Ending.DEADLINE: "the last attempt, at the deadline, failed too",
    Ending.FINAL_OUTCOME: "after that outcome another attempt could not do better",
    Ending.ONE_ATTEMPT: "it was a test, which is sent once",
    Ending.SKIPPED_LATE: "its first attempt would have been later than the webhook's skip_if_late",
    Ending.ACKNOWLEDGED: "the incident was acknowledged",
    Ending.HELD: "the incident was put on hold",
    Ending.RESOLVED: "the incident was resolved",
    Ending.REROUTED: "the incident was rerouted",
    Ending.MOVED: "the policy had changed, and its current version took over",
    Ending.NO_PAGE_LEFT: "the page that it was to follow was stopped before its first byte",
    Ending.SUPERSEDED: "it had failed when there was something newer to tell",
}


def because(end_reason: str) -> str:
    """Return why a delivery gets no further attempt, as a clause."""
    return _BECAUSE[Ending(end_reason)]


_MAY_BE_SENT_AGAIN = frozenset({Ending.DEADLINE, Ending.FINAL_OUTCOME, Ending.SKIPPED_LATE})
_SEND_AGAIN = " It can be sent again by hand."


def decide_next_of_delivery(
    unfinished: Unfinished,
    *,
    state: DeliveryState,
    end_reason: str | None,
    now: datetime,
    is_paused: bool,
) -> tuple[Finding, ...]:
    """Return what happens next to a delivery, or why nothing will."""
    reason = None if end_reason is None else Ending(end_reason)
    if state.is_ended and reason is not None:
        hint = _SEND_AGAIN if reason in _MAY_BE_SENT_AGAIN else ""
        return (Finding(Reason(reason.value), f"Nothing: {_BECAUSE[reason]}.{hint}"),)
    findings = [_of_unfinished(unfinished, now)]
    if is_paused and state is DeliveryState.PENDING:
        findings.insert(0, _paused())
    if reason is not None:
        text = f"It is the last one, whatever becomes of it: {_BECAUSE[reason]}."
        findings.append(Finding(Reason(reason.value), text))
    return tuple(findings)
