"""Numbers that are given once."""

from typing import Any

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, insert_new, raw

_C = schema.counters
INCIDENT = "incident"
FEED = "feed"
_BEGIN = insert_new(_C)
_READ = Statement(sa.select(_C.c.value).where(_C.c.name == raw("name")).with_for_update(), "name")
_SAVE = Statement(
    _C.update().values(value=raw("value")).where(_C.c.name == raw("name")), "value", "name"
)


def next_number(tx: Tx, name: str, *, first: int = 1) -> int:
    """Return the number to be given next, and keep others out until the transaction ends.

    A new counter begins at `first`. Whoever gives numbers calls `save_number` with what comes next.
    """
    rows: list[tuple[Any, ...]] = tx.rows(_READ, name)
    if not rows:
        tx.run(_BEGIN, name, first)  # unless somebody else just did
        rows = tx.rows(_READ, name)
    return int(rows[0][0])


def save_number(tx: Tx, name: str, number: int) -> None:
    """Let the next transaction go on with `number`."""
    tx.run(_SAVE, number, name)
