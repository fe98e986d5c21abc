"""Where alerts and calls of jobs come in, and what whoever sends them has to set: ready to paste.

What is said here is what the tests run: Alertmanager with these settings, curl with these lines.
"""

from typing import Final, NamedTuple
from urllib.parse import quote

INTEGRATIONS: Final = "/integrations/"
ALERT_PATH: Final = f"{INTEGRATIONS}generic/20131114/alert/"
HEARTBEAT_PATH: Final = f"{INTEGRATIONS}heartbeat/"
ANY_KEY: Final = "ALERT_KEY"
"""In the place of a key, which is shown only once."""
ANY_ROUTING_KEY: Final = "ROUTING_KEY"
NO_ROUTING_KEY: Final = "default"
"""Where none is configured: whatever stands there, the default routing takes the alert; Alertmanager wants something."""


class SenderSettings(NamedTuple):
    """What somebody pastes: for which program, where it goes, and the text."""

    program: str
    where: str
    text: str


def alert_url(server: str, *, key: str, routing_key: str) -> str:
    """Return where to post alerts. `server` is its URL without a slash at the end."""
    return f"{server}{ALERT_PATH}{quote(key, safe='')}/{quote(routing_key, safe='')}"


def settings_for_alerts(server: str, *, key: str, routing_key: str) -> list[SenderSettings]:
    """Return the settings of programs that send alerts."""
    url = alert_url(server, key=key, routing_key=routing_key)
    return [
        SenderSettings(
            "Prometheus Alertmanager",
            "In alertmanager.yml; it takes Tocsin for VictorOps. Resolved alerts resolve the incident.",
            f"""\
route:
  receiver: tocsin
receivers:
  - name: tocsin
    victorops_configs:
      - api_url: {server}{ALERT_PATH}
        api_key: {key}
        routing_key: {routing_key}
""",
        ),
        SenderSettings(
            "Grafana",
            "Alerting, Contact points, New contact point: choose the integration VictorOps, and paste "
            "this as its URL.",
            f"{url}\n",
        ),
        SenderSettings(
            "curl: open an incident",
            "On any machine that reaches this server.",
            _curl(
                url,
                '{"message_type": "CRITICAL", "entity_id": "test/disk", "state_message": "A first test"}',
            ),
        ),
        SenderSettings(
            "curl: resolve it",
            "The same entity_id, and RECOVERY.",
            _curl(url, '{"message_type": "RECOVERY", "entity_id": "test/disk"}'),
        ),
    ]


def _curl(url: str, body: str) -> str:
    return f"curl -fsS -H 'Content-Type: application/json' \\\n  -d '{body}' \\\n'{url}'\n"


def settings_for_heartbeat(server: str, slug: str) -> list[SenderSettings]:
    """Return the lines by which a job calls."""
    url = f"{server}{HEARTBEAT_PATH}{ANY_KEY}/{quote(slug, safe='')}"
    call = "curl -fsS --retry 5 -o /dev/null"
    job = "15 3 * * * /usr/local/bin/backup"
    return [
        SenderSettings(
            "crontab: only when it went well",
            "What failed, and what never ran, is told when interval and grace are over.",
            f"{job} && {call} {url}\n",
        ),
        SenderSettings(
            "crontab: however it ended",
            "A failure is told at once.",
            f'{job}; {call} "{url}?status=$?"\n',
        ),
        SenderSettings(
            "systemd: however the service ended",
            "In its [Service] section.",
            f'ExecStopPost={call} "{url}?status=${{SERVICE_RESULT}}"\n',
        ),
    ]
