"""Copying every row of a database into an empty one of either kind, and proving that all of it arrived.

A table is read in the order of its primary key and never held in memory. Of each row a hash is taken, of
what was read and again of what the other database gives back; a table's digest is their sum, because the
two databases sort texts differently.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NamedTuple

import psycopg
import sqlalchemy as sa

from tocsin.errors import TocsinError
from tocsin.store import schema_configuration
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Database, Tx
from tocsin.store.migrate import HEAD, migrate, schema_version
from tocsin.store.postgresql import IN_UTF8
from tocsin.store.snapshot import Told

_BATCH: Final = 5_000
_MODULUS: Final = 1 << 128
TABLES: Final = tuple(schema_configuration.teams.metadata.sorted_tables)
Values = tuple[Any, ...]


class StoreNotEmpty(TocsinError):
    """The database that is to be filled holds something."""

    code: ClassVar[str] = "store_not_empty"
    status_hint: ClassVar[int] = 409


class OtherRevision(TocsinError):
    """The database that is to be copied has another schema than this version works with."""

    code: ClassVar[str] = "other_revision"
    status_hint: ClassVar[int] = 409


class CopyFailed(TocsinError):
    """A database failed while rows were copied."""

    code: ClassVar[str] = "copy_failed"
    status_hint: ClassVar[int] = 500


class CopyDiffers(TocsinError):
    """What arrived is not what was sent."""

    code: ClassVar[str] = "copy_differs"
    status_hint: ClassVar[int] = 500


class CopiedTable(NamedTuple):
    """A table that was copied: how many rows it has, and the digest of them on both sides."""

    name: str
    rows: int
    digest: str
    repaired: int = 0
    """Rows in which a U+0000 became U+FFFD, because PostgreSQL has no place for one."""


@contextmanager
def one_instant(database: Database) -> Iterator[Tx]:
    """A transaction that reads the whole database as it is at one instant; nobody waits for it."""
    if database.is_sqlite:
        with database.read() as tx:
            yield tx
        return
    engine = sa.create_engine(
        database.url, poolclass=sa.pool.NullPool, hide_parameters=True, connect_args=IN_UTF8
    )
    how: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**how) as core, core.begin():
        yield Tx(core)


@contextmanager
def explaining() -> Iterator[None]:
    """Explain what a driver says while rows are copied. Raises: CopyFailed."""
    try:
        yield
    except (psycopg.Error, sqlite3.Error, sa.exc.DBAPIError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        told = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise CopyFailed(
            f"a database failed meanwhile ({told}), so nothing was changed; mend that, and try again",
            cause=told,
        ) from error


def refuse_other_revision(tx: Tx) -> None:
    """Raises: OtherRevision, unless the schema is the one that this version works with."""
    at = schema_version(tx)
    if at != HEAD:
        raise OtherRevision(
            f"the database is at revision {at or 'none'} and this version of Tocsin works with {HEAD}: "
            "start the server of this version on it once, which brings it there, or use the version "
            "that used it last",
            database=at,
            known=HEAD,
        )


def make_ready(tx: Tx) -> None:
    """Make the tables of an empty database, and keep servers out until the transaction ends.

    Raises: StoreNotEmpty, NewerSchema, OtherRevision.
    """
    if schema_version(tx) is None:
        there = set(sa.inspect(tx.core).get_table_names()) & {table.name for table in TABLES}
        if there:
            raise _not_empty(min(there))
    migrate(tx)
    tx.take_time()  # where there was nothing to migrate, too: a large table takes minutes
    refuse_other_revision(tx)
    lock_configuration(tx)  # a server that starts now waits for this, and finds what it brought
    for table in TABLES:
        if tx.core.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)):
            raise _not_empty(table.name)


def copy_rows(source: Tx, target: Tx, *, told: Told) -> list[CopiedTable]:
    """Copy every table into one that is empty, and read it back. Raises: CopyDiffers.

    Both have the same schema; `told` hears the table, and how many of its rows were written.
    """
    copied = [_copy(source, target, table, told) for table in TABLES]
    for table, sent in zip(TABLES, copied, strict=True):
        arrived = _Tally()
        for batch in _read(target, table):
            arrived.take(batch)
        if (arrived.rows, arrived.digest) != (sent.rows, sent.digest):
            raise CopyDiffers(
                f"of the table {table.name} {sent.rows} rows were sent and {arrived.rows} came back, and "
                "they are not the same: nothing was changed; report this",
                table=table.name,
            )
    if not target.is_sqlite:  # or the first queries are planned for empty tables
        target.core.exec_driver_sql("ANALYZE")
    return copied


class _Tally:
    """Counts rows, and sums their hashes up."""

    def __init__(self) -> None:
        self.rows = 0
        self.repaired = 0
        self._sum = 0

    def take(self, batch: list[Values]) -> list[Values]:
        """Count these rows; return them as they can be stored anywhere."""
        total, taken = 0, []
        for row in batch:
            values, text = row, repr(row)
            if "\\x00" in text and values != (storable := tuple(map(_storable, row))):
                values, text = storable, repr(storable)
                self.repaired += 1
            total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest())
            taken.append(values)
        self.rows += len(batch)
        self._sum = (self._sum + total) % _MODULUS
        return taken

    @property
    def digest(self) -> str:
        return f"{self._sum:032x}"


def _storable(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _copy(source: Tx, target: Tx, table: sa.Table, told: Told) -> CopiedTable:
    tally = _Tally()

    def batches() -> Iterator[list[Values]]:
        for batch in _read(source, table):
            yield tally.take(batch)
            told(table.name, tally.rows, None)

    _write(target, table, batches())
    return CopiedTable(table.name, tally.rows, tally.digest, tally.repaired)


def _driver(tx: Tx) -> Any:
    connection = tx.core.connection.driver_connection
    assert connection is not None
    return connection


def _read(tx: Tx, table: sa.Table) -> Iterator[list[Values]]:
    select = sa.select(*table.columns).order_by(*table.primary_key.columns)
    connection = _driver(tx)
    # A named cursor is PostgreSQL's own: psycopg's usual one would fetch the whole table.
    cursor = connection.cursor() if tx.is_sqlite else connection.cursor(name="tocsin_copy")
    truths = [isinstance(column.type, sa.Boolean) for column in table.columns]
    try:
        cursor.execute(str(select.compile(dialect=tx.core.dialect)))
        while batch := cursor.fetchmany(_BATCH):
            yield [_with_truths(row, truths) for row in batch] if any(truths) else batch
    finally:
        cursor.close()


def _with_truths(row: Values, truths: Sequence[bool]) -> Values:
    """Return a row whose booleans are such: SQLite keeps 0 and 1."""
    return tuple(
        bool(value) if is_truth and value is not None else value
        for value, is_truth in zip(row, truths, strict=True)
    )


def _write(tx: Tx, table: sa.Table, batches: Iterator[list[Values]]) -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    if tx.is_sqlite:
        marks = ", ".join("?" for _ in table.columns)
        for batch in batches:
            _driver(tx).executemany(
                f"INSERT INTO {table.name} ({columns}) VALUES ({marks})",  # noqa: S608 - our own names
                batch,
            )
        return
    with (
        _driver(tx).cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
    ):
        for batch in batches:
            for row in batch:
                copy.write_row(row)


def _not_empty(table: str) -> StoreNotEmpty:
    return StoreNotEmpty(
        f"that database holds something already (in the table {table}): name one that is new and empty",
        table=table,
    )
