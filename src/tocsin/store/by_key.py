"""Rows by keys of several columns, many at once, each found by the index of these columns on both databases.

SQLite scans the table for `(a, b) IN (VALUES ...)` of more than one row, and to compile a statement of so many
values takes longer than to run it. So the keys are one parameter, a JSON array of arrays.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tocsin.store.database import Tx
from tocsin.stored_json import to_json


def rows_by_key(
    tx: Tx, table: sa.Table, columns: Collection[str], keys: Collection[tuple[int, ...]]
) -> sa.CursorResult[Any]:
    """Return the rows that have one of these keys, in no order."""
    given = sa.literal(to_json(list(keys)), sa.Text)
    if tx.is_sqlite:
        each = sa.func.json_each(given).table_valued("value", name="given")
        parts: list[sa.ColumnElement[Any]] = [
            sa.func.json_extract(each.c.value, f"$[{n}]") for n in range(len(columns))
        ]
    else:
        each = sa.func.json_array_elements(sa.cast(given, postgresql.JSON)).table_valued(
            "value", name="given"
        )
        parts = [
            sa.cast(each.c.value.op("->>")(sa.literal(n, sa.Integer)), sa.BigInteger)
            for n in range(len(columns))
        ]
    is_given = sa.and_(*(table.c[name] == part for name, part in zip(columns, parts, strict=True)))
    return tx.core.execute(sa.select(table).select_from(each.join(table, is_given)))
