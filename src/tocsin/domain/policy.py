"""Escalation policies: ordered steps, and versions that never change once an escalation uses them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from tocsin.domain.duration import format_duration
from tocsin.errors import TocsinError

MOST_STEPS = 100
MOST_REPEATS = 100
SHORTEST_PATIENCE = timedelta(seconds=5)
LONGEST_PATIENCE = timedelta(hours=24)
NEXT_STEP = "next_step"
"""What a step does if it reached nobody, as policies spell it. Nothing else can be asked for."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A step calls this webhook."""

    webhook_id: int


Target = WebhookTarget
"""What a step can reach. A closed set: users, rotations, addresses and policies join it here."""


@dataclass(frozen=True, slots=True)
class Step:
    """A delay, counted from the previous step, and what to reach then."""

    delay: timedelta
    targets: tuple[Target, ...]
    if_undelivered: timedelta | None = None
    """How long it may reach nobody before the next step fires, whatever that one's delay; None: for ever."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """After the last step, wait `after` and begin again, `times` times."""

    times: int
    after: timedelta


class InvalidPolicy(TocsinError):
    """The policy could not work as it is written."""

    code: ClassVar[str] = "invalid_policy"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """What an escalation follows, from its start to its end, whatever is edited meanwhile."""

    id: int
    policy_id: int
    number: int
    steps: tuple[Step, ...]
    repeat: Repeat | None

    @property
    def length(self) -> int:
        """How many steps an escalation of this version fires at the most, repeats included."""
        return len(self.steps) * (1 + (self.repeat.times if self.repeat else 0))

    def step_at(self, position: int) -> Step:
        """Return the step that fires at `position`, which counts on through the repeats."""
        return self.steps[position % len(self.steps)]

    def delay_before(self, position: int) -> timedelta:
        """Return how long after the step before it (or the start) the one at `position` fires."""
        delay = self.step_at(position).delay
        begins_again = position > 0 and position % len(self.steps) == 0
        return delay + self.repeat.after if begins_again and self.repeat else delay

    def patience_after(self, position: int) -> timedelta | None:
        """Return how long the step at `position` may reach nobody before the next one fires.

        None where it may for ever, and for the last step: what follows it is a pause, or nothing. To
        cut the pause short would call those again whom it could not reach, and use the repeats up.
        """
        is_last = (position + 1) % len(self.steps) == 0
        return None if is_last else self.step_at(position).if_undelivered


def format_if_undelivered(patience: timedelta) -> dict[str, str]:
    """Return how files and the API spell a step's patience."""
    return {"after": format_duration(patience), "then": NEXT_STEP}


def check_then(text: str) -> str:
    """Refuse to do anything but to go on to the next step. Raises: InvalidPolicy."""
    if text != NEXT_STEP:
        raise InvalidPolicy(
            f"if_undelivered can only go on to the next step: write 'then: {NEXT_STEP}', and give that "
            "step whoever is to be reached instead",
            given=text[:40],
        )
    return text


def check_policy(steps: tuple[Step, ...], repeat: Repeat | None) -> None:
    """Refuse what could not work. Raises: InvalidPolicy."""
    if len(steps) > MOST_STEPS:
        raise InvalidPolicy(
            f"a policy has at most {MOST_STEPS} steps; this one has {len(steps)}", steps=len(steps)
        )
    for number, step in enumerate(steps, start=1):
        if not step.targets:
            raise InvalidPolicy(f"step {number} has no target: name a webhook", step=number)
        if len(set(step.targets)) < len(step.targets):
            raise InvalidPolicy(f"step {number} names a webhook twice", step=number)
        _check_patience(number, step.if_undelivered)
    if repeat and not 1 <= repeat.times <= MOST_REPEATS:
        raise InvalidPolicy(
            f"a policy repeats 1 to {MOST_REPEATS} times, not {repeat.times}", times=repeat.times
        )


def _check_patience(number: int, patience: timedelta | None) -> None:
    if patience is not None and not SHORTEST_PATIENCE <= patience <= LONGEST_PATIENCE:
        raise InvalidPolicy(
            f"step {number}: if_undelivered takes an 'after' from {format_duration(SHORTEST_PATIENCE)} to "
            f"{format_duration(LONGEST_PATIENCE)}",
            step=number,
        )
