"""The timeline: what happened to an incident, who or what did it, and the facts of each kind."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

ENGINE = "engine"
"""The actor of what happens without anybody asking."""
NO_INCIDENT = 0


class Kind(StrEnum):
    """What can happen. `paged`, `followed_up` and `attempted` are read from deliveries and attempts, not stored twice.

    What nodes do is in the feed alone.
    """

    OPENED = "opened"
    ROLLED_UP = "rolled_up"
    RECORDED = "recorded"
    ACKNOWLEDGED = "acknowledged"
    HELD = "held"
    HOLD_ENDED = "hold_ended"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    REROUTED = "rerouted"
    NOT_STARTED = "escalation_not_started"
    TARGET_SKIPPED = "target_skipped"
    REACHED_NOBODY = "reached_nobody"
    SENT_AGAIN = "sent_again"
    NOBODY_LEFT = "nobody_left_to_page"
    PAGED = "paged"
    FOLLOWED_UP = "followed_up"
    ATTEMPTED = "attempted"
    POISONED = "poisoned"
    WEBHOOK_DISABLED = "webhook_disabled"
    BREAKER_OPENED = "breaker_opened"
    BREAKER_CLOSED = "breaker_closed"
    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_WORKS_AGAIN = "webhook_works_again"
    PAUSED = "paused"
    UNPAUSED = "resumed"
    CERTIFICATE_ENDING = "certificate_ending"
    AUTH_CODE_PROMOTED = "auth_code_promoted"
    PEER_REACHED = "peer_reached"
    PEER_NOT_REACHED = "peer_not_reached"
    PEER_NOT_CALLED = "peer_not_called"
    NODE_JOINED = "node_joined"
    NODE_CAME_BACK = "node_came_back"
    NODE_LEFT = "node_left"
    NODE_FELL_SILENT = "node_fell_silent"


class TimelineEntry(NamedTuple):
    """One row. `incident` 0 is about no incident; `planned_at` is when it should have happened."""

    incident: int
    id: int
    at: datetime
    kind: Kind
    actor: str
    detail: dict[str, Any]
    planned_at: datetime | None = None
