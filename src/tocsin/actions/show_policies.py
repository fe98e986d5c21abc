"""Policies as people look at them: what they would do, what is wrong with them, what became of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.actions.in_force import describe_policy, describe_steps
from tocsin.actions.one_object import not_configured
from tocsin.actions.webhook_conditions import find_conditions
from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.configuration_file.advice import Advice, ToldAdvice, told_once
from tocsin.domain.configuration_file.description import DescribedPolicy, ObjectKind
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.configuration_file.policy_advice import Conditions, policy_advice
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.foresight import Foresight, foresee
from tocsin.domain.policy_difference import Plan, plan_differences
from tocsin.store.database import Tx
from tocsin.store.policy_versions import (
    MadeVersion,
    RecentFirings,
    Running,
    StepFiring,
    find_recent_firings,
    find_running,
    list_versions,
)
from tocsin.store.webhooks import find_webhook_names

MOST_RUNNING: Final = 5_000
"""So many running escalations are looked at; whoever has more is told at least how many."""
MOST_DELIVERIES: Final = 2_000
MOST_VERSIONS: Final = 100
MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class RunningCount:
    """How many incidents have an escalation running; at least so many, if not `is_all`."""

    incidents: int
    is_all: bool

    @property
    def text(self) -> str:
        if self.is_all:
            return str(self.incidents)
        return f"at least {self.incidents}" if self.incidents else "none seen"


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version: what it says, how that differs from the one before, and what runs on it."""

    number: int
    plan: Plan
    made_at: datetime
    made_by: str | None
    """The actor; None: nobody knows any more."""
    differences: tuple[str, ...] | None
    """From the one before; None where that is not there."""
    running: RunningCount
    some_incidents: tuple[int, ...]
    """The latest of those that it runs for."""
    is_current: bool


@dataclass(frozen=True, slots=True)
class LastFired:
    """When a step of the current version made a delivery last, and when one of its was delivered."""

    fired: StepFiring | None = None
    delivered: StepFiring | None = None


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """A policy with all there is to know of it."""

    policy: Policy
    described: DescribedPolicy
    foresight: Foresight
    advice: tuple[Advice, ...]
    routing_keys: tuple[str, ...]
    """Those that lead to it; the empty one is the default routing."""
    has_default_routing: bool
    """Whether unknown routing keys lead anywhere."""
    versions: tuple[ShownVersion, ...]
    """The latest first."""
    last_fired: tuple[LastFired, ...]
    """For each step, in order."""
    fired_since: datetime | None
    """Older deliveries were not looked at; None: there are none."""

    def version(self, number: int) -> ShownVersion:
        """Return a version. Raises: NotConfigured."""
        found = next((each for each in self.versions if each.number == number), None)
        if found is None:
            raise not_configured(ObjectKind.POLICY, f"{self.policy.path} version {number}")
        return found

    @property
    def warnings(self) -> tuple[Advice, ...]:
        """What of it is hardly meant."""
        return tuple(each for each in self.advice if not each.is_as_meant)

    @property
    def told_advice(self) -> tuple[ToldAdvice, ...]:
        return told_once(self.advice)

    @property
    def on_old_versions(self) -> RunningCount:
        """How many incidents go on with a version that is not the current one."""
        old = [each.running for each in self.versions if not each.is_current]
        return RunningCount(sum(each.incidents for each in old), all(each.is_all for each in old))


def show_policy(tx: Tx, configuration: Configuration, path: str) -> ShownPolicy:
    """Return a policy. Raises: NotConfigured."""
    known = {policy.path: policy for policy in configuration.policies.values()}
    if path not in known:
        raise not_configured(ObjectKind.POLICY, path, nearest(path, known))
    policy, looking = known[path], Looking(tx, configuration)
    described = looking.described(policy)
    made = list_versions(tx, policy.id, limit=MOST_VERSIONS)
    running = find_running(tx, most=MOST_RUNNING)
    fired = find_recent_firings(tx, [policy.current.id], most=MOST_DELIVERIES)
    return ShownPolicy(
        policy=policy,
        described=described,
        foresight=foresee(described.steps, described.repeat),
        advice=looking.advice(policy),
        routing_keys=looking.routing_keys(policy),
        has_default_routing=bool(configuration.default_route.policies),
        versions=tuple(_versions(made, policy, looking.names, running)),
        last_fired=tuple(_last_fired(policy, fired)),
        fired_since=fired.since,
    )


def find_routing_keys(configuration: Configuration) -> dict[int, tuple[str, ...]]:
    """Return the routing keys that lead to each policy, by its id; the default routing is the empty one."""
    found: dict[int, list[str]] = {}
    for route in (*configuration.routes.values(), configuration.default_route):
        for policy in route.policies:
            found.setdefault(policy.id, []).append(route.routing_key)
    return {policy_id: tuple(sorted(set(keys))) for policy_id, keys in found.items()}


class Looking:
    """What is looked up once for all policies."""

    def __init__(self, tx: Tx, configuration: Configuration) -> None:
        self.names: Mapping[int, str] = find_webhook_names(tx)
        self.conditions: Conditions = find_conditions(tx, configuration)
        self._keys = find_routing_keys(configuration)

    def described(self, policy: Policy) -> DescribedPolicy:
        return describe_policy(policy, self.names)

    def routing_keys(self, policy: Policy) -> tuple[str, ...]:
        return self._keys.get(policy.id, ())

    def advice(self, policy: Policy) -> tuple[Advice, ...]:
        is_reached = policy.id in self._keys
        return tuple(policy_advice(self.described(policy), self.conditions, is_reached=is_reached))


def _versions(
    made: Sequence[MadeVersion], policy: Policy, names: Mapping[int, str], running: Running
) -> Iterator[ShownVersion]:
    plans = [Plan(describe_steps(each.version, names), each.version.repeat) for each in made]
    befores: list[Plan | None] = [*plans[1:], None]
    for each, plan, before in zip(made, plans, befores, strict=True):
        incidents = running.incidents.get(each.version.id, frozenset())
        yield ShownVersion(
            number=each.version.number,
            plan=plan,
            made_at=each.made_at,
            made_by=each.made_by,
            differences=None if before is None else plan_differences(before, plan),
            running=RunningCount(len(incidents), running.is_all),
            some_incidents=tuple(sorted(incidents, reverse=True)[:MOST_NAMED]),
            is_current=each.version.id == policy.current.id,
        )


def _last_fired(policy: Policy, fired: RecentFirings) -> Iterator[LastFired]:
    steps = len(policy.current.steps)
    for index in range(steps):
        of_step = [each for each in fired.firings if each.position % steps == index]
        delivered = (each for each in of_step if each.state is DeliveryState.DELIVERED)
        yield LastFired(next(iter(of_step), None), next(delivered, None))
