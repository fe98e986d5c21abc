"""The live feed: what was added, in commit order, so that a reader never misses a row."""

from datetime import datetime

from tocsin.store import schema
from tocsin.store.counters import FEED, next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import insert
from tocsin.stored_json import to_json

_INSERT = insert(schema.feed)


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
