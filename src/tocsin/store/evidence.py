"""What a proof reads that no API tells: the order of commits, and what runs that died left open."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.database import Database, Tx
from tocsin.stored_json import from_json

_A, _T, _F = schema.attempts, schema.timeline, schema.feed
_D, _E = schema.deliveries, schema.escalations


class Acknowledged(NamedTuple):
    """An acknowledgement, and how many attempts of its incident were under way as it committed."""

    incident: int
    in_flight: int


class Evidence(NamedTuple):
    """What is on record."""

    feed: list[tuple[Any, ...]]
    """Everything that was added, in the order of commits: kinds and keys of rows."""
    acknowledged: dict[int, Acknowledged]
    """By the id of the timeline's row."""
    taken_over: dict[int, datetime]
    """When the last attempt that each run left open was closed."""


def is_empty(database: Database) -> bool:
    """Return whether there is no table where this database's tables would be."""
    with database.read() as tx:
        return not sa.inspect(tx.core).get_table_names()


def count_unfinished(tx: Tx) -> int:
    """Return how many steps are going to fire and how many deliveries have not ended, at one instant."""
    steps = sa.select(sa.func.count()).where(_E.c.due_at.is_not(None)).scalar_subquery()
    states = [DeliveryState.PENDING.value, DeliveryState.SENDING.value]
    waiting = sa.select(sa.func.count()).where(_D.c.state.in_(states)).scalar_subquery()
    return int(tx.core.execute(sa.select(steps + waiting)).scalar_one())


def read_evidence(tx: Tx) -> Evidence:
    """Return all of it. Reads whole tables: for small databases."""
    unknown = (
        sa.select(_A.c.run_id, sa.func.max(_A.c.ended_at))
        .where(_A.c.outcome == Outcome.UNKNOWN.value)
        .group_by(_A.c.run_id)
    )
    taken_over = {row[0]: row[1] for row in tx.core.execute(unknown)}
    return Evidence(list(_feed(tx)), _acknowledged(tx), taken_over)


def _feed(tx: Tx) -> Iterator[tuple[Any, ...]]:
    for (entries,) in tx.core.execute(sa.select(_F.c.entries).order_by(_F.c.position)):
        yield from map(tuple, from_json(entries))


def _acknowledged(tx: Tx) -> dict[int, Acknowledged]:
    select = sa.select(_T.c.id, _T.c.incident, _T.c.detail)
    rows = tx.core.execute(select.where(_T.c.kind == Kind.ACKNOWLEDGED.value))
    return {
        id_: Acknowledged(incident, int(from_json(detail).get("in_flight", 0)))
        for id_, incident, detail in rows
    }
