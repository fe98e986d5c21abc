"""The live feed: what was added, in commit order, so that a reader never misses a row."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.counters import FEED, next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import insert
from tocsin.stored_json import from_json, to_json

_F = schema.feed
_INSERT = insert(_F)
Key = tuple[Any, ...]
"""What was added: its kind, the incident that it is about or 0, and the rest of its row's key."""


class FeedRow(NamedTuple):
    """What one transaction added."""

    position: int
    at: datetime
    keys: list[Key]


def publish(tx: Tx, now: datetime) -> int | None:
    """Give what this transaction added its position; call it last, once. Returns the position.

    The counter's row stays locked until the commit, so positions become visible in order.
    """
    if not tx.news.feed:
        return None
    position = next_number(tx, FEED)
    save_number(tx, FEED, position + 1)
    tx.run(_INSERT, position, to_micros(now), to_json(tx.news.feed))
    return position


def read_feed(tx: Tx, *, since: int, limit: int) -> list[FeedRow]:
    """Return the rows from a position on, the oldest first."""
    return _rows(tx, sa.select(_F).where(_F.c.position >= since).order_by(_F.c.position), limit)


def read_feed_back(tx: Tx, *, until: int, limit: int) -> list[FeedRow]:
    """Return the rows up to a position, the newest first."""
    newest_first = sa.select(_F).where(_F.c.position <= until).order_by(_F.c.position.desc())
    return _rows(tx, newest_first, limit)


def _rows(tx: Tx, select: sa.Select[Any], limit: int) -> list[FeedRow]:
    return [
        FeedRow(row.position, row.at, [tuple(key) for key in from_json(row.entries)])
        for row in tx.core.execute(select.limit(limit))
    ]
