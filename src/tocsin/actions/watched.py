"""What becomes of the mutual watch, on the timeline that is about no incident, and so in the feed."""

from tocsin.actions.incident_set import Context
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.watch import Peering, WatchState
from tocsin.store.database import Tx
from tocsin.store.timeline import add_to_timeline

_KINDS = {
    WatchState.REACHED: Kind.PEER_REACHED,
    WatchState.FAILING: Kind.PEER_NOT_REACHED,
    WatchState.WITHHELD: Kind.PEER_NOT_CALLED,
}


def tell_peering(tx: Tx, context: Context, peering: Peering) -> None:
    """Write down how a peer is found from now on."""
    detail = {"peer": peering.name} | ({"cause": peering.cause} if peering.cause else {})
    (id_,) = context.ids.take(1, context.now)
    entry = TimelineEntry(NO_INCIDENT, id_, context.now, _KINDS[peering.state], ENGINE, detail)
    add_to_timeline(tx, [entry])
