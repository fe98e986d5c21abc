"""One tick: everything that is due, in one piece of work, in this order.

1. Holds that are over trigger their incidents again.
2. Steps that are due fire.
3. Deliveries that wait and may be sent are leased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.actions.deliver import lease
from tocsin.actions.escalate import Sending, end_holds, escalate
from tocsin.actions.incident_set import Context
from tocsin.actions.pause import is_paused
from tocsin.domain.configuration import Configuration
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease
from tocsin.store.escalations import next_due_at
from tocsin.store.incidents import next_hold_end
from tocsin.store.lanes import next_lane_due_at


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did, and when the next is due (microseconds since 1970; None: nothing waits)."""

    configuration: Configuration
    claimed: int
    leases: Sequence[Lease]
    lateness: Sequence[timedelta]
    next_due_at: int | None
    has_room: bool = True
    """False: as much is in flight as may be, so waiting deliveries wait for an attempt to end."""
    is_paused: bool = False


def tick(tx: Tx, context: Context, *, limit: int, sending: Sending) -> Tick:
    """Do at most `limit` of each kind of work; say when to come again."""
    if is_paused(tx):
        return Tick(context.configuration, 0, (), (), None, is_paused=True)
    end_holds(tx, context, limit=limit)
    escalated = escalate(tx, context, limit=limit, sending=sending)
    left = Sending(sending.run_id, sending.slots, sending.room - len(escalated.leases))
    leased = lease(tx, context.now, limit=limit, sending=left)
    has_room = left.room > len(leased)
    return Tick(
        configuration=context.configuration,
        claimed=escalated.claimed,
        leases=[*escalated.leases, *leased],
        lateness=escalated.lateness,
        next_due_at=_earliest(
            next_due_at(tx),
            next_hold_end(tx),
            next_lane_due_at(tx, slots=sending.slots) if has_room else None,
        ),
        has_room=has_room,
    )


def _earliest(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
