"""Incidents as people see them: a list, or one with its escalations and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.actions.incidents import IncidentNotFound
from tocsin.actions.named_steps import NamedStep, Names
from tocsin.domain.alert_fields import storable
from tocsin.domain.escalation import EndReason, Escalation
from tocsin.domain.incident import Incident, Status
from tocsin.store.alert_reads import find_alerts
from tocsin.store.database import Tx
from tocsin.store.incident_reads import find_incident, list_incidents
from tocsin.store.retention.progress import find_removed_before


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident with the words of the alert that raised it, or kept it triggered, last."""

    incident: Incident
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step that an escalation fires next, unless somebody stops it: when, and whom it calls."""

    step: NamedStep
    due_at: datetime
    webhooks: tuple[str, ...]
    sooner_at: datetime | None = None
    """When it fires already, unless the step before it has reached somebody by then."""


@dataclass(frozen=True, slots=True)
class ShownEscalation:
    """One run of one policy version. `in_force` while no later reopening, rerouting or move replaced it."""

    number: int
    policy: str
    version: int
    started_at: datetime
    fired: int
    """How many steps have fired, repeats included."""
    of: int
    next: NextStep | None
    in_force: bool
    ended_at: datetime | None
    end_reason: EndReason | None


@dataclass(frozen=True, slots=True)
class ShownIncident:
    """An incident and everything that runs, or ran, for it."""

    line: IncidentLine
    escalations: tuple[ShownEscalation, ...]


def show_incidents(
    tx: Tx,
    *,
    status: Status | None = None,
    entity_id: str | None = None,
    routing_key: str | None = None,
    nobody_left: bool | None = None,
    before: int | None = None,
    limit: int,
) -> list[IncidentLine]:
    """Return incidents, the latest first, below the number `before`."""
    incidents = list_incidents(
        tx,
        status=status,
        entity_id=entity_id,
        routing_key=storable(routing_key).lower() if routing_key else routing_key,
        nobody_left=nobody_left,
        before=before,
        limit=limit,
    )
    return describe_incidents(tx, incidents)


def show_incident(tx: Tx, number: int) -> ShownIncident:
    """Return one incident. Raises: IncidentNotFound."""
    incident = get_incident(tx, number)
    names = Names(tx, incidents=[number])
    escalations = names.escalations.get(number, [])
    return ShownIncident(
        line=describe_incidents(tx, [incident])[0],
        escalations=tuple(_escalation(each, incident, names) for each in escalations),
    )


def get_incident(tx: Tx, number: int) -> Incident:
    """Return an incident as it is. Raises: IncidentNotFound."""
    incident = find_incident(tx, number)
    if incident is None:
        raise IncidentNotFound(incident=number, removed_before=find_removed_before(tx))
    return incident


def describe_incidents(tx: Tx, incidents: Sequence[Incident]) -> list[IncidentLine]:
    """Return incidents with what their alerts say."""
    alerts = find_alerts(tx, (incident.raising_alert_id for incident in incidents))
    lines = []
    for incident in incidents:
        fields = alerts[incident.raising_alert_id].fields
        title = fields.get("entity_display_name") or incident.entity_id
        lines.append(IncidentLine(incident, title, fields.get("state_message", "")))
    return lines


def _escalation(escalation: Escalation, incident: Incident, names: Names) -> ShownEscalation:
    name = names.version_name(escalation.policy_version_id)
    return ShownEscalation(
        number=escalation.number,
        policy=name.path,
        version=name.number,
        started_at=escalation.started_at,
        fired=escalation.next_step,
        of=names.version(escalation.policy_version_id).length,
        next=next_step_of(escalation, names),
        in_force=escalation.counts_in(incident.round),
        ended_at=escalation.ended_at,
        end_reason=escalation.end_reason,
    )


def next_step_of(escalation: Escalation, names: Names) -> NextStep | None:
    """Return what an escalation fires next; None when it has ended."""
    if escalation.next_step_at is None:
        return None
    version_id, position = escalation.policy_version_id, escalation.next_step
    return NextStep(
        step=names.step_of_version(version_id, position, escalation=escalation.number),
        due_at=escalation.next_step_at,
        webhooks=tuple(names.targets(version_id, position)),
        sooner_at=escalation.sooner_at,
    )
