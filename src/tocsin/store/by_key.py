"""Rows by keys of several columns, many at once, each found by the index of these columns on both databases.

SQLite scans the table for `(a, b) IN (VALUES ...)` of more than one row; joined with the same values it looks each up.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa


def select_by_key(
    table: sa.Table, columns: Collection[str], keys: Collection[tuple[int, ...]]
) -> sa.Select[Any]:
    """Return what selects the rows that have one of these keys; there must be one."""
    wanted = sa.values(*(sa.column(name, sa.BigInteger) for name in columns), name="wanted")
    given = wanted.data(list(keys)).cte("given")
    is_given = sa.and_(*(table.c[name] == given.c[name] for name in columns))
    return sa.select(table).select_from(given.join(table, is_given))
