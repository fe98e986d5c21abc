"""What of a policy cannot work, or hardly as meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.configuration_file.advice import Advice, Concern
from tocsin.domain.configuration_file.description import (
    DescribedPolicy,
    DescribedStep,
    Description,
    ObjectKind,
    place_of,
)
from tocsin.domain.duration import format_duration
from tocsin.domain.foresight import foresee
from tocsin.domain.wording import listed, plan_text

LATE_FROM: Final = timedelta(days=1)
"""Hardly anybody means to page so long after the start; a unit was mistaken."""


class Condition(StrEnum):
    """How a webhook does. The values are public."""

    WORKS = "works"
    DISABLED = "disabled"
    FAILING = "failing"  # again and again
    BREAKER_OPEN = "breaker_open"


Conditions = Mapping[str, Condition]
"""Of all webhooks that there are, by slug."""
_CONCERNS: Final = {
    Condition.FAILING: (Concern.WEBHOOK_FAILING, "fails again and again"),
    Condition.BREAKER_OPEN: (
        Concern.BREAKER_OPEN,
        "fails, and is only tried now and then: a page may wait up to 10 s",
    ),
}


def described_conditions(description: Description) -> dict[str, Condition]:
    """Return what a description alone says of its webhooks."""
    return {
        slug: Condition.DISABLED if webhook.enabled is False else Condition.WORKS
        for slug, webhook in description.webhooks.items()
    }


def policy_advice(
    policy: DescribedPolicy, conditions: Conditions, *, is_reached: bool
) -> Iterator[Advice]:
    """Yield what deserves a warning, in the order of the steps; also of a policy that could not be saved.

    `is_reached`: some routing key, or the default routing, leads to it.
    """
    place = place_of(ObjectKind.POLICY, policy.path)
    if not is_reached:
        yield Advice(
            place, "no routing key leads to it, so no alert starts it", Concern.NEVER_STARTED
        )
    if not policy.steps:
        yield Advice(place, "it has no steps and pages nobody", Concern.NO_STEPS)
        return
    looking = _Looking(place, policy.steps, conditions)
    for number in range(1, len(policy.steps) + 1):
        yield from looking.at_step(number)
    yield from looking.at_moments()
    if policy.repeat is None:
        yield Advice(
            place,
            "after the last step nobody is left to page; let it repeat, or make the last step one that "
            "somebody surely sees",
            Concern.NOBODY_LEFT,
        )


@dataclass(frozen=True, slots=True)
class _Looking:
    place: str
    steps: tuple[DescribedStep, ...]
    conditions: Conditions

    def at_step(self, number: int) -> Iterator[Advice]:
        step = self.steps[number - 1]
        if not step.webhooks:
            yield self._of(number, "it has no target; name a webhook", Concern.NO_TARGET)
        yield from self._at_targets(number, step)
        if step.if_undelivered is not None:
            yield from self._at_patience(number, step.if_undelivered)

    def _at_targets(self, number: int, step: DescribedStep) -> Iterator[Advice]:
        unknown = [slug for slug in step.webhooks if slug not in self.conditions]
        known = [slug for slug in step.webhooks if slug in self.conditions]
        disabled = [slug for slug in known if self.conditions[slug] is Condition.DISABLED]
        if unknown:
            yield self._of(
                number, f"there is no webhook {listed(unknown)}", Concern.UNKNOWN_WEBHOOK
            )
        if known and len(disabled) == len(known):
            message = "it reaches nobody: its webhooks are disabled"
            yield self._of(number, message, Concern.REACHES_NOBODY)
        elif disabled:
            verb = "is" if len(disabled) == 1 else "are"
            message = f"{listed(disabled)} {verb} disabled, and passed over"
            yield self._of(number, message, Concern.WEBHOOK_DISABLED)
        for slug in known:
            if self.conditions[slug] in _CONCERNS:
                concern, message = _CONCERNS[self.conditions[slug]]
                yield self._of(number, f"{slug} {message}", concern)

    def _at_patience(self, number: int, patience: timedelta) -> Iterator[Advice]:
        if number == len(self.steps):
            yield self._of(
                number,
                "no step follows it, so it does nothing; add a step that reaches somebody else, or leave it out",
                Concern.NOTHING_FOLLOWS,
                field="if_undelivered",
            )
            return
        delay = self.steps[number].after
        if not delay:
            yield self._of(
                number,
                f"step {number + 1} fires at the same moment, so it does nothing; give that step a delay",
                Concern.NOBODY_IS_AWAITED,
                field="if_undelivered",
            )
        elif patience > delay:
            yield self._of(
                number,
                f"step {number + 1} fires after {format_duration(delay)} anyway; write less than that",
                Concern.AWAITED_TOO_LONG,
                field="if_undelivered",
            )

    def at_moments(self) -> Iterator[Advice]:
        """Yield what is to be said of steps that fire together, and of when."""
        told_late = False
        for moment in foresee(self.steps, None).moments:
            twice = sorted({slug for slug in moment.webhooks if moment.webhooks.count(slug) > 1})
            if twice:
                message = (
                    f"{moment.steps_text} fire together, and call {listed(twice)} more than once"
                )
                yield self._of(moment.last, message, Concern.CALLED_TWICE)
            if moment.at >= LATE_FROM and not told_late:
                told_late = True
                message = (
                    f"it fires {plan_text(moment.at)} after the start; is that the unit you mean?"
                )
                yield self._of(moment.first, message, Concern.FIRES_LATE, field="after")

    def _of(self, number: int, message: str, concern: Concern, *, field: str = "") -> Advice:
        path = f"{self.place}.steps[{number}]"
        return Advice(f"{path}.{field}" if field else path, message, concern, step=number)
