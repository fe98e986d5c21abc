"""Poison: a step that cannot be fired while others can. It waits, is never dropped, and pages somebody."""

from datetime import datetime, timedelta
from uuid import UUID

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.domain.alert import manual_alert
from tocsin.domain.incident import Effect
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.store.alerts import StoredAlert, insert_alerts
from tocsin.store.database import Tx
from tocsin.store.escalations import Due, claim_due, count_failures, postpone
from tocsin.store.incidents import find_incidents
from tocsin.store.schema import to_micros
from tocsin.store.timeline import add_to_timeline

POISON_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
_ENTITY = "tocsin/poison/"


def postpone_first(tx: Tx, context: Context, *, error: str) -> datetime | None:
    """Make the oldest due escalation wait, because firing its step failed where others succeeded.

    It is tried again after 1, 5, 15, 60, 60 ... minutes and never dropped, is on its incident's
    timeline, and is an incident of its own on the default routing. Returns until when it waits;
    None: nothing is due.
    """
    claimed = claim_due(tx, to_micros(context.now), limit=1)
    if not claimed:
        return None
    (due,) = claimed
    failures = count_failures(tx, due)
    until = context.now + POISON_WAITS[min(failures, len(POISON_WAITS) - 1)]
    postpone(tx, due, until=until)
    detail = {"escalation": due.number, "step": due.next_step, "error": error, "until": str(until)}
    (id_,) = context.ids.take(1, context.now)
    add_to_timeline(
        tx, [TimelineEntry(due.incident, id_, context.now, Kind.POISONED, ENGINE, detail)]
    )
    _open_incident(tx, context, due, error=error)
    return until


def _open_incident(tx: Tx, context: Context, due: Due, *, error: str) -> None:
    """Page whoever the default routing names; once, and not about such an incident itself."""
    policies = context.configuration.default_route.policies
    poisoned = find_incidents(tx, [due.incident])[due.incident]
    entity_id = f"{_ENTITY}{due.incident}-{due.number}"
    incidents = IncidentSet(tx, context)
    incidents.load_entities([entity_id])
    is_known = incidents.unresolved(entity_id) is not None
    if is_known or not policies or poisoned.entity_id.startswith(_ENTITY):
        return
    (alert_id,) = context.ids.take(1, context.now)
    alert = manual_alert(
        summary=f"Tocsin cannot fire a step of incident {due.incident}",
        details=f"{error}. See: tocsin why '#{due.incident}', and the server's log",
        created_by=ENGINE,
        organisation="",
        now=context.now,
        alert_uuid=str(UUID(int=alert_id)),
        entity_uuid=entity_id,
    )
    number = incidents.open(alert, alert_id, actor=ENGINE, policies=policies)
    incidents.save()
    insert_alerts(tx, [StoredAlert(alert_id, alert, Effect.OPENED, number)])
