"""How an escalation walks its policy: pure functions of what is known and `now`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.policy import PolicyVersion, Step

LATE_AFTER = timedelta(seconds=30)
"""A step that fired no later than this keeps the plan; after a longer gap the plan moves with it."""


class EndReason(StrEnum):
    """Why an escalation does nothing any more."""

    EXHAUSTED = "exhausted"  # the last step has fired
    ACKNOWLEDGED = "acknowledged"
    HELD = "held"
    RESOLVED = "resolved"
    REROUTED = "rerouted"


class Stale(StrEnum):
    """Why something that was asked for does nothing: it came too late. The values are public."""

    ESCALATION = "stale_escalation"  # what asked for it was stopped, or fired by somebody else
    LEASE = "stale_lease"  # another run has closed the attempt


@dataclass(frozen=True, slots=True)
class Escalation:
    """One run of one policy version for one incident. Its timer is `due_at`; None when it ended."""

    incident: int
    number: int
    round: int
    policy_version_id: int
    started_at: datetime
    next_step: int
    due_at: datetime | None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None


# Tuples: one of each is made for every step that fires, and a frozen dataclass takes three times as long.
class Firing(NamedTuple):
    """A step that fires now: `position` counts on through the repeats."""

    position: int
    step: Step
    planned_at: datetime
    fired_at: datetime

    @property
    def lateness(self) -> timedelta:
        return self.fired_at - self.planned_at


class Advance(NamedTuple):
    """What becomes of an escalation that was due: the steps fired, and the next instant, if any."""

    firings: tuple[Firing, ...]
    next_step: int
    due_at: datetime | None


def first_due_at(version: PolicyVersion, *, started_at: datetime) -> datetime | None:
    """Return when the first step fires; None for a policy without steps.

    Units: aware UTC.
    """
    return started_at + version.delay_before(0) if version.steps else None


def advance(
    version: PolicyVersion,
    *,
    next_step: int,
    due_at: datetime,
    now: datetime,
    late_after: timedelta = LATE_AFTER,
) -> Advance:
    """Fire what is due: one step, and those after it that have no delay of their own.

    1. The step at `next_step` fires now, however late.
    2. The next is planned from its planned instant, so that nothing drifts; but from now when this
       one was more than `late_after` late, so that an outage is not followed by a burst.
    3. A step with delay 0 belongs to the instant of the one before it and fires with it.

    Units: instants are aware UTC, `due_at <= now`.
    """
    firings: list[Firing] = []
    for position in range(next_step, version.length):
        delay = version.delay_before(position)
        if delay and firings:
            anchor = due_at if now - due_at <= late_after else now
            return Advance(tuple(firings), position, anchor + delay)
        firings.append(Firing(position, version.step_at(position), due_at, now))
    return Advance(tuple(firings), version.length, None)
