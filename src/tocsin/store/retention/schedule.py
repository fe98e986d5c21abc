"""All parts in their order, and what becomes of each table's rows: nothing grows for ever without saying why."""

from collections.abc import Mapping
from typing import Final

from tocsin.store.retention.alone import (
    ALERTS,
    ANSWERS,
    ENTRIES,
    FATES,
    FEED,
    REFUSED_ALERTS,
    TESTS,
)
from tocsin.store.retention.incidents import INCIDENTS
from tocsin.store.retention.named import NAMED
from tocsin.store.retention.part import Part

PARTS: Final[tuple[Part, ...]] = (
    *(INCIDENTS, TESTS, ALERTS, REFUSED_ALERTS, ENTRIES, FEED, FATES, ANSWERS),
    *NAMED,
)
"""What names others before what is named."""

REMOVED: Final[Mapping[str, tuple[str, ...]]] = {
    "incidents": ("incidents",),
    "alerts": ("incidents", "alerts"),
    "escalations": ("incidents",),
    "timeline": ("incidents", "timeline"),
    "deliveries": ("incidents", "tests"),
    "attempts": ("incidents", "tests"),
    "bodies": ("incidents", "tests"),
    "used_links": ("incidents", "tests"),
    "refused_alerts": ("refused_alerts",),
    "feed": ("feed",),
    "alert_fates": ("alert_fates",),
    "idempotency": ("idempotency",),
    "policy_versions": ("policy_versions", "policies"),
    "policies": ("policies",),
    "teams": ("teams",),
    "user_teams": ("teams",),
    "request_heads": ("request_heads", "webhooks"),
    "webhooks": ("webhooks",),
    "lanes": ("webhooks",),
    "webhook_failures": ("webhooks",),
    "receiver_certificates": ("webhooks",),
    "certificate_warnings": ("webhooks",),
    "runs": ("runs",),
}
"""The parts that remove a table's rows."""
KEPT: Final[Mapping[str, str]] = {
    "leases": "A row goes when all that it leased has ended.",
    "counters": "A row for each counter: numbers are given once.",
    "settings": "A row for each fact about the installation.",
    "routing_keys": "In force until somebody deletes it.",
    "routing_policies": "In force until somebody changes the routing key.",
    "heartbeats": "In force until somebody removes it; its row goes when its incident was taken back.",
    "alert_keys": "People make them; whoever still sends with one that was revoked is told so.",
    "tokens": "People make them; the audit names those that were revoked.",
    "users": "People make them; one who has signed in is named by the audit, and only ever disabled.",
    "identities": "With their user.",
    "sessions": "A row goes when it is ended; those that ended by themselves at the next sign-in.",
    "invitations": "A row goes when it is used; those that ended by themselves when the next is made.",
    "changes": "The audit. People make its rows, and nothing else says who changed what.",
}
"""Tables whose rows stay, and why."""
