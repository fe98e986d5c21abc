"""Routing as people look at it: which key leads where, and what of that will hardly work."""

from dataclasses import dataclass
from typing import Final

from tocsin.domain.configuration import Configuration, Policy, Route
from tocsin.domain.message_type import MessageType
from tocsin.domain.natural_order import natural_key
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
    """Some routing keys, in their order, and the rest. `default` leads nowhere if there is none."""

    routes: tuple[ShownRoute, ...]
    next_after: str | None
    """The key after which they go on; None: they do not."""
    default: ShownRoute
    policies: tuple[Policy, ...]
    """All there are, in order of their path."""


KEYS: Final = 50
"""On a page."""


def show_routing(
    configuration: Configuration, *, begins: str = "", after: str = "", limit: int = KEYS
) -> ShownRouting:
    """Return the routing keys that begin so, and come after one."""
    seen = natural_key(after)
    begins = begins.lower()
    found = (key for key in configuration.routes if key.startswith(begins))
    keys = sorted((key for key in found if natural_key(key) > seen), key=natural_key)
    policies = sorted(configuration.policies.values(), key=lambda policy: natural_key(policy.path))
    return ShownRouting(
        routes=tuple(_shown(configuration.routes[key]) for key in keys[:limit]),
        next_after=keys[limit - 1] if len(keys) > limit else None,
        default=_shown(configuration.default_route),
        policies=tuple(policies),
    )


def find_route(configuration: Configuration, key: str) -> ShownRoute | None:
    """Return the route of a key, in any case; None, if it is not configured."""
    found = configuration.routes.get(key.lower())
    return None if found is None else _shown(found)


def _shown(route: Route) -> ShownRoute:
    return ShownRoute(route.routing_key, route.policies, route.opening_types)
