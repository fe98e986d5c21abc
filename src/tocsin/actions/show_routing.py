"""Routing as people look at it: which key leads where, and what of that will hardly work."""

from dataclasses import dataclass

from tocsin.domain.configuration import Configuration, Policy, Route
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import format_opening_types


@dataclass(frozen=True, slots=True)
class ShownRoute:
    """A routing key, or the default routing with an empty one, and where it leads."""

    key: str
    policies: tuple[Policy, ...]
    opening_types: frozenset[MessageType]

    @property
    def opens_on(self) -> str:
        return format_opening_types(self.opening_types)


@dataclass(frozen=True, slots=True)
class ShownRouting:
    """All of it. `default` leads nowhere if there is none."""

    routes: tuple[ShownRoute, ...]
    default: ShownRoute
    policies: tuple[Policy, ...]
    """All there are, in order of their path."""

    def find(self, key: str) -> ShownRoute | None:
        """Return the route of a key, in any case; None, if it is not configured."""
        return next((route for route in self.routes if route.key == key.lower()), None)


def show_routing(configuration: Configuration) -> ShownRouting:
    """Return the routing in order of its keys."""
    routes = sorted(configuration.routes.values(), key=lambda route: route.routing_key)
    policies = sorted(configuration.policies.values(), key=lambda policy: policy.path)
    return ShownRouting(
        tuple(map(_shown, routes)), _shown(configuration.default_route), tuple(policies)
    )


def _shown(route: Route) -> ShownRoute:
    return ShownRoute(route.routing_key, route.policies, route.opening_types)
