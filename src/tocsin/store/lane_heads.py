"""What waits in lanes: the heads of those that are due, what an open breaker looks at, and taking some of it.

None of it wades through what waits: each statement looks at the ends of an index.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from tocsin.domain.breaker import Waiting
from tocsin.domain.delivery import DeliveryState
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease
from tocsin.store.schema import FIRST_INDEX, IS_FIRST, from_micros, instant_or_none
from tocsin.store.statement import Statement, among, heads, id_list, raw

_D, _B, _L = schema.deliveries, schema.bodies, schema.lanes
_PENDING, _SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
_waiting = _D.alias("waiting")
_FIRST: sa.ColumnElement[int] = sa.literal_column("1")
_AGAIN: sa.ColumnElement[int] = sa.literal_column("0")
_HEAD = (
    *(_D.c.id, _D.c.webhook_id, _D.c.incident, _D.c.body_id, _D.c.attempts),
    *(_D.c.first_attempt_at, _D.c.planned_at, _D.c.attempts_before, _D.c.step, _B.c.form),
)
_SEEN: Final = 256
"""How many of those that have been due longest, and shortest, a look considers: as much as a tick does."""


def _heads() -> Any:
    first = (
        sa.select(_waiting.c.id)
        .where(_waiting.c.webhook_id == _L.c.webhook_id, _waiting.c.due_at <= raw("now"))
        .order_by(_waiting.c.due_at, _waiting.c.id)
        .limit(raw("head_slots"))
        .correlate(_L)
        .scalar_subquery()
    )
    return (
        sa.select(*_HEAD, sa.case((IS_FIRST, _FIRST), else_=_AGAIN).label("is_first"))
        .select_from(_L.join(_D, heads(_D.c.id, first)).join(_B, _B.c.id == _D.c.body_id))
        # The state again: on PostgreSQL the row may have been cancelled since the statement began.
        .where(among(_L.c.webhook_id, "webhook_ids"), _D.c.state == _PENDING)
        .order_by(_L.c.due_at, _L.c.webhook_id, _D.c.due_at, _D.c.id)
        .limit(raw("limit"))
        .with_for_update(of=_D, skip_locked=True)
    )


_HEADS = Statement(_heads(), "now", "head_slots", "webhook_ids", "limit")
_THESE = Statement(
    sa.select(*_HEAD, _FIRST.label("is_first"))
    .select_from(_D.join(_B, _B.c.id == _D.c.body_id))
    .where(among(_D.c.id, "ids"), _D.c.due_at <= raw("now"), _D.c.state == _PENDING)
    .with_for_update(of=_D, skip_locked=True),
    *("ids", "now"),
)
_TAKE = Statement(
    _D.update()
    .values(
        state=_SENDING,
        due_at=sa.null(),
        attempts=_D.c.attempts + 1,
        first_attempt_at=sa.func.coalesce(_D.c.first_attempt_at, raw("first_at")),
        attempt_started_at=raw("started_at"),
        run_id=raw("run_id"),
    )
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING),
    *("first_at", "started_at", "run_id", "id"),
)


def _first(*, is_newest: bool) -> Any:
    """Find them by their own index: its condition is written out."""
    order = (_D.c.due_at.desc(), _D.c.id.desc()) if is_newest else (_D.c.due_at, _D.c.id)
    return (
        sa.select(_D.c.id, _D.c.due_at, _FIRST, _D.c.first_attempt_at)
        .where(_D.c.webhook_id == raw("webhook_id"), _D.c.due_at.is_not(None), IS_FIRST)
        .where(_D.c.due_at <= raw("now"))
        .order_by(*order)
        .limit(raw("limit"))
    )


_LONGEST_FIRST = Statement(
    _first(is_newest=False), "webhook_id", "now", "limit", sqlite_index=FIRST_INDEX
)
_NEWEST_FIRST = Statement(
    _first(is_newest=True), "webhook_id", "now", "limit", sqlite_index=FIRST_INDEX
)


def _due(*order: Any) -> Any:
    return (
        sa.select(
            *(_D.c.id, _D.c.due_at),
            sa.case((IS_FIRST, _FIRST), else_=_AGAIN),
            _D.c.first_attempt_at,
        )
        .where(_D.c.webhook_id == raw("webhook_id"), _D.c.due_at <= raw("now"))
        .order_by(*order)
        .limit(raw("limit"))
    )


_LONGEST = Statement(_due(_D.c.due_at, _D.c.id), "webhook_id", "now", "limit")
_LATEST = Statement(_due(_D.c.due_at.desc(), _D.c.id.desc()), "webhook_id", "now", "limit")


class Head(NamedTuple):
    """A delivery that may be leased, locked. Units: microseconds since 1970."""

    id: int
    webhook_id: int
    incident: int | None
    body_id: int
    attempts: int
    first_attempt_at: int | None
    planned_at: int
    attempts_before: int | None
    step: int | None
    form: bytes
    is_first: int
    """1: as in `tocsin.domain.breaker.Waiting`; 0: it follows another attempt."""


def find_heads(tx: Tx, slots: Mapping[int, int], *, now: int, limit: int) -> list[Head]:
    """Return those due longest in each lane, oldest lane first: as many as any of them has slots.

    Units: `slots` maps a webhook's id to its free slots; `now` is microseconds since 1970.
    """
    rows = tx.rows(_HEADS, now, max(slots.values(), default=0), id_list(slots), limit)
    return list(map(Head._make, rows))


def lock_heads(tx: Tx, ids: Sequence[int], *, now: int) -> list[Head]:
    """Return those of these deliveries that are still due, in this order. Units: microseconds since 1970."""
    found = {row[0]: Head._make(row) for row in tx.rows(_THESE, id_list(ids), now)}
    return [found[id_] for id_ in ids if id_ in found]


def list_first(tx: Tx, webhook_id: int, *, now: int, limit: int) -> list[Waiting]:
    """Return what nobody has tried yet, due longest first. Units: microseconds since 1970."""
    return _read(tx.rows(_LONGEST_FIRST, webhook_id, now, limit))


def find_newest_first(tx: Tx, webhook_id: int, *, now: int) -> Waiting | None:
    """Return the latest that nobody has tried yet. Units: microseconds since 1970."""
    return next(iter(_read(tx.rows(_NEWEST_FIRST, webhook_id, now, 1))), None)


def list_again(tx: Tx, webhook_id: int, *, now: int) -> list[Waiting]:
    """Return attempts that follow others, due longest first: of many only those at either end.

    What somebody sends again by hand is at the other end. Units: microseconds since 1970.
    """
    rows = tx.rows(_LONGEST, webhook_id, now, _SEEN)
    if len(rows) == _SEEN:
        seen = {row[0] for row in rows}
        latest = reversed(tx.rows(_LATEST, webhook_id, now, _SEEN))
        rows += [row for row in latest if row[0] not in seen]
    return [each for each in _read(rows) if not each.is_first]


def late_heads(chosen: Iterable[Head], too_late_before: Mapping[int, int]) -> set[int]:
    """Return the ids of those that are not sent any more.

    What a step made and nobody has tried is too late if it was planned before its webhook's instant in
    `too_late_before`; what a person wants sent is not. Units: microseconds since 1970.
    """
    if not too_late_before:
        return set()
    return {
        head.id
        for head in chosen
        if head.attempts == 0
        and head.attempts_before is None
        and head.step is not None
        and head.planned_at < too_late_before.get(head.webhook_id, head.planned_at)
    }


def take_heads(
    tx: Tx, taken: Iterable[Head], *, lease_id: int, now: int, run_id: int
) -> list[Lease]:
    """Begin the next attempt of each. Units: microseconds since 1970."""
    leases = [
        Lease(
            id=lease_id,
            delivery_id=head.id,
            webhook_id=head.webhook_id,
            incident=head.incident,
            attempt=head.attempts + 1,
            started_at=now,
            first_attempt_at=head.first_attempt_at or now,
            planned_at=head.planned_at,
            body_id=head.body_id,
            form=head.form,
            signed_text=None,
            attempts_before=head.attempts_before or 0,
        )
        for head in taken
    ]
    tx.run_set(_TAKE, [(now, now, run_id, lease.delivery_id) for lease in leases])
    return leases


def _read(rows: Iterable[Sequence[Any]]) -> list[Waiting]:
    return [
        Waiting(id_, from_micros(due_at), bool(is_first), instant_or_none(first_attempt_at))
        for id_, due_at, is_first, first_attempt_at in rows
    ]
