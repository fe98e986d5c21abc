"""What the teams of the worlds have configured."""

import json
from typing import Any

from tests.behaviour.configuring import Steps, step_of
from tests.behaviour.receiver import AUTH_CODE


def few_configured(receiver: str, receiver_with_tls: str, ca_bundle: str) -> str:
    """Return the file: three teams, webhooks in every condition that is set rather than suffered."""

    def webhook(name: str, path: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "url": f"{receiver}/{path}", "auth_code": AUTH_CODE, **more}

    described = {
        "webhooks": {
            "pager": webhook("Pager", "pager", links=["acknowledge", "resolve"]),
            "phone-bridge": webhook(
                *("Phone bridge", "phone-bridge"),
                profile="documented",
                follow_up=["acknowledged", "resolved"],
            ),
            "chat": webhook("Chat room", "chat", follow_up=["acknowledged"]),
            "siren": webhook(
                "Siren in the machine hall",
                "siren",
                when_failing={"routing_key": "tocsin"},
                deadline="4m",
            ),
            "old-pager": webhook("Old pager", "old-pager"),
            "slow-bot": webhook("Slow bot", "slow-bot", total_timeout="5s", slots=1),
            "status-board": webhook("Status board", "status-board", enabled=False),
            "ticket-desk": webhook(
                "Ticket desk", "ticket-desk", skip_if_late="30m", answer_may_act=True
            ),
            "vault-door": {
                "name": "Vault door",
                "url": f"{receiver_with_tls}/vault-door",
                "auth_code": AUTH_CODE,
                "ca_bundle": ca_bundle,
            },
            "never-called": webhook("Never called", "never-called"),
        },
        "teams": {
            "database": {
                "name": "Database",
                "policies": {
                    "primary": policy(
                        "Primary on-call",
                        [("0s", ["pager"]), ("5m", ["pager", "phone-bridge"]), ("10m", ["siren"])],
                        repeat={"times": 2, "after": "15m"},
                    ),
                    "working-hours": policy("Working hours", [("15m", ["chat", "ticket-desk"])]),
                },
            },
            "platform": {
                "name": "Platform",
                "policies": {
                    "primary": policy(
                        "Primary on-call",
                        [("0s", ["chat"]), ("3m", ["phone-bridge"]), ("5m", ["old-pager"])],
                    ),
                    "hall": policy(
                        "Machine hall", [("0s", ["siren"], "2m"), ("30m", ["phone-bridge"])]
                    ),
                    "slow": policy("The slow bot", [("0s", ["slow-bot"]), ("1h", ["pager"])]),
                    "old": policy("Before the move", [("0s", ["old-pager"])]),
                },
            },
            "payments": {
                "name": "Payments",
                "policies": {
                    "primary": policy(
                        "Primary on-call", [("0s", ["vault-door"]), ("2m", ["pager"])]
                    ),
                    "nobody": policy("Nobody is left", [("0s", ["status-board"])]),
                },
            },
        },
        "routing_keys": {
            "database": {"policies": ["database/primary"], "opens_on": ["CRITICAL", "WARNING"]},
            "web": {"policies": ["platform/primary"]},
            "hall": {"policies": ["platform/hall"]},
            "slow": {"policies": ["platform/slow"]},
            "old": {"policies": ["platform/old"]},
            "payments": {"policies": ["payments/primary", "database/working-hours"]},
            "board": {"policies": ["payments/nobody"]},
            "tocsin": {"policies": ["platform/primary"]},
        },
        "default_routing": {"policies": ["platform/primary"]},
        "alert_keys": {"alertmanager": {}, "grafana": {}, "nagios": {}},
        "heartbeats": {
            "nightly-backup": {
                "name": "Nightly backup",
                "every": "24h",
                "grace": "30m",
                "routing_key": "database",
            },
            "mail-out": {
                "name": "Mail that goes out",
                "every": "5m",
                "grace": "1m",
                "routing_key": "web",
            },
            "cert-renewal": {"name": "Renewal of certificates", "every": "7d", "grace": "1d"},
            "quarter": {"name": "Report of the quarter", "every": "30d", "grace": "2d"},
            "old-import": {
                "name": "Import of the old shop",
                "every": "1h",
                "grace": "5m",
                "paused": True,
            },
        },
    }
    return json.dumps(described, ensure_ascii=False)


def policy(name: str, steps: Steps, **more: Any) -> dict[str, Any]:
    """Return a policy as the file has it."""
    return {"name": name, "steps": [step_of(*step) for step in steps], **more}
