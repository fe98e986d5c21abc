"""A policy as somebody types it into a form: kept as it was typed, whether or not it is right.

The form's fields are `name`, `slug`, `repeat-times`, `repeat-after`, and of each step, counted from 1,
`step-1-after`, `step-1-target-1` (as many as there are) and `step-1-patience`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar

from tocsin.domain.configuration_file.description import DescribedPolicy, DescribedStep
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.display_name import LONGEST_NAME, check_name
from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.policy import (
    LONGEST_PATIENCE,
    MOST_REPEATS,
    MOST_STEPS,
    SHORTEST_PATIENCE,
    Repeat,
)
from tocsin.domain.slug import parse_slug
from tocsin.errors import TocsinError

T = TypeVar("T")
MOST_TARGETS: Final = 100
_LONGEST_TEXT: Final = LONGEST_NAME
_STEP_FIELD: Final = re.compile(r"step-([0-9]{1,3})-(?:(after)|(patience)|target-([0-9]{1,3}))")
_DO: Final = re.compile(r"(add|remove|up|down)-step(?:-([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as it was typed."""

    after: str = ""
    targets: tuple[str, ...] = ()
    patience: str = ""


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy as it was typed."""

    name: str = ""
    slug: str = ""
    steps: tuple[StepDraft, ...] = ()
    repeat_times: str = ""
    repeat_after: str = ""


@dataclass(frozen=True, slots=True)
class DraftReading:
    """What a draft says. It can be saved if there are no mistakes: they are told by field."""

    name: str
    slug: str | None
    steps: tuple[DescribedStep, ...]
    """Up to the first whose delay cannot be read: nothing is known of when those after it fire."""
    repeat: Repeat | None
    is_whole: bool
    """Whether these are all the steps, and the repeat is as it was typed."""
    mistakes: Mapping[str, str]

    @property
    def can_be_saved(self) -> bool:
        return not self.mistakes

    def described(self, *, team: str, slug: str) -> DescribedPolicy:
        """Return the policy, as far as it can be read."""
        return DescribedPolicy(team, self.slug or slug, self.name, self.steps, self.repeat)


def first_draft(*webhooks: str) -> PolicyDraft:
    """Return what somebody begins with who makes a policy: one step, at once."""
    return PolicyDraft(steps=(StepDraft("0s", webhooks),))


def draft_of(policy: DescribedPolicy) -> PolicyDraft:
    """Return the draft that says what a policy says."""
    repeat = policy.repeat
    return PolicyDraft(
        name=policy.name,
        slug=policy.slug,
        steps=tuple(
            StepDraft(format_duration(each.after), each.webhooks, _written(each.if_undelivered))
            for each in policy.steps
        ),
        repeat_times=str(repeat.times) if repeat else "",
        repeat_after=format_duration(repeat.after) if repeat else "",
    )


def _written(length: timedelta | None) -> str:
    return "" if length is None else format_duration(length)


def fields_of(draft: PolicyDraft) -> dict[str, str]:
    """Return the form's fields; `draft_of_form` reads them."""
    fields = {
        "name": draft.name,
        "slug": draft.slug,
        "repeat-times": draft.repeat_times,
        "repeat-after": draft.repeat_after,
    }
    for number, step in enumerate(draft.steps, start=1):
        fields |= {f"step-{number}-after": step.after, f"step-{number}-patience": step.patience}
        for place, slug in enumerate(step.targets, start=1):
            fields[f"step-{number}-target-{place}"] = slug
    return fields


def draft_of_form(fields: Mapping[str, str]) -> PolicyDraft:
    """Return what the fields of a form say, whatever they are: unknown ones are passed over.

    Steps and targets may be numbered with gaps; a target that is left empty is none.
    """
    steps: dict[int, StepDraft] = {}
    targets: dict[int, dict[int, str]] = {}
    for name, value in fields.items():
        if (found := _STEP_FIELD.fullmatch(name)) is None:
            continue
        number, text = int(found[1]), value[:_LONGEST_TEXT].strip()
        step = steps.setdefault(number, StepDraft())
        if found[2]:
            steps[number] = replace(step, after=text)
        elif found[3]:
            steps[number] = replace(step, patience=text)
        elif text:
            targets.setdefault(number, {})[int(found[4])] = text
    return PolicyDraft(
        name=fields.get("name", "")[: _LONGEST_TEXT + 1],
        slug=fields.get("slug", "")[:_LONGEST_TEXT].strip(),
        steps=tuple(
            replace(steps[number], targets=_in_order(targets.get(number, {})))
            for number in sorted(steps)
        ),
        repeat_times=fields.get("repeat-times", "")[:_LONGEST_TEXT].strip(),
        repeat_after=fields.get("repeat-after", "")[:_LONGEST_TEXT].strip(),
    )


def _in_order(targets: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(targets[place] for place in sorted(targets))


def rearrange(draft: PolicyDraft, do: str) -> PolicyDraft:
    """Return the draft with its steps as a button asks: `add-step`, `remove-step-2`, `up-step-2`.

    What is asked of a step that is not there, or is nothing that can be asked, changes nothing.
    """
    steps = list(draft.steps)
    found = _DO.fullmatch(do)
    verb, index = (found[1], int(found[2] or 0) - 1) if found else ("", -1)
    match verb:
        case "add" if len(steps) < MOST_STEPS:
            steps.append(StepDraft("5m" if steps else "0s"))
        case "remove" if 0 <= index < len(steps):
            del steps[index]
        case "up" if 0 < index < len(steps):
            steps[index - 1 : index + 1] = reversed(steps[index - 1 : index + 1])
        case "down" if 0 <= index < len(steps) - 1:
            steps[index : index + 2] = reversed(steps[index : index + 2])
    return replace(draft, steps=tuple(steps))


def read_draft(draft: PolicyDraft, webhooks: Collection[str]) -> DraftReading:
    """Return what a draft says, with every mistake; `webhooks` are the slugs of those there are."""
    reading = _Reading(webhooks)
    name = reading.take("name", draft.name, check_name) or draft.name
    slug = reading.take("slug", draft.slug, parse_slug) if draft.slug else None
    if len(draft.steps) > MOST_STEPS:
        reading.mistakes["steps"] = f"a policy has at most {MOST_STEPS} steps"
    steps = [
        reading.step(number, step) for number, step in enumerate(draft.steps[:MOST_STEPS], start=1)
    ]
    readable = next((index for index, step in enumerate(steps) if step is None), len(steps))
    repeat = reading.repeat(draft)
    is_whole = len(draft.steps) == readable and not (
        {"repeat-times", "repeat-after"} & reading.mistakes.keys()
    )
    read = tuple(step for step in steps[:readable] if step is not None)
    return DraftReading(name, slug, read, repeat, is_whole, reading.mistakes)


@dataclass(slots=True)
class _Reading:
    webhooks: Collection[str]
    mistakes: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, text: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(text)
        except TocsinError as error:
            self.mistakes[name] = error.message
            return None

    def step(self, number: int, draft: StepDraft) -> DescribedStep | None:
        """Return the step; None if it is not known when it fires."""
        self.mistakes.update(self._targets(number, draft.targets))
        patience = None
        if draft.patience:
            patience = self.take(f"step-{number}-patience", draft.patience, _read_patience)
        if not draft.after:
            text = "write how long after the step before, such as 0s or 5m"
            if number == 1:
                text = "write how long after the start, such as 0s"
            self.mistakes[f"step-{number}-after"] = text
            return None
        after = self.take(f"step-{number}-after", draft.after, parse_duration)
        return None if after is None else DescribedStep(after, draft.targets, patience)

    def _targets(self, number: int, targets: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if not targets:
            yield f"step-{number}-target-1", "choose a webhook for it to call"
        if len(targets) > MOST_TARGETS:
            yield f"step-{number}-target-1", f"a step has at most {MOST_TARGETS} webhooks"
        for place, slug in enumerate(targets, start=1):
            if slug not in self.webhooks:
                hint = nearest(slug, self.webhooks)
                yield f"step-{number}-target-{place}", f"there is no webhook {slug[:64]!r}{hint}"
            elif slug in targets[: place - 1]:
                yield f"step-{number}-target-{place}", f"this step calls {slug} already"

    def repeat(self, draft: PolicyDraft) -> Repeat | None:
        if not draft.repeat_times and not draft.repeat_after:
            return None
        times = self.take("repeat-times", draft.repeat_times, _read_times)
        after = timedelta()
        if not draft.repeat_after:
            self.mistakes["repeat-after"] = "write how long after the last step, such as 15m"
        else:
            after = self.take("repeat-after", draft.repeat_after, parse_duration) or after
        return None if times is None or "repeat-after" in self.mistakes else Repeat(times, after)


def _read_patience(text: str) -> timedelta:
    return parse_duration(text, at_least=SHORTEST_PATIENCE, at_most=LONGEST_PATIENCE)


class NotACount(TocsinError):
    """The text is not a number of repeats."""

    code = "not_a_count"


def _read_times(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_REPEATS:
        raise NotACount(f"write how often, from 1 to {MOST_REPEATS}")
    return int(text)
