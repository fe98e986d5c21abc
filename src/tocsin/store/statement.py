"""Statements of the three pipelines: written in Core, compiled once per dialect, executed by the driver.

`Connection.execute` costs 5.5 us a row where the driver's own `executemany` costs 0.7, and a delivery
is a dozen rows. Nothing else should need this module: ordinary statements go through `tx.core`.

Parameters are positional, in the order in which they stand in the statement; a value is what the
driver takes (instants are microseconds, booleans are booleans).
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors

from tocsin.store.arrays import IdList, WriteArray, array_writer

Row = Sequence[Any]

_DIALECTS: Final = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": postgresql.psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}


class Statement:
    """One statement, ready for each dialect; `parameters` names the places in order.

    `sqlite_index` is the index that SQLite must take, where it cannot know which of two is the small one.
    """

    __slots__ = ("_element", "_for_rows", "_texts", "parameters")

    def __init__(
        self, statement: sa.sql.Executable, *parameters: str, sqlite_index: sa.Index | None = None
    ) -> None:
        """Compile for both dialects. Raises: ValueError, when `parameters` is not the statement's order."""
        self.parameters = parameters
        self._element = statement
        self._for_rows: ForRows | None = None
        self._texts = {name: self._compile(statement, name, parameters) for name in _DIALECTS}
        if sqlite_index is not None and sqlite_index.table is not None:
            table = f"FROM {sqlite_index.table.name} "
            taking = f"{table}INDEXED BY {sqlite_index.name} "
            self._texts["sqlite"] = self._texts["sqlite"].replace(table, taking)

    def _compile(self, statement: Any, dialect_name: str, parameters: Sequence[str]) -> str:
        compiled = statement.compile(
            dialect=_DIALECTS[dialect_name], compile_kwargs={"literal_binds": True}
        )
        order = tuple(compiled.positiontup or ())
        if order != tuple(parameters):
            raise ValueError(f"the statement takes {order}, not {parameters}: {compiled}")
        return str(compiled)

    def text(self, dialect_name: str) -> str:
        return self._texts[dialect_name]

    @property
    def for_rows(self) -> "ForRows":
        """The same INSERT or UPDATE for many rows at once, on PostgreSQL."""
        if self._for_rows is None:
            self._for_rows = self._make_for_rows()
        return self._for_rows

    def _make_for_rows(self) -> "ForRows":
        """Put the columns of rows that are given as arrays in the place of the parameters."""
        element: Any = self._element
        of_table = {name: each.type for name, each in element.table.columns.items()}
        types = [of_table.get(name, sa.BigInteger()) for name in self.parameters]
        arrays = (
            sa.cast(raw(name), postgresql.ARRAY(type_))
            for name, type_ in zip(self.parameters, types, strict=True)
        )
        given = sa.func.unnest(*arrays).table_valued(
            *map(sa.column, self.parameters, types), name="given"
        )
        given = given.render_derived()
        if element.is_insert:
            made = sa.insert(element.table).from_select(self.parameters, sa.select(given))
        else:
            replace: Any = partial(_column_for, given=given)
            made = visitors.replacement_traverse(element, {}, replace)
        text = self._compile(made, "postgresql", self.parameters)
        return ForRows(text, tuple(map(array_writer, types)))


class ForRows(NamedTuple):
    """A statement that takes an array a parameter, and what writes each of them."""

    text: str
    writers: tuple[WriteArray, ...]

    def arrays(self, rows: Sequence[Row]) -> list[str]:
        """Return the parameters; there must be a row."""
        columns = zip(*rows, strict=True)
        return [write(column) for write, column in zip(self.writers, columns, strict=True)]


def _column_for(part: Any, *, given: Any, **_: object) -> Any:
    """Return the column of `given` that replaces a parameter; None for whatever else there is."""
    return given.c[part.bind.key] if isinstance(part, _Parameter) else None


def insert(table: sa.Table, *columns: str) -> Statement:
    """Return the statement that inserts rows of `columns`, or of all columns, in that order."""
    names = columns or tuple(table.columns.keys())
    return Statement(table.insert().inline().values({name: raw(name) for name in names}), *names)


def insert_new(table: sa.Table, *columns: str) -> Statement:
    """Return the statement that inserts rows as `insert` does, and passes over those whose key exists."""
    names = columns or tuple(table.columns.keys())
    new = postgresql.insert(table).inline().values({name: raw(name) for name in names})
    # Both databases spell it alike.
    return Statement(new.on_conflict_do_nothing(), *names)


class _Parameter(sa.sql.expression.ColumnElement[Any]):
    """A place for a value; all else that has a value is written into the text."""

    inherit_cache = False

    def __init__(self, name: str, type_: Any = None) -> None:
        self.bind = sa.bindparam(name, type_=type_)


@compiles(_Parameter)
def _parameter(element: _Parameter, compiler: Any, **kw: Any) -> str:
    kw.pop("literal_binds", None)
    return str(compiler.process(element.bind, **kw))


def raw(name: str) -> Any:
    """Return a parameter whose value goes to the driver as it is."""
    return _Parameter(name)


class _Among(sa.sql.expression.ColumnElement[bool]):
    """`column` is one of a list that is given as one parameter, a JSON array."""

    inherit_cache = False

    def __init__(self, column: Any, name: str, *, postgresql_list: str) -> None:
        self.column = column
        self.parameter = _Parameter(name)
        self.postgresql_list = postgresql_list


def among(column: Any, name: str) -> Any:
    """Return the condition that `column` is in the list made by `id_list`, a single parameter."""
    # An array, so that PostgreSQL can look each up in an index.
    return _Among(column, name, postgresql_list="= ANY ({})")


def among_texts(column: Any, name: str) -> Any:
    """Return the condition that `column` is in the list made by `text_list`, a single parameter."""
    return _Among(column, name, postgresql_list="IN (SELECT json_array_elements_text({}::json))")


def id_list(ids: Iterable[int]) -> IdList:
    """Return the parameter that `among` takes, on either database."""
    return IdList(f"[{','.join(map(str, ids))}]")


def text_list(texts: Iterable[str]) -> str:
    """Return the parameter that `among_texts` takes, on either database."""
    return json.dumps(list(texts))


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **kw: Any) -> str:
    column, parameter = (
        compiler.process(part, **kw) for part in (element.column, element.parameter)
    )
    return f"{column} IN (SELECT value FROM json_each({parameter}))"  # noqa: S608 - no values in it


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **kw: Any) -> str:
    column, parameter = (
        compiler.process(part, **kw) for part in (element.column, element.parameter)
    )
    return f"{column} {element.postgresql_list.format(parameter)}"


class _IsOneOf(sa.sql.expression.ColumnElement[bool]):
    """`column` is among the rows of a correlated sub-select with a limit."""

    inherit_cache = False

    def __init__(self, column: Any, rows: Any) -> None:
        self.column = column
        self.rows = rows


def heads(column: Any, rows: Any) -> Any:
    """Return the condition that `column` is in `rows`, evaluated once per outer row on both databases.

    PostgreSQL looks rows up by key for `= ANY (ARRAY(...))`, but scans for `IN (... LIMIT n)`.
    """
    return _IsOneOf(column, rows)


@compiles(_IsOneOf, "sqlite")
def _heads_sqlite(element: _IsOneOf, compiler: Any, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} IN {compiler.process(element.rows, **kw)}"


@compiles(_IsOneOf, "postgresql")
def _heads_postgresql(element: _IsOneOf, compiler: Any, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY (ARRAY{compiler.process(element.rows, **kw)})"
