"""Lists as PostgreSQL's arrays, written as text: the driver's own cost three times as much."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_BIGINT_ARRAY = 1016  # https://www.postgresql.org/docs/current/catalog-pg-type.html
WriteArray = Callable[[Iterable[Any]], str]


def array_writer(type_: sa.types.TypeEngine[Any]) -> WriteArray:
    """Return what writes values of a column's type, as the driver takes them, as one array.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    stored = type_.dialect_impl(_DIALECT)
    if isinstance(stored, sa.LargeBinary):
        return _bytes_array
    return _text_array if isinstance(stored, sa.String) else _plain_array


_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


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


class IdList(str):
    """A list of ids: JSON for SQLite, and for PostgreSQL, whose driver was told, an array."""

    __slots__ = ()


def tell_driver(connection: Any) -> None:
    """Let a connection of psycopg take lists of ids."""
    # Imported here: SQLite's servers need no psycopg, which takes long to import.
    from psycopg.adapt import Dumper  # noqa: PLC0415

    class IdListDumper(Dumper):
        oid = _BIGINT_ARRAY

        def dump(self, obj: IdList) -> bytes:
            return b"{%b}" % obj[1:-1].encode()

    connection.adapters.register_dumper(IdList, IdListDumper)
