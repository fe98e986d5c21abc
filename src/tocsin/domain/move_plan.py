"""Which escalations run an earlier version of their policy, and what takes over from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.escalation import Escalation
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.start_plan import plan_start
from tocsin.errors import TocsinError


class VersionCannotStart(TocsinError):
    """The current version of a policy reaches nobody, so what runs is not stopped for it."""

    code: ClassVar[str] = "version_cannot_start"
    status_hint: ClassVar[int] = 409

    def __init__(self, *, policy: str, version: int, reason: str) -> None:
        super().__init__(
            f"version {version} of {policy} would reach nobody, so the version that runs goes on: give the "
            "policy a step whose webhook is enabled, or reroute the incident",
            policy=policy,
            version=version,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """An escalation that ends, and the policy whose current version starts in its place."""

    escalation: Escalation
    policy: Policy
    due_at: datetime
    """When that version's first step is due."""

    def detail(self, started: Escalation) -> dict[str, Any]:
        """What the timeline says of it."""
        return {
            "policy": self.policy.path,
            "to_version": self.policy.current.number,
            "from_policy_version": self.escalation.policy_version_id,
            "escalation": self.escalation.number,
            "new_escalation": started.number,
            "in_flight": 0,
        }


def plan_moves(
    configuration: Configuration,
    running: Iterable[Escalation],
    versions: Mapping[int, PolicyVersion],
    *,
    only_of: Sequence[Policy] | None,
    now: datetime,
) -> list[Move]:
    """Return what has to move for every running escalation to follow the current version of its policy.

    `only_of`: those of these policies alone. A policy that was deleted has no current version; what
    runs of it goes on. Raises: VersionCannotStart.
    """
    moves = []
    for escalation in running:
        policy = configuration.changed_since(versions[escalation.policy_version_id])
        if policy is None or (only_of is not None and policy not in only_of):
            continue
        plan = plan_start(configuration, [policy], now=now)
        if plan.not_started:
            reason, number = plan.not_started[0]["reason"], policy.current.number
            raise VersionCannotStart(policy=policy.path, version=number, reason=reason)
        moves.append(Move(escalation, policy, plan.starting[0][1]))
    return moves
