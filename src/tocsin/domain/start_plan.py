"""Which policies of an incident start, and why others do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.escalation import Escalation, first_due_at
from tocsin.domain.incident import Incident
from tocsin.domain.policy import PolicyVersion


@dataclass(frozen=True, slots=True)
class StartPlan:
    """The policies that an incident goes by from an instant on."""

    policies: Sequence[Policy]
    starting: Sequence[tuple[Policy, datetime]]
    """Those that can reach somebody, each with the instant at which its first step is due."""
    not_started: Sequence[dict[str, Any]]
    """For each other one, what the timeline says of it."""

    @property
    def detail(self) -> dict[str, Any]:
        """What the timeline says of all of them; those that start are named where others do not."""
        names = {"policies": [policy.path for policy in self.policies]}
        if self.not_started:
            names["starts"] = [policy.path for policy, _ in self.starting]
        return names


def policies_in_force(
    configuration: Configuration,
    incident: Incident,
    escalations: Sequence[Escalation],
    versions: Mapping[int, PolicyVersion],
) -> tuple[list[Policy], list[int]]:
    """Return the policies of the current round, and versions whose policy was deleted.

    One that had fired its last step counts: it was still what this incident goes by. Without any, what
    the routing key leads to now. `escalations` are those of the round; `versions` are theirs.
    """
    if not escalations:
        return list(configuration.route(incident.routing_key).policies), []
    ids = [each.policy_version_id for each in escalations]
    known = configuration.policies
    found = {versions[id_].policy_id: known.get(versions[id_].policy_id) for id_ in ids}
    deleted = [id_ for id_ in ids if versions[id_].policy_id not in known]
    return [policy for policy in found.values() if policy], deleted


def plan_start(
    configuration: Configuration,
    policies: Sequence[Policy],
    *,
    deleted: Sequence[int] = (),
    now: datetime,
) -> StartPlan:
    """Return which of the policies can start now; `deleted` are versions whose policy is gone."""
    starting: list[tuple[Policy, datetime]] = []
    not_started: list[dict[str, Any]] = [
        {"reason": "policy_deleted", "policy_version": version} for version in deleted
    ]
    for policy in policies:
        due_at = first_due_at(policy.current, started_at=now)
        if due_at is not None and _reaches_somebody(configuration, policy.current):
            starting.append((policy, due_at))
        else:
            reason = "policy_is_empty" if due_at is None else "webhooks_disabled"
            not_started.append({"policy": policy.path, "reason": reason})
    return StartPlan(policies, starting, not_started)


def _reaches_somebody(configuration: Configuration, version: PolicyVersion) -> bool:
    return any(
        webhook.disabled_at is None
        for step in version.steps
        for target in step.targets
        if (webhook := configuration.webhooks.get(target.webhook_id))
    )
