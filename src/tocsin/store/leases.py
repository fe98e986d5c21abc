"""What is being sent, and by which run: a row for all that one transaction leased, gone when all has ended.

An index of the deliveries that are being sent would say the same, and dirty two pages for each of
them; this costs a few rows a batch.
"""

import struct
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Row, Statement, among, id_list, insert, raw

_L = schema.leases
_R = schema.runs
_INSERT = insert(_L)
_END = Statement(
    _L.update().values(open=_L.c.open - raw("count")).where(_L.c.id == raw("id")), "count", "id"
)
_DROP_ENDED = Statement(
    _L.delete().where(among(_L.c.id, "ids"), _L.c.open <= sa.literal_column("0")), "ids"
)
_DROP = Statement(_L.delete().where(among(_L.c.id, "ids")), "ids")
_LIVES = sa.exists().where(_R.c.id == _L.c.run_id, _R.c.ended_at.is_(None)).correlate(_L)
_OF_DEAD_RUNS = Statement(
    sa.select(_L.c.id, _L.c.run_id, _L.c.deliveries)
    .where(_L.c.run_id != raw("run_id"), ~_LIVES)
    .order_by(_L.c.id)
    .limit(raw("limit"))
    .with_for_update(skip_locked=True, of=_L),
    *("run_id", "limit"),
)
_OF_RUN = Statement(
    sa.select(_L.c.id, _L.c.run_id, _L.c.deliveries)
    .where(_L.c.run_id == raw("run_id"))
    .order_by(_L.c.id),
    "run_id",
)


class Taken(NamedTuple):
    """What one transaction had leased: for which run, and which deliveries. Some may have ended since."""

    run_id: int
    delivery_ids: list[int]


def note_leased(tx: Tx, *, id_: int, run_id: int, delivery_ids: Sequence[int]) -> None:
    """Put on record that this run is sending these deliveries. None of them: there is nothing to note."""
    if delivery_ids:
        tx.run(_INSERT, id_, run_id, len(delivery_ids), _pack(delivery_ids))


def note_ended(tx: Tx, lease_ids: Iterable[int]) -> None:
    """Put on record that attempts have ended, each named by what it was leased with."""
    counts = Counter(lease_ids)
    tx.run_many(_END, [(count, id_) for id_, count in sorted(counts.items())])
    if counts:
        tx.run(_DROP_ENDED, id_list(counts))


def take_of_dead_runs(tx: Tx, *, run_id: int, limit: int) -> list[Taken]:
    """Remove up to `limit` rows of runs that have ended; return what each was of.

    Never of this run, which lives whatever others think of it.
    """
    return _take(tx, tx.rows(_OF_DEAD_RUNS, run_id, limit))


def take_forgotten(tx: Tx, *, run_id: int, held: Collection[int]) -> list[Taken]:
    """Remove the rows of this run that it does not know to hold; return what each was of."""
    return _take(tx, [row for row in tx.rows(_OF_RUN, run_id) if row[0] not in held])


def _take(tx: Tx, rows: Sequence[Row]) -> list[Taken]:
    if rows:
        tx.run(_DROP, id_list(row[0] for row in rows))
    return [Taken(run_id, _unpack(packed)) for _, run_id, packed in rows]


def _pack(ids: Sequence[int]) -> bytes:
    return struct.pack(f">{len(ids)}q", *ids)


def _unpack(packed: bytes) -> list[int]:
    return list(struct.unpack(f">{len(packed) // 8}q", packed))
