"""Where a step stands in its policy, as people count."""

from dataclasses import dataclass

from tocsin.domain.policy import PolicyVersion


@dataclass(frozen=True, slots=True)
class StepPlace:
    """Step `number` of `steps`, in cycle `cycle` of `cycles`: all from 1."""

    number: int
    steps: int
    cycle: int
    cycles: int

    def __str__(self) -> str:
        cycle = f", cycle {self.cycle} of {self.cycles}" if self.cycles > 1 else ""
        return f"step {self.number} of {self.steps}{cycle}"


def place_of(version: PolicyVersion, position: int) -> StepPlace:
    """Return the place of a position, which counts from 0 and on through the repeats.

    The position after the last one is the last one's: all of it has fired.
    """
    steps = len(version.steps)
    if not steps:
        return StepPlace(0, 0, 1, 1)
    cycles = version.length // steps
    cycle, index = divmod(min(position, version.length - 1), steps)
    return StepPlace(number=index + 1, steps=steps, cycle=cycle + 1, cycles=cycles)
