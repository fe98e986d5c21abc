"""How two versions of a policy differ, step by step, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher

from tocsin.domain.configuration_file.description import DescribedStep
from tocsin.domain.policy import Repeat
from tocsin.domain.wording import counted, listed, plan_text

Steps = Sequence[DescribedStep]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a version says: webhooks by slug."""

    steps: tuple[DescribedStep, ...]
    repeat: Repeat | None = None


def plan_differences(before: Plan, after: Plan) -> tuple[str, ...]:
    """Return what differs, a sentence each; nothing, if and only if the plans are equal.

    Steps that call the same webhooks are held to be the same step, where their order allows it.
    """
    return (*_steps(before.steps, after.steps), *_repeat(before.repeat, after.repeat))


def _steps(before: Steps, after: Steps) -> Iterator[str]:
    old, new = ([step.webhooks for step in steps] for steps in (before, after))
    for _, at, end, new_at, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        shared = min(end - at, new_end - new_at)
        for offset in range(shared):
            yield from _step(
                at + offset, new_at + offset, before[at + offset], after[new_at + offset]
            )
        for index in range(at + shared, end):
            yield f"Step {index + 1} is gone: it called {listed(before[index].webhooks)}."
        for index in range(new_at + shared, new_end):
            yield f"Step {index + 1} is new: {_told(index, after[index])}."


def _step(old_index: int, index: int, before: DescribedStep, after: DescribedStep) -> Iterator[str]:
    name = f"Step {index + 1}"
    if old_index != index:
        name += f" (was step {old_index + 1})"
    added = [slug for slug in after.webhooks if slug not in before.webhooks]
    gone = [slug for slug in before.webhooks if slug not in after.webhooks]
    if added:
        yield f"{name} calls {listed(added)}, too."
    if gone:
        yield f"{name} does not call {listed(gone)} any more."
    if before.webhooks != after.webhooks and not (added or gone):
        yield f"{name} calls the same webhooks in another order: {listed(after.webhooks)}."
    if before.after != after.after:
        yield f"{name} fires {_after(index, after.after)} (was {plan_text(before.after)})."
    if before.if_undelivered != after.if_undelivered:
        yield f"{name}: {_patience(after.if_undelivered)} (was {_short(before.if_undelivered)})."


def _told(index: int, step: DescribedStep) -> str:
    told = f"{_after(index, step.after)} it calls {listed(step.webhooks)}"
    return f"{told}; {_patience(step.if_undelivered)}" if step.if_undelivered is not None else told


def _after(index: int, delay: timedelta) -> str:
    if not delay:
        return f"together with step {index}" if index else "at once"
    return f"{plan_text(delay)} after {f'step {index}' if index else 'the start'}"


def _patience(patience: timedelta | None) -> str:
    if patience is None:
        return "undelivered, it does not bring the next step forward any more"
    return f"if nothing of it is delivered within {plan_text(patience)}, the next step fires"


def _short(patience: timedelta | None) -> str:
    return "never" if patience is None else plan_text(patience)


def _repeat(before: Repeat | None, after: Repeat | None) -> Iterator[str]:
    if before != after:
        yield f"Repeats: {_repeats(after)} (was {_repeats(before)})."


def _repeats(repeat: Repeat | None) -> str:
    if repeat is None:
        return "not at all"
    return f"{counted(repeat.times, 'time')}, {plan_text(repeat.after)} after the last step"
