"""What will work as written, but hardly as meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tocsin.domain.wording import listed


class Concern(StrEnum):
    """Why something deserves a warning. The values are public and never change."""

    NO_DEFAULT_ROUTING = "no_default_routing"
    NO_ALERT_KEY = "no_alert_key"
    UNKNOWN_ROUTING_KEY = "unknown_routing_key"
    OPENS_NOTHING = "opens_nothing"
    NEVER_CALLED = "never_called"  # no policy calls this webhook
    STAYS_DISABLED = "stays_disabled"
    NEVER_STARTED = "never_started"  # no routing key leads to this policy
    NO_STEPS = "no_steps"
    NO_TARGET = "no_target"
    UNKNOWN_WEBHOOK = "unknown_webhook"
    REACHES_NOBODY = "reaches_nobody"  # every webhook of the step is disabled
    WEBHOOK_DISABLED = "webhook_disabled"  # one of them is
    WEBHOOK_FAILING = "webhook_failing"
    BREAKER_OPEN = "breaker_open"
    CALLED_TWICE = "called_twice"  # at one moment
    NOBODY_IS_AWAITED = (
        "nobody_is_awaited"  # the next step fires with it, so if_undelivered does nothing
    )
    AWAITED_TOO_LONG = "awaited_too_long"  # the next step fires before
    NOTHING_FOLLOWS = "nothing_follows"  # if_undelivered at the last step
    FIRES_LATE = "fires_late"  # a day or more after the start
    NOBODY_LEFT = "nobody_left"  # after the last step


_AS_MEANT: Final = frozenset({Concern.NOBODY_LEFT, Concern.WEBHOOK_DISABLED})


@dataclass(frozen=True, slots=True)
class Advice:
    """What deserves a warning. `path` is the place in a file."""

    path: str
    message: str
    concern: Concern
    step: int | None = None
    """Which step of a policy it is about, from 1."""

    @property
    def is_as_meant(self) -> bool:
        """Whether it may well be meant so: pages show it, who applies a file is not bothered with it."""
        return self.concern in _AS_MEANT

    def text(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class ToldAdvice:
    """What several steps deserve the same warning for, told once."""

    message: str
    concern: Concern
    is_as_meant: bool
    steps: tuple[int, ...]
    """In order; none: it is about the whole policy."""

    @property
    def sentence(self) -> str:
        told = f"{_steps_text(self.steps)}: {self.message}" if self.steps else self.message
        return f"{told[0].upper()}{told[1:]}{'' if told.endswith('?') else '.'}"


def told_once(advice: Iterable[Advice]) -> tuple[ToldAdvice, ...]:
    """Return advice about steps of one policy, in its order, with what is alike put together."""
    steps: dict[tuple[str, Concern, bool], list[int]] = {}
    for each in advice:
        alike = steps.setdefault((each.message, each.concern, each.is_as_meant), [])
        alike += [] if each.step is None else [each.step]
    return tuple(ToldAdvice(*alike, tuple(found)) for alike, found in steps.items())


def _steps_text(steps: tuple[int, ...]) -> str:
    first, last = steps[0], steps[-1]
    if first == last:
        return f"step {first}"
    is_range = len(steps) > 2 and last - first == len(steps) - 1
    return (
        f"steps {first} to {last}" if is_range else f"steps {listed([str(each) for each in steps])}"
    )
