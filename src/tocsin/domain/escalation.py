"""How an escalation walks its policy: pure functions of what is known and `now`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.delivery import DeliveryState
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
    MOVED = "moved"  # the current version of its policy took over


class Stale(StrEnum):
    """Why something that was asked for does nothing: it came too late. The values are public."""

    ESCALATION = "stale_escalation"  # what asked for it was stopped, or fired by somebody else
    LEASE = "stale_lease"  # another run has closed the attempt


class Hurry(StrEnum):
    """Why a step fires before its time: the one before it reached nobody. The values are public."""

    UNDELIVERED = "undelivered"  # its time was over, and nothing of it was delivered
    ALL_ENDED = "all_ended"  # all of its deliveries had ended without that
    ALL_SKIPPED = "all_skipped"  # it called nobody in the first place


@dataclass(frozen=True, slots=True)
class Escalation:
    """One run of one policy version for one incident. Its timer is `due_at`; None when it ended.

    `planned_at` is set while the step that fired last may still turn out to have reached nobody: the
    next one is planned for then, and `due_at` is when to look whether it is to fire sooner.
    """

    incident: int
    number: int
    round: int
    policy_version_id: int
    started_at: datetime
    next_step: int
    due_at: datetime | None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    planned_at: datetime | None = None

    def counts_in(self, round_: int) -> bool:
        """Return whether it is what an incident that is in this round goes by, running or not."""
        return self.round == round_ and self.end_reason is not EndReason.MOVED

    @property
    def next_step_at(self) -> datetime | None:
        """When the next step fires, by the plan; None when it ended."""
        return self.due_at if self.planned_at is None else self.planned_at

    @property
    def sooner_at(self) -> datetime | None:
        """When the next step fires before that, unless the last one has reached somebody by then."""
        is_sooner = self.planned_at is not None and self.due_at != self.planned_at
        return self.due_at if is_sooner else None


# Tuples: one of each is made for every step that fires, and a frozen dataclass takes three times as long.
class Firing(NamedTuple):
    """A step that fires now: `position` counts on through the repeats."""

    position: int
    step: Step
    planned_at: datetime
    fired_at: datetime
    hurry: Hurry | None = None
    """Why before its time; `planned_at` is then when that was due."""

    @property
    def lateness(self) -> timedelta:
        return self.fired_at - self.planned_at


class Advance(NamedTuple):
    """What becomes of an escalation that was due: the steps fired, and the next instant, if any."""

    firings: tuple[Firing, ...]
    next_step: int
    due_at: datetime | None
    planned_at: datetime | None = None
    """When the next step is planned, if `due_at` is when to look whether it must fire sooner."""


class Look(NamedTuple):
    """What a look at a step's deliveries shows: why the next step must fire now, or when to look again."""

    hurry: Hurry | None
    again_at: datetime | None = None


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
    hurry: Hurry | None = None,
    calls_nobody: Callable[[Firing], bool] = lambda _: False,
) -> Advance:
    """Fire what is due: one step, and those after it that have no delay of their own.

    1. The step at `next_step` fires now, however late.
    2. The next is planned from its planned instant, so that nothing drifts; but from now when this
       one was more than `late_after` late, so that an outage is not followed by a burst.
    3. A step with delay 0 belongs to the instant of the one before it and fires with it.
    4. Behind a step that is impatient the next one fires now if it `calls_nobody`; otherwise the next
       instant is the one at which to look whether it reached somebody, if that comes first.

    Units: instants are aware UTC, `due_at <= now`. `hurry` is why the first of them fires before its time.
    """
    firings: list[Firing] = []
    for position in range(next_step, version.length):
        delay = version.delay_before(position)
        if delay and firings:
            patience = version.patience_after(position - 1)
            if patience is None or not calls_nobody(firings[-1]):
                anchor = due_at if now - due_at <= late_after else now
                return _wait(firings, position, anchor + delay, patience, now)
            due_at, hurry = now, Hurry.ALL_SKIPPED
        firings.append(Firing(position, version.step_at(position), due_at, now, hurry))
        hurry = None
    return Advance(tuple(firings), version.length, None)


def _wait(
    firings: Sequence[Firing],
    position: int,
    planned_at: datetime,
    patience: timedelta | None,
    now: datetime,
) -> Advance:
    """Return the advance to the step at `position`, which is to come."""
    if patience is None:
        return Advance(tuple(firings), position, planned_at)
    return Advance(tuple(firings), position, min(planned_at, now + patience), planned_at)


def look_at(
    deliveries: Sequence[DeliveryState], *, fired_at: datetime, patience: timedelta, now: datetime
) -> Look:
    """Return whether the next step must fire now, because the one that fired last reached nobody.

    `deliveries` are its own. Neither a reason nor an instant: one of them was delivered, so the plan
    stands. A retry may still reach somebody afterwards; it goes on.
    """
    if DeliveryState.DELIVERED in deliveries:
        return Look(None)
    if all(state.is_ended for state in deliveries):
        return Look(Hurry.ALL_ENDED)
    ends_at = fired_at + patience
    return Look(Hurry.UNDELIVERED) if now >= ends_at else Look(None, ends_at)
