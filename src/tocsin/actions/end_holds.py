"""Holds that are over."""

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.domain.timeline import ENGINE
from tocsin.store.database import Tx
from tocsin.store.incidents import list_held_until
from tocsin.store.schema import to_micros


def end_holds(tx: Tx, context: Context, *, limit: int) -> int:
    """Trigger incidents again whose hold is over; return how many there were."""
    held = list_held_until(tx, to_micros(context.now), limit=limit)
    incidents = IncidentSet(tx, context)
    incidents.take(held)
    for incident in held:
        incidents.end_hold(incident.number, actor=ENGINE)
    incidents.save()
    return len(held)
