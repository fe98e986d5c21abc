"""Lanes: one row per webhook, so that finding work never wades through another webhook's backlog.

`due_at` is no later than the lane's earliest waiting delivery, null when none waits; `in_flight`
counts the slots in use, of `slots` (null: as many as the setting says). While the webhook's breaker is
open nothing leaves before `held_until`. Lanes are locked last of all, in order of webhook.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, among, id_list, insert_new, raw

_L, _D = schema.lanes, schema.deliveries
_BEGIN = insert_new(_L, "webhook_id", "in_flight")
_LOCK = Statement(
    sa.select(_L.c.webhook_id, _L.c.due_at, _L.c.in_flight, _L.c.slots, _L.c.held_until)
    .where(among(_L.c.webhook_id, "webhook_ids"))
    .order_by(_L.c.webhook_id)
    .with_for_update(),
    "webhook_ids",
)
_TAKE = Statement(
    _L.update()
    .values(in_flight=_L.c.in_flight + raw("count"))
    .where(_L.c.webhook_id == raw("webhook_id")),
    *("count", "webhook_id"),
)
_RELEASE = Statement(
    _L.update()
    .values(in_flight=_L.c.in_flight - raw("count"))
    .where(_L.c.webhook_id == raw("webhook_id")),
    *("count", "webhook_id"),
)
_WAKE = Statement(
    _L.update()
    .values(due_at=raw("due_at"))
    .where(
        _L.c.webhook_id == raw("webhook_id"),
        sa.or_(_L.c.due_at.is_(None), _L.c.due_at > raw("or_later")),
    ),
    *("due_at", "webhook_id", "or_later"),
)
_EARLIEST = (
    sa.select(sa.func.min(_D.c.due_at))
    .where(_D.c.webhook_id == _L.c.webhook_id, _D.c.due_at.is_not(None))
    .scalar_subquery()
)
_TIGHTEN = Statement(
    _L.update().values(due_at=_EARLIEST).where(_L.c.webhook_id == raw("webhook_id")), "webhook_id"
)
_is_free = _L.c.in_flight < sa.func.coalesce(_L.c.slots, raw("slots"))
_DUE = Statement(
    sa.select(*(_L.c.webhook_id, _L.c.in_flight, _L.c.slots, _L.c.held_until, _L.c.again_is_next))
    .where(
        _L.c.due_at <= raw("now"),
        sa.or_(_L.c.held_until.is_(None), _L.c.held_until <= raw("now_too")),
        _is_free,
    )
    .order_by(_L.c.due_at, _L.c.webhook_id)
    .limit(raw("limit"))
    .with_for_update(skip_locked=True),
    *("now", "now_too", "slots", "limit"),
)
_opens_at = sa.case((_L.c.held_until > _L.c.due_at, _L.c.held_until), else_=_L.c.due_at)
_WAITS = Statement(
    sa.select(sa.func.min(_opens_at)).where(
        _L.c.due_at.is_not(None), among(_L.c.webhook_id, "webhook_ids")
    ),
    "webhook_ids",
)
_NEXT = Statement(
    sa.select(sa.func.min(_opens_at)).where(_L.c.due_at.is_not(None), _is_free), "slots"
)
_HOLD = Statement(
    _L.update().values(held_until=raw("until")).where(_L.c.webhook_id == raw("webhook_id")),
    *("until", "webhook_id"),
)
_HOLD_LESS = Statement(
    _L.update()
    .values(held_until=raw("until"))
    .where(_L.c.webhook_id == raw("webhook_id"), _L.c.held_until > raw("or_later")),
    *("until", "webhook_id", "or_later"),
)
_TURN = Statement(
    _L.update()
    .values(again_is_next=raw("again_is_next"))
    .where(_L.c.webhook_id == raw("webhook_id")),
    *("again_is_next", "webhook_id"),
)
_WITH_SLOTS = (
    postgresql.insert(_L)
    .inline()
    .values(webhook_id=raw("webhook_id"), in_flight=raw("in_flight"), slots=raw("slots"))
)
# Both databases spell it alike.
_SET_SLOTS = Statement(
    _WITH_SLOTS.on_conflict_do_update(
        index_elements=[_L.c.webhook_id], set_={"slots": _WITH_SLOTS.excluded.slots}
    ),
    *("webhook_id", "in_flight", "slots"),
)
_USUAL_SLOTS = Statement(
    _L.update().values(slots=sa.null()).where(_L.c.webhook_id == raw("webhook_id")), "webhook_id"
)


class DueLane(NamedTuple):
    """A lane that has work due and a slot for it, locked. `free` are its slots that nobody uses."""

    webhook_id: int
    free: int
    is_held: bool
    """Whether its breaker is open, and lets through what it must."""
    again_is_next: bool
    """Whose turn it is: a first attempt's, or that of one that follows another."""


def free_slots(tx: Tx, webhook_ids: Iterable[int], *, slots: int) -> dict[int, int]:
    """Return how many deliveries may leave at once by each lane; 0 where others wait, or the breaker is open.

    A lane that does not exist yet is made.
    """
    return {
        webhook_id: (own or slots) - in_flight if due_at is held_until is None else 0
        for webhook_id, due_at, in_flight, own, held_until in _lock(tx, webhook_ids)
    }


def lock_lanes(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Let nobody else use these lanes until this transaction ends; those that do not exist are made."""
    _lock(tx, webhook_ids)


def lock_lanes_in_use(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Let nobody else use those of these lanes that exist until this transaction ends."""
    tx.rows(_LOCK, id_list(webhook_ids))


def _lock(
    tx: Tx, webhook_ids: Iterable[int]
) -> list[tuple[int, int | None, int, int | None, int | None]]:
    wanted = set(webhook_ids)
    rows = tx.rows(_LOCK, id_list(wanted))
    missing = wanted - {row[0] for row in rows}
    if missing:
        tx.run_many(_BEGIN, [(webhook_id, 0) for webhook_id in sorted(missing)])
        rows = tx.rows(_LOCK, id_list(wanted))  # somebody else may just have made one
    return rows


def claim_due_lanes(tx: Tx, now: int, *, slots: int, limit: int) -> list[DueLane]:
    """Return the lanes that have work due and a free slot, longest due first, locked.

    Units: microseconds since 1970.
    """
    return [
        DueLane(id_, (own or slots) - in_flight, held_until is not None, bool(again_is_next))
        for id_, in_flight, own, held_until, again_is_next in tx.rows(_DUE, now, now, slots, limit)
    ]


def take_slots(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Count one more in flight for each id given; an id may come several times."""
    counts = Counter(webhook_ids)
    tx.run_set(_TAKE, [(count, webhook_id) for webhook_id, count in sorted(counts.items())])


def release_slots(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Count one less in flight for each id given; an id may come several times.

    Whoever waits for a slot of these lanes is news.
    """
    counts = Counter(webhook_ids)
    lock_lanes_in_use(tx, counts)
    tx.run_set(_RELEASE, [(count, webhook_id) for webhook_id, count in sorted(counts.items())])
    ((due_at,),) = tx.rows(_WAITS, id_list(counts))
    if due_at is not None:
        tx.news.has_work_at(due_at)


def wake_lanes(tx: Tx, due_at: Mapping[int, int]) -> None:
    """Say for each webhook that a delivery waits from an instant on. Units: microseconds."""
    tx.run_many(_WAKE, [(at, webhook_id, at) for webhook_id, at in sorted(due_at.items())])
    for at in due_at.values():
        tx.news.has_work_at(at)


def tighten_lanes(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Make `due_at` the earliest waiting delivery's again, after some have left."""
    tx.run_set(_TIGHTEN, [(webhook_id,) for webhook_id in sorted(set(webhook_ids))])


def next_lane_due_at(tx: Tx, *, slots: int) -> int | None:
    """Return when the next lane with a free slot has work. Units: microseconds since 1970."""
    (row,) = tx.rows(_NEXT, slots)
    return row[0]  # type: ignore[no-any-return]


def hold_lanes(tx: Tx, until: Mapping[int, int]) -> None:
    """Let nothing leave by these lanes before an instant each: their breakers are open. Units: microseconds."""
    tx.run_many(_HOLD, [(at, webhook_id) for webhook_id, at in sorted(until.items())])


def hold_less(tx: Tx, until: Mapping[int, int]) -> None:
    """Look at those of these lanes that are held no later than an instant each. Units: microseconds."""
    if tx.run_many(_HOLD_LESS, [(at, id_, at) for id_, at in sorted(until.items())]) > 0:
        tx.news.has_work_at(min(until.values()))


def open_lanes(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Let everything leave by these lanes again: their breakers are closed."""
    ids = sorted(webhook_ids)
    if not ids:
        return
    tx.run_many(_HOLD, [(None, webhook_id) for webhook_id in ids])
    ((due_at,),) = tx.rows(_WAITS, id_list(ids))
    if due_at is not None:
        tx.news.has_work_at(due_at)


def keep_turns(tx: Tx, again_is_next: Mapping[int, bool]) -> None:
    """Remember whose turn it is in these lanes."""
    tx.run_many(_TURN, [(is_next, id_) for id_, is_next in sorted(again_is_next.items())])


def set_slots(tx: Tx, webhook_id: int, slots: int | None) -> None:
    """Let a webhook have as many slots; None: as many as the setting says. Whatever waits may leave."""
    if slots is None:
        tx.run(_USUAL_SLOTS, webhook_id)
    else:
        tx.run(_SET_SLOTS, webhook_id, 0, slots)
    ((due_at,),) = tx.rows(_WAITS, id_list([webhook_id]))
    if due_at is not None:
        tx.news.has_work_at(due_at)
