"""The live feed: what was added, in commit order, so that a reader never misses a row."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.domain.feed import Place
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


class Added(NamedTuple):
    """A key in the feed: where it stands, and when its transaction was about to be committed."""

    place: Place
    at: datetime
    key: Key

    @property
    def kind(self) -> str:
        return str(self.key[0])

    @property
    def incident(self) -> int:
        return int(self.key[1])

    @property
    def rest(self) -> Key:
        """What finds the row, with the incident."""
        return self.key[1:]


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


def read_feed_back(
    tx: Tx, *, until: int, limit: int, since: int = 0, incident: int | None = None
) -> list[FeedRow]:
    """Return the rows up to a position, the newest first.

    Of an incident: those from `since` on that name it, which the database finds out by reading all of these.
    """
    select = sa.select(_F).where(_F.c.position <= until, _F.c.position >= since)
    if incident is not None:
        select = select.where(_F.c.entries.contains(f'",{incident},'))  # behind a kind
    return _rows(tx, select.order_by(_F.c.position.desc()), limit)


def find_position_instant(tx: Tx, position: int) -> datetime | None:
    """Return when a transaction was about to be committed; None: its row is gone, or there was none."""
    at: datetime | None = tx.core.scalar(sa.select(_F.c.at).where(_F.c.position == position))
    return at


def _rows(tx: Tx, select: sa.Select[Any], limit: int) -> list[FeedRow]:
    return [
        FeedRow(row.position, row.at, [tuple(key) for key in from_json(row.entries)])
        for row in tx.core.execute(select.limit(limit))
    ]
