"""Where an alert with some routing key would go, and why, before one is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tocsin.domain.configuration_file.advice import Advice, Concern
from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    DescribedPolicy,
    DescribedRouting,
    Description,
)
from tocsin.domain.configuration_file.policy_advice import described_conditions, policy_advice
from tocsin.domain.configuration_file.report import plan_lines
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT, format_opening_types, routing_key_of


@dataclass(frozen=True, slots=True)
class RouteExplanation:
    """Where a routing key leads. `key` is None for a text that no routing key can be."""

    given: str
    key: str | None
    is_known: bool
    policies: tuple[DescribedPolicy, ...]
    opens_on: frozenset[MessageType]
    warnings: tuple[Advice, ...]


def explain_route(description: Description, given: str) -> RouteExplanation:
    """Return where alerts that carry `given` in their URL go."""
    parsed = routing_key_of(given)
    key = parsed.value if parsed else None
    own = description.routing.get(key) if key else None
    nothing = DescribedRouting(DEFAULT_ROUTING, (), OPENING_TYPES_BY_DEFAULT)
    routing = own or description.routing.get(DEFAULT_ROUTING, nothing)
    policies = tuple(description.policies[path] for path in routing.policies)
    return RouteExplanation(
        given=given,
        key=key,
        is_known=own is not None,
        policies=policies,
        opens_on=routing.opens_on,
        warnings=tuple(_warnings(description, policies)),
    )


def _warnings(description: Description, policies: Sequence[DescribedPolicy]) -> Iterator[Advice]:
    if not policies:
        yield Advice(
            "default_routing",
            "there is none, so this pages nobody; name a policy there",
            Concern.NO_DEFAULT_ROUTING,
        )
    conditions = described_conditions(description)
    for policy in policies:
        found = policy_advice(policy, conditions, is_reached=True)
        yield from (advice for advice in found if not advice.is_as_meant)


def route_lines(route: RouteExplanation) -> list[str]:
    """Return the explanation for a person: each policy with its steps and their times."""
    lines = [_origin(route), f"Incidents are opened by {format_opening_types(route.opens_on)}."]
    for policy in route.policies:
        lines.append(f"{policy.path} ({policy.name})")
        lines += [f"    {line}" for line in plan_lines(policy)]
    return [*lines, *(f"warning: {advice.text()}" for advice in route.warnings)]


def _origin(route: RouteExplanation) -> str:
    if route.is_known:
        return f"The routing key {route.key} is configured."
    if route.key is None:
        return (
            f"{route.given[:100]!r} cannot be a routing key: the default routing takes its alerts."
        )
    return f"The routing key {route.key} is not configured: the default routing takes its alerts."
