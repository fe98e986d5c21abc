"""What a policy would do to an incident that nobody takes: in words, and as points in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.domain.configuration_file.description import DescribedStep
from tocsin.domain.policy import Repeat
from tocsin.domain.wording import counted, length_text, listed

AT_START = timedelta(0)


@dataclass(frozen=True, slots=True)
class Moment:
    """Steps that fire together: numbers `first` to `last`, counted from 1.

    Units: `at` counts from the start of the escalation, as `sooner_at` does.
    """

    at: timedelta
    first: int
    last: int
    webhooks: tuple[str, ...]
    """Whom they call, in order; a webhook that two of them name is called twice."""
    sooner_at: timedelta | None = None
    """When they fire already, if nothing of the step before was delivered by then."""

    @property
    def steps_text(self) -> str:
        """Which steps these are: `step 2`, `steps 2 to 4`."""
        if self.first == self.last:
            return f"step {self.first}"
        return f"steps {self.first} to {self.last}"

    @property
    def text(self) -> str:
        """The moment in words, as a sentence."""
        when = "At once" if self.at == AT_START else f"At {length_text(self.at)}"
        if self.sooner_at is not None:
            when += (
                f" (already at {length_text(self.sooner_at)}, if nothing of step {self.first - 1} was "
                "delivered by then)"
            )
        if self.at != AT_START:
            when += ", unless somebody acknowledged"
        return f"{when}: {listed(self.webhooks)}."


@dataclass(frozen=True, slots=True)
class Point:
    """A moment on the axis of time, in cycle `cycle` (from 1) of a policy that repeats."""

    at: timedelta
    cycle: int
    moment: Moment


@dataclass(frozen=True, slots=True)
class Foresight:
    """All that a policy would do. `is_whole` is False where what comes after could not be read."""

    moments: tuple[Moment, ...]
    """Of the first cycle; the others are like it."""
    repeat: Repeat | None
    is_whole: bool = True

    @property
    def cycles(self) -> int:
        return 1 + self.repeat.times if self.repeat and self.is_whole and self.moments else 1

    @property
    def cycle_length(self) -> timedelta:
        """From the start of one cycle to that of the next, if there is one."""
        last_at = self.moments[-1].at if self.moments else AT_START
        return last_at + (self.repeat.after if self.repeat else AT_START)

    @property
    def ends_at(self) -> timedelta | None:
        """When the last step of all has fired; None where there is none, or that cannot be known."""
        if not self.moments or not self.is_whole:
            return None
        return (self.cycles - 1) * self.cycle_length + self.moments[-1].at

    def points(self) -> Iterator[Point]:
        """Yield every moment of every cycle, in order: up to 10,100 of them."""
        for cycle in range(self.cycles):
            begins_at = cycle * self.cycle_length
            for moment in self.moments:
                yield Point(begins_at + moment.at, cycle + 1, moment)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it in words."""
        if not self.moments:
            return ("It has no steps, so it pages nobody.",) if self.is_whole else ()
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        for moment in self.moments:
            yield moment.text
        if self.repeat and self.cycles > 1:
            yield self._again(self.repeat)
        if self.ends_at is not None:
            when = "At once" if self.ends_at == AT_START else f"At {length_text(self.ends_at)}"
            yield f"{when}, when the last step has fired, nobody is left to page."

    def _again(self, repeat: Repeat) -> str:
        first_at = self.cycle_length + self.moments[0].at
        times = "once" if repeat.times == 1 else counted(repeat.times, "time")
        if repeat.after == AT_START:
            first = f"at {length_text(first_at)}" if first_at else "at the same moment"
            return f"Then all steps again, {times}, without a pause: first {first}."
        return (
            f"Then all steps again, {times}, each time {length_text(repeat.after)} after the last step: "
            f"first at {length_text(first_at)}."
        )


def foresee(
    steps: Sequence[DescribedStep], repeat: Repeat | None, *, is_whole: bool = True
) -> Foresight:
    """Return what steps would do, also steps that no policy may have.

    As the engine goes (`tocsin.domain.escalation.advance`): a step with delay 0 fires with the one before
    it, which then has no time to be impatient in; one that is impatient brings the next one forward.
    `is_whole`: these are all the steps there are.
    """
    moments: list[Moment] = []
    at = AT_START
    patience: timedelta | None = None
    for number, step in enumerate(steps, start=1):
        if moments and not step.after:
            before = moments[-1]
            webhooks = (*before.webhooks, *step.webhooks)
            moments[-1] = Moment(at, before.first, number, webhooks, before.sooner_at)
        else:
            sooner_at = at + patience if patience is not None and patience < step.after else None
            at += step.after
            moments.append(Moment(at, number, number, step.webhooks, sooner_at))
        patience = step.if_undelivered
    return Foresight(tuple(moments), repeat, is_whole)
