"""Alerts as many senders send them: each of an entity of its own, so that it opens an incident."""

from bench.filling import ALERT, WEBHOOKS, alert_path
from bench.processes import Job

CONNECTIONS = 100


def alerts(port: int, *, count: int, first: int = 0) -> Job:
    """Return the job of CONNECTIONS senders, each with one alert under way."""
    return Job(
        port=port,
        path=alert_path(),
        spread=WEBHOOKS,
        item=ALERT,
        count=count,
        first=first,
        connections=CONNECTIONS,
    )
