"""Where an alert would go, and why, without sending it: nothing is stored, and nothing changes."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tocsin.actions.in_force import describe_policy
from tocsin.actions.webhook_conditions import find_conditions
from tocsin.domain.alert import Alert, read_alert
from tocsin.domain.alert_forecast import AlertForecast, PolicyForecast
from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.configuration_file.policy_advice import policy_advice
from tocsin.domain.foresight import foresee
from tocsin.domain.incident import Effect, Incident, Status, decide_effect
from tocsin.domain.start_plan import plan_start, policies_in_force
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Tx
from tocsin.store.escalations import list_escalations
from tocsin.store.incident_reads import find_latest_incident
from tocsin.store.webhooks import find_webhook_names

NO_UUID: Final = "00000000-0000-4000-8000-000000000000"
"""Of an alert that is never stored."""


def simple_alert(*, message_type: str, entity_id: str) -> bytes:
    """Return the body of an alert that says no more than that."""
    fields = {"message_type": message_type}
    return json.dumps(fields | ({"entity_id": entity_id} if entity_id else {})).encode()


def try_route(
    tx: Tx,
    cache: ConfigurationCache,
    body: bytes,
    *,
    routing_key: str,
    organisation: str,
    now: datetime,
) -> AlertForecast:
    """Return what would become of an alert that came now with this routing key at the end of its URL.

    Raises: AlertRefused, as the sender would be.
    """
    alert = read_alert(
        body,
        routing_key=routing_key,
        organisation=organisation,
        now=now,
        alert_uuid=NO_UUID,
        entity_uuid=NO_UUID,
    )
    configuration = cache.current(tx)
    route = configuration.route(alert.routing_key.value if alert.routing_key else "")
    incident = find_latest_incident(tx, alert.entity_id)
    if incident is not None and incident.status is Status.RESOLVED:
        incident = None
    effect = decide_effect(incident, alert.message_type, opening_types=route.opening_types)
    policies: Sequence[Policy] = ()
    if effect is Effect.OPENED:
        policies = route.policies
    elif effect is Effect.REOPENED and incident is not None:
        policies = _in_force(tx, cache, configuration, incident)
    return AlertForecast(
        alert=alert,
        given_key=routing_key,
        route=route,
        has_entity=_names_entity(alert),
        effect=effect,
        incident=incident,
        policies=_forecast(tx, configuration, policies, now=now),
    )


def _names_entity(alert: Alert) -> bool:
    return alert.entity_id != NO_UUID


def _in_force(
    tx: Tx, cache: ConfigurationCache, configuration: Configuration, incident: Incident
) -> list[Policy]:
    found = list_escalations(tx, [incident.number]).get(incident.number, [])
    current = [each for each in found if each.round == incident.round]
    versions = cache.versions(tx, [each.policy_version_id for each in current])
    return policies_in_force(configuration, incident, current, versions)[0]


def _forecast(
    tx: Tx, configuration: Configuration, policies: Sequence[Policy], *, now: datetime
) -> tuple[PolicyForecast, ...]:
    if not policies:
        return ()
    plan = plan_start(configuration, policies, now=now)
    reasons = {each["policy"]: each["reason"] for each in plan.not_started}
    names, conditions = find_webhook_names(tx), find_conditions(tx, configuration)
    forecasts = []
    for policy in policies:
        described = describe_policy(policy, names)
        advice = policy_advice(described, conditions, is_reached=True)
        foresight = foresee(described.steps, described.repeat)
        forecasts.append(
            PolicyForecast(
                policy.path, policy.name, reasons.get(policy.path), foresight, tuple(advice)
            )
        )
    return tuple(forecasts)
