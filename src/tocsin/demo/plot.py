"""What the demo configures, and what then goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PAGER: Final = "pager"
PHONE_BRIDGE: Final = "phone-bridge"
ROUTING_KEY: Final = "database"

ALERT: Final[Mapping[str, str]] = {
    "message_type": "CRITICAL",
    "entity_id": "disk",
    "host_name": "db1",
    "state_message": "3% left on /var/lib/postgresql",
    "monitoring_tool": "demo",
}

_ONCALL: Final = """\
webhooks:
  {pager}: {{url: '{pager_url}'}}
  {phone_bridge}: {{url: '{phone_bridge_url}', profile: documented}}
teams:
  database:
    policies:
      primary:
        steps:
          - {{after: {first}, webhooks: [{pager}]}}
          - {{after: {second}, webhooks: [{phone_bridge}]}}
          - {{after: {third}, webhooks: [{pager}, {phone_bridge}]}}
routing_keys:
  {routing_key}: {{policies: [database/primary]}}
default_routing: {{policies: [database/primary]}}
"""


@dataclass(frozen=True, slots=True)
class Plot:
    """How the receiver of the first step answers, and how long after one another the steps fire.

    Units: `delays` are written as in a configuration file, with their unit.
    """

    pager_answers: tuple[int, ...] = (500, 200)
    """The statuses of its answers, one after the other; the last one stays."""
    delays: tuple[str, str, str] = ("0s", "4s", "3s")

    def oncall(self, *, pager_url: str, phone_bridge_url: str) -> str:
        """Return the configuration file."""
        first, second, third = self.delays
        return _ONCALL.format(
            pager=PAGER,
            pager_url=pager_url,
            phone_bridge=PHONE_BRIDGE,
            phone_bridge_url=phone_bridge_url,
            first=first,
            second=second,
            third=third,
            routing_key=ROUTING_KEY,
        )
