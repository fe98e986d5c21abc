"""What somebody who edits a policy has before them: the webhooks there are, and what would come of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.actions.show_policies import find_routing_keys
from tocsin.actions.webhook_conditions import find_conditions
from tocsin.domain.configuration import Configuration
from tocsin.domain.configuration_file.advice import Advice, Concern, ToldAdvice, told_once
from tocsin.domain.configuration_file.policy_advice import Condition, policy_advice
from tocsin.domain.foresight import Foresight, foresee
from tocsin.domain.policy_draft import DraftReading, PolicyDraft, read_draft
from tocsin.store.database import Tx

_TOLD_BESIDE_FIELDS = frozenset({Concern.NO_TARGET, Concern.UNKNOWN_WEBHOOK})


@dataclass(frozen=True, slots=True)
class Choice:
    """A webhook that a step may call."""

    slug: str
    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft says, and what would come of it."""

    draft: PolicyDraft
    reading: DraftReading
    foresight: Foresight
    advice: tuple[Advice, ...]
    choices: tuple[Choice, ...]

    @property
    def told_advice(self) -> tuple[ToldAdvice, ...]:
        return told_once(self.advice)

    @property
    def calls_somebody(self) -> bool:
        return any(step.targets for step in self.draft.steps)


def preview(
    tx: Tx, configuration: Configuration, draft: PolicyDraft, *, team: str, policy: str | None
) -> Preview:
    """Return what a draft would do; `policy` is the slug of the one that is edited, None for a new one."""
    conditions = find_conditions(tx, configuration)
    reading = read_draft(draft, conditions)
    described = reading.described(team=team, slug=policy or "new")
    foresight = foresee(reading.steps, reading.repeat, is_whole=reading.is_whole)
    # Nothing can lead to a policy that is not there yet.
    is_reached = policy is None or _is_reached(configuration, f"{team}/{policy}")
    found = policy_advice(described, conditions, is_reached=is_reached) if reading.is_whole else ()
    names = {webhook.slug: webhook.name for webhook in configuration.webhooks.values()}
    return Preview(
        draft,
        reading,
        foresight,
        tuple(each for each in found if each.concern not in _TOLD_BESIDE_FIELDS),
        _choices(names, conditions),
    )


def _is_reached(configuration: Configuration, path: str) -> bool:
    known = {policy.path: policy for policy in configuration.policies.values()}
    return path not in known or known[path].id in find_routing_keys(configuration)


def _choices(names: Mapping[str, str], conditions: Mapping[str, Condition]) -> tuple[Choice, ...]:
    return tuple(Choice(slug, names[slug], conditions[slug]) for slug in sorted(names))
