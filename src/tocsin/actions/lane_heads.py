"""Who leaves by the free slots of lanes that are due.

As a rule those due longest. Where retries would take free slots of which there are too few, first attempts take turns
with them; where the webhook's breaker is open, it decides (`tocsin.domain.breaker`).
"""

from collections.abc import Sequence
from dataclasses import replace

from tocsin.actions.incident_set import Context
from tocsin.domain.breaker import look
from tocsin.domain.delivery import DEADLINE
from tocsin.domain.lane_turn import take_turns
from tocsin.store.database import Tx
from tocsin.store.lane_heads import (
    Head,
    find_heads,
    find_newest_first,
    list_again,
    list_first,
    lock_heads,
)
from tocsin.store.lanes import DueLane, hold_lanes, keep_turns, open_lanes
from tocsin.store.schema import to_micros
from tocsin.store.webhook_failures import find_failures, put_failures


def choose_heads(tx: Tx, context: Context, lanes: Sequence[DueLane], *, limit: int) -> list[Head]:
    """Return at most `limit` deliveries that may leave by these lanes, locked."""
    now = to_micros(context.now)
    usual = {lane.webhook_id: lane for lane in lanes if not lane.is_held}
    chosen: list[Head] = []
    if usual:
        chosen = _of_usual_lanes(tx, usual, now=now, limit=limit)
    for lane in lanes:
        if lane.is_held and limit > len(chosen):
            ids = _of_held_lane(tx, context, lane, free=min(lane.free, limit - len(chosen)))
            chosen += lock_heads(tx, ids, now=now)
    return chosen


def _of_usual_lanes(tx: Tx, lanes: dict[int, DueLane], *, now: int, limit: int) -> list[Head]:
    free = {id_: lane.free for id_, lane in lanes.items()}
    found = find_heads(tx, free, now=now, limit=limit)
    chosen, with_retries = [], set()
    for head in found:
        if free[head.webhook_id] == 0:
            continue
        free[head.webhook_id] -= 1
        chosen.append(head)
        if not head.is_first:
            with_retries.add(head.webhook_id)
    for webhook_id in with_retries:
        if free[webhook_id] == 0:  # there may be more, and pages that nobody has tried
            chosen = _in_turn(tx, lanes[webhook_id], chosen, now=now)
    return chosen


def _in_turn(tx: Tx, lane: DueLane, chosen: list[Head], *, now: int) -> list[Head]:
    """Return what was chosen, with that of one lane replaced by those whose turn it is."""
    webhook_id = lane.webhook_id
    first = [each.id for each in list_first(tx, webhook_id, now=now, limit=lane.free)]
    if not first:
        return chosen
    again = [each.id for each in chosen if each.webhook_id == webhook_id and not each.is_first]
    ids, again_is_next = take_turns(first, again, free=lane.free, again_is_next=lane.again_is_next)
    if again_is_next is not lane.again_is_next:
        keep_turns(tx, {webhook_id: again_is_next})
    others = [each for each in chosen if each.webhook_id != webhook_id]
    return [*others, *lock_heads(tx, ids, now=now)]


def _of_held_lane(tx: Tx, context: Context, lane: DueLane, *, free: int) -> list[int]:
    """Return what an open breaker lets through, and hold the rest."""
    webhook_id, now = lane.webhook_id, to_micros(context.now)
    failures = find_failures(tx, [webhook_id]).get(webhook_id)
    if failures is None or failures.breaker is None:
        open_lanes(tx, [webhook_id])
        return []
    webhook = context.configuration.webhooks.get(webhook_id)
    decided = look(
        failures.breaker,
        newest=find_newest_first(tx, webhook_id, now=now),
        first=list_first(tx, webhook_id, now=now, limit=free + 1),
        again=list_again(tx, webhook_id, now=now),
        free=free,
        again_is_next=lane.again_is_next,
        deadline=webhook.deadline if webhook else DEADLINE,
        now=context.now,
    )
    if decided.breaker is not failures.breaker:
        put_failures(tx, {webhook_id: replace(failures, breaker=decided.breaker)})
    hold_lanes(tx, {webhook_id: to_micros(decided.held_until)})
    if decided.again_is_next is not lane.again_is_next:
        keep_turns(tx, {webhook_id: decided.again_is_next})
    return [each.id for each in decided.let]
