"""One tick: everything that is due, in one piece of work, in this order.

1. Pending auth codes whose instant has come take over, also while nothing is sent. Such a tick ends here,
   because the next one, which follows at once, must sign with them.
2. Heartbeats that are due are judged, also while nothing is sent, as alerts come in then, too. Such a tick ends
   here, because entities are locked before everything else.
3. Holds that are over trigger their incidents again.
4. Steps that are due fire.
5. Deliveries that wait and may be sent are leased.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tocsin.actions.deliver import lease
from tocsin.actions.end_holds import end_holds
from tocsin.actions.escalate import Escalated, Sending, escalate
from tocsin.actions.heartbeats import Judged, excuse_unheard, judge_due
from tocsin.actions.incident_set import Context
from tocsin.actions.pause import is_paused
from tocsin.actions.poison import (
    Failure,
    Waiting,
    postpone_first_delivery,
    postpone_first_hold,
    postpone_first_step,
)
from tocsin.actions.rotation import promote_due
from tocsin.domain.configuration import Configuration
from tocsin.domain.role import ALL_ROLES, Role
from tocsin.store.database import Failed, Tx
from tocsin.store.deliveries import Lease
from tocsin.store.escalations import next_due_at as next_step_due_at
from tocsin.store.heartbeats import next_heartbeat_due
from tocsin.store.incidents import next_hold_end
from tocsin.store.lanes import next_lane_due_at, wake_lanes
from tocsin.store.schema import micros_or_none, to_micros

AGAIN_AFTER = timedelta(seconds=5)
"""How long a part that failed waits, so that a fault burns neither the processor nor the log."""
logger = logging.getLogger(__name__)


class Part(StrEnum):
    """What a tick is made of. None of them can hold up the others."""

    PROMOTIONS = "promotions"
    HEARTBEATS = "heartbeats"
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
    poisoned: Mapping[Part, Waiting | None] = field(default_factory=dict)
    """Of those that did a single thing: what waits now; None: there is none to blame."""
    stale: int = 0
    """Steps that did nothing, because their escalation was stopped or moved since it was claimed."""
    has_room: bool = True
    """False: as much is in flight as may be, so waiting deliveries wait for an attempt to end."""
    promoted: Sequence[str] = ()
    """The webhooks whose pending auth code took over."""
    judged: Sequence[Judged] = ()
    """The heartbeats that were due, and what became of them."""
    excused: Sequence[str] = ()
    """The heartbeats that may have called while nobody heard it."""


def tick(
    tx: Tx,
    context: Context,
    *,
    limits: Mapping[Part, int],
    sending: Sending,
    may_page: bool = True,
    roles: frozenset[Role] = ALL_ROLES,
    may_judge: bool = True,
    deaf_since: datetime | None = None,
) -> Tick:
    """Do at most `limits` of each kind of work; say when to come again.

    Of steps, holds and deliveries only what is for these roles; `sending` has no room without `deliver`.
    Of a part that fails while it does one thing alone, that thing is made to wait, at once: after this
    transaction another might be first, and be blamed. `may_judge`: it is known that some node
    was there to hear jobs call. `deaf_since`: calls were refused from then on.
    """
    failures: dict[Part, Exception] = {}
    due: dict[Part, int | None] = {}
    first = _promote(tx, context, due, failures)
    if first is None and may_judge and context.configuration.has_heartbeats:
        limit = limits[Part.HEARTBEATS]
        first = _judge(tx, context, due, failures, limit=limit, deaf_since=deaf_since)
    if first is not None:
        return first
    if is_paused(tx):
        next_due_at = _next_due_at(context, due, failures)
        return Tick(context.configuration, 0, (), (), next_due_at, failures)
    escalated, leased = Escalated(0), list[Lease]()
    if Role.ESCALATE in roles:
        escalated = _escalate(tx, context, limits, sending, failures)
    left = Sending(sending.run_id, sending.slots, sending.room - len(escalated.leases))
    if Role.DELIVER in roles:
        leased = _lease(tx, context, limits, left, failures)
    has_room = left.room > len(leased)
    poisoned = {
        part: _postpone(tx, context, part, Failure.of(error, may_page=may_page), sending)
        for part, error in failures.items()
        if limits[part] == 1
    }
    if Role.ESCALATE in roles:
        due |= {Part.HOLDS: next_hold_end(tx), Part.STEPS: next_step_due_at(tx)}
    if has_room:  # which is only where deliveries are sent
        due[Part.DELIVERIES] = next_lane_due_at(tx, slots=sending.slots)
    return Tick(
        configuration=context.configuration,
        claimed=escalated.claimed,
        leases=[*escalated.leases, *leased],
        lateness=escalated.lateness,
        next_due_at=_next_due_at(context, due, failures),
        failures=failures,
        poisoned=poisoned,
        stale=escalated.stale,
        has_room=has_room,
    )


def _escalate(
    tx: Tx,
    context: Context,
    limits: Mapping[Part, int],
    sending: Sending,
    failures: dict[Part, Exception],
) -> Escalated:
    """End holds and fire steps; what failed is added to `failures`."""
    held = tx.apart(lambda: end_holds(tx, context, limit=limits[Part.HOLDS]))
    if isinstance(held, Failed):
        failures[Part.HOLDS] = held.error
    limit = limits[Part.STEPS]
    escalated = tx.apart(lambda: escalate(tx, context, limit=limit, sending=sending))
    if isinstance(escalated, Failed):
        failures[Part.STEPS] = escalated.error
        escalated = Escalated(0)
    if not isinstance(held, Failed):
        wake_lanes(tx, held.waits)  # after the steps, which lock deliveries
    return escalated


def _lease(
    tx: Tx,
    context: Context,
    limits: Mapping[Part, int],
    sending: Sending,
    failures: dict[Part, Exception],
) -> list[Lease]:
    """Lease what waits and may be sent; what failed is added to `failures`."""
    limit = limits[Part.DELIVERIES]
    leased = tx.apart(lambda: lease(tx, context, limit=limit, sending=sending))
    if isinstance(leased, Failed):
        failures[Part.DELIVERIES] = leased.error
        return []
    return list(leased)


def _promote(
    tx: Tx, context: Context, due: dict[Part, int | None], failures: dict[Part, Exception]
) -> Tick | None:
    """Return the tick that put pending auth codes in force; None: none was due."""
    promotion = micros_or_none(context.configuration.next_promotion_at)
    due[Part.PROMOTIONS] = promotion
    if promotion is None or promotion > to_micros(context.now):
        return None
    promoted = tx.apart(lambda: promote_due(tx, context))
    if isinstance(promoted, Failed):
        failures[Part.PROMOTIONS] = promoted.error
        return None
    return _again(context, promoted=promoted)


def _judge(
    tx: Tx,
    context: Context,
    due: dict[Part, int | None],
    failures: dict[Part, Exception],
    *,
    limit: int,
    deaf_since: datetime | None,
) -> Tick | None:
    """Return the tick that judged heartbeats, or excused some; None: there was nothing to do."""

    def judge() -> tuple[Sequence[Judged], Sequence[str]]:
        excused = [] if deaf_since is None else excuse_unheard(tx, deaf_since, context.now)
        due[Part.HEARTBEATS] = next_at = next_heartbeat_due(tx)
        is_due = next_at is not None and next_at <= to_micros(context.now)
        return judge_due(tx, context, limit=limit) if is_due else (), excused

    done = tx.apart(judge)
    if isinstance(done, Failed):
        failures[Part.HEARTBEATS] = done.error
        return None
    judged, excused = done
    return _again(context, judged=judged, excused=excused) if judged or excused else None


def _again(context: Context, **done: Any) -> Tick:
    """Return a tick that is followed by the next at once."""
    return Tick(context.configuration, 0, (), (), to_micros(context.now), {}, **done)


def _postpone(
    tx: Tx, context: Context, part: Part, failure: Failure, sending: Sending
) -> Waiting | None:
    def postpone() -> Waiting | None:
        match part:
            case Part.PROMOTIONS | Part.HEARTBEATS:  # there is nothing that could be left out
                return None
            case Part.HOLDS:
                return postpone_first_hold(tx, context, failure)
            case Part.STEPS:
                return postpone_first_step(tx, context, failure)
            case Part.DELIVERIES:
                return postpone_first_delivery(tx, context, failure, slots=sending.slots)

    postponed = tx.apart(postpone)
    if isinstance(postponed, Failed):
        logger.error("poison.not_postponed", extra={"part": part.value}, exc_info=postponed.error)
        return None
    return postponed


def _next_due_at(
    context: Context, due: Mapping[Part, int | None], failures: Mapping[Part, Exception]
) -> int | None:
    """Return when to come again; what failed is not tried before a while has passed."""
    return _earliest(
        *(at for part, at in due.items() if part not in failures),
        to_micros(context.now + AGAIN_AFTER) if failures else None,
    )


def _earliest(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
