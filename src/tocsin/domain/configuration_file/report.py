"""What applying a file did, or would do, for a person to read."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tocsin.domain.configuration_file.advice import Advice
from tocsin.domain.configuration_file.description import (
    Described,
    DescribedPolicy,
    ObjectKind,
)
from tocsin.domain.configuration_file.facts import changed_facts, changed_secrets
from tocsin.domain.configuration_file.merging import Difference
from tocsin.domain.duration import format_duration, from_start
from tocsin.secret import Secret

_SIGNS: Final = {"created": "+", "changed": "~", "deleted": "-"}


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What differs, what to look at, and the alert keys that were made: shown now or never."""

    file: str
    differences: tuple[Difference, ...]
    warnings: tuple[Advice, ...]
    made_keys: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def is_changed(self) -> bool:
        return bool(self.differences)

    def count(self, effect: str) -> int:
        """Return how many objects are `created`, `changed` or `deleted`."""
        return sum(effect_of(difference) == effect for difference in self.differences)


def effect_of(difference: Difference) -> str:
    """Return what happens to an object: `created`, `changed` or `deleted`."""
    if difference.before is None:
        return "created"
    return "changed" if difference.after else "deleted"


def report_text(report: ApplyReport, *, is_dry_run: bool) -> str:
    """Return the report as lines of text. It holds no secret: made keys are shown apart."""
    lines = [line for difference in report.differences for line in difference_lines(difference)]
    lines += [f"warning: {advice.text()}" for advice in report.warnings]
    return "\n".join([*lines, _summary(report, is_dry_run=is_dry_run)])


def _summary(report: ApplyReport, *, is_dry_run: bool) -> str:
    if not report.is_changed:
        return f"{report.file}: everything is as described; nothing to change."
    counts = ", ".join(f"{count} {effect}" for effect in _SIGNS if (count := report.count(effect)))
    return f"{report.file}: {counts}." + (
        " This was a dry run: nothing is changed." if is_dry_run else ""
    )


def difference_lines(difference: Difference) -> Iterator[str]:
    """Yield what differs about one object; a policy's steps with their time from the start."""
    effect = effect_of(difference)
    was = f" (was {difference.was})" if difference.was else ""
    yield f"{_SIGNS[effect]} {_title(difference.kind, difference.key)}{was}"
    if effect != "deleted":
        yield from _detail(difference.before, difference.after)


def _title(kind: ObjectKind, key: str) -> str:
    return f"{kind} {key}" if key else "default routing"


def _detail(before: Described | None, after: Described | None) -> Iterator[str]:
    old, new = changed_facts(before, after)
    for name, value in new.items():
        if name in ("slug", "steps", "repeat", "team") or (value is None and before is None):
            continue
        yield (
            f"    {name}: {_shown(old[name])} -> {_shown(value)}"
            if before
            else f"    {name}: {_shown(value)}"
        )
    for name in changed_secrets(before, after):
        yield f"    {name}: another one"
    if isinstance(after, DescribedPolicy):
        yield from _plan_difference(before, after)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _plan_difference(before: Described | None, after: DescribedPolicy) -> Iterator[str]:
    old = plan_lines(before) if isinstance(before, DescribedPolicy) else []
    new = plan_lines(after)
    if old == new:
        return
    for line in difflib.ndiff(old, new):
        if not line.startswith("?"):
            yield f"    {line}"


def plan_lines(policy: DescribedPolicy) -> Sequence[str]:
    """Return a policy's steps as lines, each with its time from the start of the escalation."""
    lines = []
    at = timedelta()
    for number, step in enumerate(policy.steps, start=1):
        at += step.after
        patience = step.if_undelivered
        hurry = (
            f" (if undelivered for {format_duration(patience)}: the next step)" if patience else ""
        )
        lines.append(f"step {number} at +{from_start(at)}: {', '.join(step.webhooks)}{hurry}")
    if policy.repeat and policy.steps:
        lines.append(_repeat_line(policy, at))
    return lines or ["no steps"]


def _repeat_line(policy: DescribedPolicy, last_at: timedelta) -> str:
    assert policy.repeat
    again = last_at + policy.repeat.after + policy.steps[0].after
    times = "once" if policy.repeat.times == 1 else f"{policy.repeat.times} times"
    return f"then again from step 1, {times}, first at +{from_start(again)}"
