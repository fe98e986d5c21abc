"""What a configuration file says, typed; and, in the same words, what is in force.

Because both are one type, applying a file is comparing two descriptions, and exporting is writing
one. Everything is named by slug here; ids belong to the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.auth_code import PendingAuthCode
from tocsin.domain.message_type import MessageType
from tocsin.domain.policy import Repeat
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT
from tocsin.domain.webhook_options import WebhookOptions
from tocsin.secret import Secret

DEFAULT_ROUTING: Final = ""
"""The key of the default routing among the routing keys, none of which is empty."""


class ObjectKind(StrEnum):
    """What can be described. The value is the word for people."""

    WEBHOOK = "webhook"
    TEAM = "team"
    POLICY = "policy"
    ROUTING_KEY = "routing key"
    ALERT_KEY = "alert key"
    HEARTBEAT = "heartbeat"


class Section(StrEnum):
    """The parts of a file. What is not in it is left alone, also by pruning."""

    TEAMS = "teams"
    WEBHOOKS = "webhooks"
    ROUTING_KEYS = "routing_keys"
    DEFAULT_ROUTING = "default_routing"
    ALERT_KEYS = "alert_keys"
    HEARTBEATS = "heartbeats"


@dataclass(frozen=True, slots=True)
class DescribedWebhook:
    """A webhook. Without an auth code the one it has is kept, or one is made."""

    slug: str
    name: str
    url: str
    auth_code: Secret | None = None
    options: WebhookOptions = field(default_factory=WebhookOptions)
    enabled: bool | None = None
    """None: as it is; a new webhook is enabled."""
    pending: PendingAuthCode | None = None
    """None in a file: the one it has is kept."""
    was: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DescribedTeam:
    """A team; its policies are described beside it."""

    slug: str
    name: str
    was: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DescribedStep:
    """A step: how long after the one before, and the webhooks to call."""

    after: timedelta
    webhooks: tuple[str, ...]
    if_undelivered: timedelta | None = None
    """How long it may reach nobody before the next step fires."""


@dataclass(frozen=True, slots=True)
class DescribedPolicy:
    """An escalation policy of a team."""

    team: str
    slug: str
    name: str
    steps: tuple[DescribedStep, ...]
    repeat: Repeat | None = None
    was: str | None = field(default=None, compare=False)

    @property
    def path(self) -> str:
        return f"{self.team}/{self.slug}"


@dataclass(frozen=True, slots=True)
class DescribedRouting:
    """Where a routing key, or the default routing, leads: paths of policies."""

    key: str
    policies: tuple[str, ...]
    opens_on: frozenset[MessageType] = OPENING_TYPES_BY_DEFAULT


@dataclass(frozen=True, slots=True)
class DescribedAlertKey:
    """An alert key. Only the file of its own maker can give it; what is in force knows a hash."""

    name: str
    hash: bytes | None = None
    key: Secret | None = field(default=None, compare=False)
    was: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DescribedHeartbeat:
    """A job that is to call. Its slug is in the URL that it calls, so it is never renamed."""

    slug: str
    name: str
    every: timedelta
    grace: timedelta
    routing_key: str = ""
    paused: bool | None = None
    """None: as it is; a new heartbeat is not."""


Described = (
    DescribedWebhook
    | DescribedTeam
    | DescribedPolicy
    | DescribedRouting
    | DescribedAlertKey
    | DescribedHeartbeat
)


@dataclass(frozen=True, slots=True)
class Description:
    """Everything described: policies by `team/slug`, the others by slug, key or name."""

    webhooks: Mapping[str, DescribedWebhook] = field(default_factory=dict)
    teams: Mapping[str, DescribedTeam] = field(default_factory=dict)
    policies: Mapping[str, DescribedPolicy] = field(default_factory=dict)
    routing: Mapping[str, DescribedRouting] = field(default_factory=dict)
    alert_keys: Mapping[str, DescribedAlertKey] = field(default_factory=dict)
    heartbeats: Mapping[str, DescribedHeartbeat] = field(default_factory=dict)

    def of(self, kind: ObjectKind) -> Mapping[str, Described]:
        """Return the objects of one kind."""
        match kind:
            case ObjectKind.WEBHOOK:
                return self.webhooks
            case ObjectKind.TEAM:
                return self.teams
            case ObjectKind.POLICY:
                return self.policies
            case ObjectKind.ROUTING_KEY:
                return self.routing
            case ObjectKind.ALERT_KEY:
                return self.alert_keys
            case ObjectKind.HEARTBEAT:
                return self.heartbeats


def place_of(kind: ObjectKind, key: str) -> str:
    """Return where a file describes an object, as mistakes and warnings name the place."""
    match kind:
        case ObjectKind.WEBHOOK:
            return f"webhooks.{key}"
        case ObjectKind.TEAM:
            return f"teams.{key}"
        case ObjectKind.POLICY:
            team, _, slug = key.partition("/")
            return f"teams.{team}.policies.{slug}"
        case ObjectKind.ROUTING_KEY:
            return "default_routing" if key == DEFAULT_ROUTING else f"routing_keys.{key}"
        case ObjectKind.ALERT_KEY:
            return f"alert_keys.{key}"
        case ObjectKind.HEARTBEAT:
            return f"heartbeats.{key}"
