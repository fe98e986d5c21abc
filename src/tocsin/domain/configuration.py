"""What is configured, as the pipelines see it: a snapshot that never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.alert import MessageType
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Policy:
    """An escalation policy: `team/slug` names it, and `current` is what a new escalation follows."""

    id: int
    team_slug: str
    slug: str
    name: str
    current: PolicyVersion

    @property
    def path(self) -> str:
        return f"{self.team_slug}/{self.slug}"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a routing key leads. `is_default` when the key is unknown and the default routing applies."""

    routing_key: str
    policies: tuple[Policy, ...]
    opening_types: frozenset[MessageType]
    is_default: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """One revision of everything that is configured."""

    revision: int
    webhooks: Mapping[int, Webhook]
    policies: Mapping[int, Policy]
    routes: Mapping[str, Route]
    default_route: Route
    following: tuple[Webhook, ...] = ()
    """The webhooks that ask for follow-ups, in order of id; as a rule none does."""
    next_promotion_at: datetime | None = None
    """When the first of the pending auth codes takes over by itself."""
    has_heartbeats: bool = False
    """Whether it is worth looking for one that is due."""

    def route(self, routing_key: str) -> Route:
        """Return the route of a key (lower-case); an unknown one takes the default routing."""
        return self.routes.get(routing_key, self.default_route)

    def changed_since(self, version: PolicyVersion) -> Policy | None:
        """Return the policy that has a newer version than this one; None also if it was deleted."""
        policy = self.policies.get(version.policy_id)
        return None if policy is None or policy.current.id == version.id else policy
