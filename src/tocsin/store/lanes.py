"""Lanes: one row per webhook, so that finding work never wades through another webhook's backlog.

`due_at` is no later than the lane's earliest waiting delivery, null when none waits; `in_flight`
counts the slots in use. Lanes are locked last of all, in order of webhook.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, among, id_list, insert_new, raw

_L, _D = schema.lanes, schema.deliveries
_BEGIN = insert_new(_L)
_LOCK = Statement(
    sa.select(_L.c.webhook_id, _L.c.due_at, _L.c.in_flight)
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
_DUE = Statement(
    sa.select(_L.c.webhook_id, _L.c.in_flight)
    .where(_L.c.due_at <= raw("now"), _L.c.in_flight < raw("slots"))
    .order_by(_L.c.due_at, _L.c.webhook_id)
    .limit(raw("limit"))
    .with_for_update(skip_locked=True),
    *("now", "slots", "limit"),
)
_WAITS = Statement(
    sa.select(sa.func.min(_L.c.due_at)).where(
        _L.c.due_at.is_not(None), among(_L.c.webhook_id, "webhook_ids")
    ),
    "webhook_ids",
)
_NEXT = Statement(
    sa.select(sa.func.min(_L.c.due_at)).where(
        _L.c.due_at.is_not(None), _L.c.in_flight < raw("slots")
    ),
    "slots",
)


def free_slots(tx: Tx, webhook_ids: Iterable[int], *, slots: int) -> dict[int, int]:
    """Return how many deliveries may leave at once by each lane; 0 where others wait already.

    A lane that does not exist yet is made.
    """
    return {
        webhook_id: slots - in_flight if due_at is None else 0
        for webhook_id, due_at, in_flight in lock_lanes(tx, webhook_ids)
    }


def lock_lanes(tx: Tx, webhook_ids: Iterable[int]) -> list[tuple[int, int | None, int]]:
    """Return (webhook, due_at, in_flight) of these lanes, locked; those that do not exist are made."""
    wanted = set(webhook_ids)
    rows = tx.rows(_LOCK, id_list(wanted))
    missing = wanted - {row[0] for row in rows}
    if missing:
        tx.run_many(_BEGIN, [(webhook_id, None, 0) for webhook_id in sorted(missing)])
        rows = tx.rows(_LOCK, id_list(wanted))  # somebody else may just have made one
    return rows


def claim_due_lanes(tx: Tx, now: int, *, slots: int, limit: int) -> dict[int, int]:
    """Return the free slots of each lane that has work due, longest due first, locked.

    Units: microseconds since 1970.
    """
    rows = tx.rows(_DUE, now, slots, limit)
    return {webhook_id: slots - in_flight for webhook_id, in_flight in rows}


def take_slots(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Count one more in flight for each id given; an id may come several times."""
    counts = Counter(webhook_ids)
    tx.run_many(_TAKE, [(count, webhook_id) for webhook_id, count in sorted(counts.items())])


def release_slots(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Count one less in flight for each id given; an id may come several times.

    Whoever waits for a slot of these lanes is news.
    """
    counts = Counter(webhook_ids)
    tx.run_many(_RELEASE, [(count, webhook_id) for webhook_id, count in sorted(counts.items())])
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
    tx.run_many(_TIGHTEN, [(webhook_id,) for webhook_id in sorted(set(webhook_ids))])


def next_lane_due_at(tx: Tx, *, slots: int) -> int | None:
    """Return when the next lane with a free slot has work. Units: microseconds since 1970."""
    (row,) = tx.rows(_NEXT, slots)
    return row[0]  # type: ignore[no-any-return]
