"""Columns of rows as PostgreSQL's arrays, written as text: the driver's own lists cost three times as much."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

WriteArray = Callable[[Iterable[Any]], str]


def array_writer(type_: sa.types.TypeEngine[Any]) -> WriteArray:
    """Return what writes values of a column's type, as the driver takes them, as one array.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    stored = type_.dialect_impl(_DIALECT)
    if isinstance(stored, sa.LargeBinary):
        return _bytes_array
    return _text_array if isinstance(stored, sa.String) else _plain_array


_DIALECT = sa.dialects.postgresql.dialect()  # type: ignore[no-untyped-call]


def _plain_array(values: Iterable[int | bool | None]) -> str:
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"


def _text_array(values: Iterable[str | None]) -> str:
    return f"{{{','.join(['NULL' if value is None else _quoted(value) for value in values])}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bytes_array(values: Iterable[bytes | None]) -> str:
    texts = ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]
    return f"{{{','.join(texts)}}}"
