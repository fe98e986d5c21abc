"""One tick: everything that is due, in one piece of work, in this order.

1. Holds that are over trigger their incidents again.
2. Steps that are due fire.
3. Deliveries that wait and may be sent are leased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from tocsin.actions.deliver import lease
from tocsin.actions.escalate import Escalated, Sending, end_holds, escalate
from tocsin.actions.incident_set import Context
from tocsin.actions.pause import is_paused
from tocsin.domain.configuration import Configuration
from tocsin.store.database import Failed, Tx
from tocsin.store.deliveries import Lease
from tocsin.store.escalations import next_due_at
from tocsin.store.incidents import next_hold_end
from tocsin.store.lanes import next_lane_due_at
from tocsin.store.schema import to_micros

AGAIN_AFTER = timedelta(seconds=5)
"""How long a part that failed waits, so that a fault burns neither the processor nor the log."""


class Part(StrEnum):
    """What a tick is made of. None of them can hold up the others."""

    HOLDS = "holds"
    STEPS = "steps"
    DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did, and when the next is due (microseconds since 1970; None: nothing waits)."""

    configuration: Configuration
    claimed: int
    leases: Sequence[Lease]
    lateness: Sequence[timedelta]
    next_due_at: int | None
    failures: Mapping[Part, Exception]
    """The parts that failed and were undone; the others are done."""
    stale: int = 0
    """Steps that did nothing, because their escalation was stopped or moved since it was claimed."""
    has_room: bool = True
    """False: as much is in flight as may be, so waiting deliveries wait for an attempt to end."""


def tick(tx: Tx, context: Context, *, limits: Mapping[Part, int], sending: Sending) -> Tick:
    """Do at most `limits` of each kind of work; say when to come again."""
    if is_paused(tx):
        return Tick(context.configuration, 0, (), (), None, {})
    failures: dict[Part, Exception] = {}
    held = tx.apart(lambda: end_holds(tx, context, limit=limits[Part.HOLDS]))
    if isinstance(held, Failed):
        failures[Part.HOLDS] = held.error
    limit = limits[Part.STEPS]
    escalated = tx.apart(lambda: escalate(tx, context, limit=limit, sending=sending))
    if isinstance(escalated, Failed):
        failures[Part.STEPS] = escalated.error
        escalated = Escalated(0)
    left = Sending(sending.run_id, sending.slots, sending.room - len(escalated.leases))
    most = limits[Part.DELIVERIES]
    leased = tx.apart(lambda: lease(tx, context, limit=most, sending=left))
    if isinstance(leased, Failed):
        failures[Part.DELIVERIES] = leased.error
        leased = []
    has_room = left.room > len(leased)
    return Tick(
        configuration=context.configuration,
        claimed=escalated.claimed,
        leases=[*escalated.leases, *leased],
        lateness=escalated.lateness,
        next_due_at=_next_due_at(tx, context, sending, failures, has_room=has_room),
        failures=failures,
        stale=escalated.stale,
        has_room=has_room,
    )


def _next_due_at(
    tx: Tx,
    context: Context,
    sending: Sending,
    failures: Mapping[Part, Exception],
    *,
    has_room: bool,
) -> int | None:
    """Return when to come again; what failed is not tried before a while has passed."""
    due = {
        Part.HOLDS: next_hold_end(tx),
        Part.STEPS: next_due_at(tx),
        Part.DELIVERIES: next_lane_due_at(tx, slots=sending.slots) if has_room else None,
    }
    return _earliest(
        *(at for part, at in due.items() if part not in failures),
        to_micros(context.now + AGAIN_AFTER) if failures else None,
    )


def _earliest(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
