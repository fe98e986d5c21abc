"""The newest id in the database, from which a starting server goes on."""

import sqlalchemy as sa

from tocsin.store import schema, schema_configuration
from tocsin.store.database import Tx
from tocsin.stored_json import from_json

_F = schema.feed
# Importing it declares its tables; all of them that are kept by nothing but an id are asked.
_TABLES = [
    table
    for table in schema_configuration.teams.metadata.sorted_tables
    if [column.name for column in table.primary_key] == ["id"]
]


def find_newest_id(tx: Tx) -> int:
    """Return the largest id that was ever given and is still there; 0 in an empty database.

    It costs one look at the end of each table. The timeline, which is kept by incident, has no such
    end: there the feed, which names every entry in commit order, tells the newest one.
    """
    ends = sa.union_all(*(sa.select(sa.func.max(table.c.id).label("id")) for table in _TABLES))
    newest = tx.core.scalar(sa.select(sa.func.max(ends.subquery().c.id)))
    return max(newest or 0, _newest_timeline_id(tx))


def _newest_timeline_id(tx: Tx) -> int:
    with_timeline = (
        sa.select(_F.c.entries)
        .where(_F.c.entries.contains('"timeline"'))
        .order_by(_F.c.position.desc())
        .limit(1)
    )
    entries = from_json(tx.core.scalar(with_timeline) or "[]")
    return max((id_ for kind, _, id_, *_ in entries if kind == "timeline"), default=0)
