"""Deliveries from the latest on, in bounded work, however many there are and whatever is asked of them.

Nothing is indexed for this: ids grow with time, and a walk over those of the last while costs less than
an index that each delivery would have to be written into. docs/adr/0030 has the figures.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import Outcome
from tocsin.ids import first_id_at
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Delivery, find_deliveries
from tocsin.store.schema import from_micros, instant_or_none
from tocsin.store.statement import Statement, among, id_list, raw

_D, _A = schema.deliveries, schema.attempts
WITHIN: Final = 20_000
"""How many deliveries one walk passes at the most; about 2 ms."""

_FIRST_ATTEMPTS: Final = Statement(
    sa.select(
        *(_D.c.webhook_id, _D.c.planned_at, _D.c.created_at),
        *(_A.c.started_at, _A.c.first_byte_at, _A.c.ended_at, _A.c.outcome),
    )
    .select_from(
        _D.outerjoin(
            _A, sa.and_(_A.c.delivery_id == _D.c.id, _A.c.number == sa.literal_column("1"))
        )
    )
    .where(_D.c.id >= raw("first"), _D.c.id < raw("end"), _D.c.step.is_not(None))
    .order_by(_D.c.id)
    .limit(raw("limit")),
    *("first", "end", "limit"),
)
_OF_DELIVERIES: Final = Statement(
    sa.select(
        *(_A.c.delivery_id, _A.c.number, _A.c.started_at, _A.c.ended_at),
        *(_A.c.outcome, _A.c.status_code),
    )
    .where(among(_A.c.delivery_id, "ids"))
    .order_by(_A.c.started_at.desc(), _A.c.delivery_id.desc(), _A.c.number.desc())
    .limit(raw("limit")),
    *("ids", "limit"),
)


class Walked(NamedTuple):
    """The ids found, the latest first, and below which id nobody has looked; None: there are no more."""

    ids: list[int]
    unseen_below: int | None


class TriedOfEach(NamedTuple):
    """The ids found of each webhook, the latest first, and whether every delivery on record was passed."""

    ids: dict[int, list[int]]
    are_all: bool


class EndedAttempt(NamedTuple):
    """An attempt that has ended, without what it was told."""

    delivery_id: int
    number: int
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    status: int | None


class FirstAttempt(NamedTuple):
    """A delivery of a step and its first attempt; what is None has not taken place."""

    webhook_id: int
    planned_at: datetime
    fired_at: datetime
    started_at: datetime | None
    first_byte_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None


def walk_deliveries(
    tx: Tx,
    *,
    webhook_ids: Sequence[int] | None = None,
    state: DeliveryState | None = None,
    incident: int | None = None,
    is_test: bool | None = None,
    is_tried: bool = False,
    before: int | None = None,
    limit: int,
    within: int = WITHIN,
) -> Walked:
    """Return up to `limit` deliveries below `before`, of the `within` latest there.

    `is_tried`: only those that have an attempt.
    """
    if incident is not None:  # there is an index by it
        wanted = sa.select(_D.c.id).where(
            _D.c.incident == incident, *_conditions(_D.c, webhook_ids, state, is_tried=is_tried)
        )
        if before is not None:
            wanted = wanted.where(_D.c.id < before)
        ids = list(tx.core.scalars(wanted.order_by(_D.c.id.desc()).limit(limit)))
        return Walked(ids, ids[-1] if len(ids) == limit else None)
    recent = sa.select(_D.c.id, _D.c.webhook_id, _D.c.state, _D.c.incident, _D.c.attempts)
    if before is not None:
        recent = recent.where(_D.c.id < before)
    part = recent.order_by(_D.c.id.desc()).limit(within).subquery()
    wanted = sa.select(part.c.id).where(*_conditions(part.c, webhook_ids, state, is_tried=is_tried))
    if is_test is not None:
        wanted = wanted.where(part.c.incident.is_(None) == is_test)
    ids = list(tx.core.scalars(wanted.order_by(part.c.id.desc()).limit(limit)))
    if len(ids) == limit:
        return Walked(ids, ids[-1])
    beyond = sa.select(_D.c.id)
    if before is not None:
        beyond = beyond.where(_D.c.id < before)
    first_unseen = tx.core.scalar(beyond.order_by(_D.c.id.desc()).limit(1).offset(within))
    return Walked(ids, None if first_unseen is None else first_unseen + 1)


def _conditions(
    columns: Any, webhook_ids: Sequence[int] | None, state: DeliveryState | None, *, is_tried: bool
) -> list[Any]:
    found = []
    if webhook_ids is not None:
        found.append(columns.webhook_id.in_(list(webhook_ids)))
    if state is not None:
        found.append(columns.state == state.value)
    if is_tried:
        found.append(columns.attempts > 0)
    return found


def latest_tried_of_each(tx: Tx, *, each: int, within: int) -> TriedOfEach:
    """Return up to `each` deliveries of every webhook that have an attempt, of the `within` latest of all."""
    columns = (_D.c.id, _D.c.webhook_id, _D.c.attempts)
    recent = sa.select(*columns).order_by(_D.c.id.desc()).limit(within + 1)
    rows = tx.core.execute(recent).all()
    found: dict[int, list[int]] = {}
    for id_, webhook_id, attempts in rows[:within]:
        ids = found.setdefault(webhook_id, [])
        if attempts and len(ids) < each:
            ids.append(id_)
    return TriedOfEach(found, are_all=len(rows) <= within)


def list_ended_attempts(tx: Tx, delivery_ids: Iterable[int], *, limit: int) -> list[EndedAttempt]:
    """Return the latest attempts at deliveries that have ended, the earliest of them first."""
    found = [
        EndedAttempt(
            delivery_id=id_,
            number=number,
            started_at=from_micros(started_at),
            ended_at=from_micros(ended_at),
            outcome=Outcome(outcome),
            status=status,
        )
        for id_, number, started_at, ended_at, outcome, status in tx.rows(
            _OF_DELIVERIES, id_list(delivery_ids), limit
        )
    ]
    return found[::-1]


def in_order(tx: Tx, ids: Sequence[int]) -> list[Delivery]:
    """Return deliveries in the order of their ids given."""
    found = find_deliveries(tx, ids)
    return [found[id_] for id_ in ids if id_ in found]


def count_waiting_of(tx: Tx, webhook_id: int, *, most: int) -> int:
    """Return how many deliveries wait for an attempt at a webhook; `most` of them are counted."""
    waiting = sa.select(_D.c.id).where(_D.c.webhook_id == webhook_id, _D.c.due_at.is_not(None))
    counted = sa.select(sa.func.count()).select_from(waiting.limit(most).subquery())
    return int(tx.core.scalar(counted) or 0)


def sample_first_attempts(
    tx: Tx, since: datetime, until: datetime, *, limit: int
) -> list[FirstAttempt]:
    """Return what the first steps that fired from `since` on, before `until`, came to."""
    rows = tx.rows(_FIRST_ATTEMPTS, first_id_at(since), first_id_at(until), limit)
    return [
        FirstAttempt(
            webhook_id=webhook_id,
            planned_at=from_micros(planned_at),
            fired_at=from_micros(created_at),
            started_at=instant_or_none(started_at),
            first_byte_at=instant_or_none(first_byte_at),
            ended_at=instant_or_none(ended_at),
            outcome=Outcome(outcome) if outcome else None,
        )
        for webhook_id, planned_at, created_at, started_at, first_byte_at, ended_at, outcome in rows
    ]
