"""Holds that are over."""

from collections.abc import Mapping
from typing import NamedTuple

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.domain.timeline import ENGINE
from tocsin.store.database import Tx
from tocsin.store.incidents import list_held_until
from tocsin.store.schema import to_micros


class EndedHolds(NamedTuple):
    """How many there were, and the lanes to wake when no delivery is to be locked any more.

    Units: `waits` has since when each webhook has something to send, in microseconds since 1970.
    """

    holds: int
    waits: Mapping[int, int]


def end_holds(tx: Tx, context: Context, *, limit: int) -> EndedHolds:
    """Trigger incidents again whose hold is over."""
    held = list_held_until(tx, to_micros(context.now), limit=limit)
    incidents = IncidentSet(tx, context)
    incidents.take(held)
    for incident in held:
        incidents.end_hold(incident.number, actor=ENGINE)
    return EndedHolds(len(held), incidents.write())
