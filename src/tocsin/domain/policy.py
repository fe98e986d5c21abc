"""Escalation policies: ordered steps, and versions that never change once an escalation uses them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from tocsin.errors import TocsinError

MOST_STEPS = 100
MOST_REPEATS = 100


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
    if repeat and not 1 <= repeat.times <= MOST_REPEATS:
        raise InvalidPolicy(
            f"a policy repeats 1 to {MOST_REPEATS} times, not {repeat.times}", times=repeat.times
        )
