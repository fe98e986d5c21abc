"""Copying a store: every row arrives as it was, from SQLite to PostgreSQL and back, or nothing does."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import drop_databases, new_database, on_sqlite

from tocsin.store.copying import (
    TABLES,
    CopyDiffers,
    CopyFailed,
    OtherRevision,
    StoreNotEmpty,
    copy_rows,
    explaining,
    make_ready,
    one_instant,
    refuse_other_revision,
)
from tocsin.store.database import Database, Tx
from tocsin.store.migrate import HEAD, migrate, schema_version

Rows = dict[str, list[tuple[Any, ...]]]
_numbers = count(1)
# U+FFFD is what a U+0000 becomes; a key that had both would be there twice.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=12
) | st.sampled_from(["", "\\", "\\N", "\t\n\r\b", "a\0b", "0", "\\x00"])


def silent(_what: str, _done: int, _of: int | None) -> None:
    """Nobody listens."""


def values(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    """Anything that a column may hold."""
    kind = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
    found: st.SearchStrategy[Any]
    match kind:
        case sa.Boolean():
            found = st.booleans()
        case sa.BigInteger():
            found = st.integers(-(1 << 63), (1 << 63) - 1)
        case sa.Integer():
            found = st.integers(-(1 << 31), (1 << 31) - 1)
        case sa.LargeBinary():
            found = st.binary(max_size=12)
        case _:
            assert isinstance(kind, sa.Text), column
            found = TEXT
    return st.none() | found if column.nullable else found


STORES = st.fixed_dictionaries(
    {table.name: st.lists(st.tuples(*map(values, table.columns)), max_size=2) for table in TABLES}
)


def fill(database: Database, rows: Rows) -> None:
    """Put rows in, but for those that a unique index does not let in."""
    with database.write() as tx:
        for table in TABLES:
            marks = ", ".join("?" for _ in table.columns)
            for row in rows[table.name]:
                tx.core.exec_driver_sql(f"INSERT OR IGNORE INTO {table.name} VALUES ({marks})", row)


def content(tx: Tx) -> Rows:
    """Every row, as the database has it, in an order that both databases have."""
    return {
        table.name: sorted(
            (
                tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)
                for row in tx.core.execute(sa.text(_select(table)))
            ),
            key=repr,
        )
        for table in TABLES
    }


def _select(table: sa.Table) -> str:
    # As numbers on both: SQLite has no booleans.
    names = (
        f"CAST({column.name} AS INTEGER)" if isinstance(column.type, sa.Boolean) else column.name
        for column in table.columns
    )
    return f"SELECT {', '.join(names)} FROM {table.name}"


def without_nul(rows: Rows) -> Rows:
    return {
        name: sorted(
            (
                tuple(
                    each.replace("\0", "\ufffd") if isinstance(each, str) else each for each in row
                )
                for row in table
            ),
            key=repr,
        )
        for name, table in rows.items()
    }


@contextmanager
def undone(database: Database) -> Iterator[Tx]:
    """A transaction of which nothing is left."""
    engine = database._writers
    with engine.connect() as core, core.begin() as transaction:
        yield Tx(core)
        transaction.rollback()


@pytest.fixture(scope="module")
def empty_postgresql(postgresql_url: str) -> Iterator[Database]:
    """An empty database with all tables."""
    made = Database(new_database(postgresql_url, "copied"))
    with made.write() as tx:
        migrate(tx)
    yield made
    made.close()
    drop_databases(postgresql_url, "copied")


@settings(
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(rows=STORES)
def test_every_row_arrives_as_it_was(
    tmp_path: Path, empty_postgresql: Database, rows: Rows
) -> None:
    """From SQLite to PostgreSQL and back: texts, bytes, booleans, nulls, the largest numbers."""
    number = next(_numbers)
    with (
        closing(on_sqlite(tmp_path / f"{number}.db")) as ours,
        closing(on_sqlite(tmp_path / f"{number}-back.db")) as back,
    ):
        fill(ours, rows)
        with undone(empty_postgresql) as theirs:
            with ours.read() as tx:
                there, copied = content(tx), copy_rows(tx, theirs, told=silent)
            assert content(theirs) == without_nul(there)
            with back.write() as tx:
                returned = copy_rows(theirs, tx, told=silent)
                assert content(tx) == without_nul(there)
        assert [table[:3] for table in copied] == [table[:3] for table in returned]
        assert {table.name: table.rows for table in copied} == {
            name: len(table) for name, table in there.items()
        }
        lost = sum(
            any(isinstance(each, str) and "\0" in each for each in row)
            for table in there.values()
            for row in table
        )
        assert sum(table.repaired for table in copied) == lost


def _one_alert(database: Database, entity_id: str = "disk") -> None:
    with database.write() as tx:
        tx.core.exec_driver_sql(
            "INSERT INTO alerts VALUES (1, 2, NULL, ?, 'CRITICAL', 'db', '{}', '[]', 'opened')",
            (entity_id,),
        )


def test_what_arrives_changed_is_found(tmp_path: Path, empty_postgresql: Database) -> None:
    """As many rows are not enough: each is read back."""
    with closing(on_sqlite(tmp_path / "tocsin.db")) as ours:
        _one_alert(ours)
        with undone(empty_postgresql) as theirs, ours.read() as tx:
            theirs.core.exec_driver_sql(
                "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN NEW.received_at = NEW.received_at + 1; RETURN NEW; END $$"
            )
            theirs.core.exec_driver_sql(
                "CREATE TRIGGER spoil BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION spoil()"
            )
            with pytest.raises(CopyDiffers, match="alerts") as refused:
                copy_rows(tx, theirs, told=silent)
            assert refused.value.fields == {"table": "alerts"}


def test_what_the_database_refuses_is_told_without_what_was_in_the_row(
    tmp_path: Path, empty_postgresql: Database
) -> None:
    """Its first line only: what follows quotes the row."""
    with closing(on_sqlite(tmp_path / "tocsin.db")) as ours:
        _one_alert(ours, "a-secret-place")
        with undone(empty_postgresql) as theirs, ours.read() as tx:
            theirs.core.exec_driver_sql("ALTER TABLE alerts ADD CHECK (entity_id = 'other')")
            with pytest.raises(CopyFailed, match="check constraint") as refused, explaining():
                copy_rows(tx, theirs, told=silent)
    assert "a-secret-place" not in refused.value.message


def test_only_an_empty_database_is_filled(postgresql_url: str) -> None:
    """Not one that has a row, nor one whose tables are somebody else's; and it is left as it was.

    Filling it may take as long as it needs.
    """
    with closing(Database(new_database(postgresql_url, "filled"))) as there:
        with there.write() as tx:
            make_ready(tx)  # empty
            assert schema_version(tx) == HEAD
        with there.write() as tx:
            make_ready(tx)  # but for its tables
            assert tx.core.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
            tx.core.exec_driver_sql("INSERT INTO counters VALUES ('incident', 2)")
        with pytest.raises(StoreNotEmpty, match="counters"), there.write() as tx:
            make_ready(tx)
        with there.write() as tx:
            tx.core.exec_driver_sql("DELETE FROM counters")
            tx.core.exec_driver_sql("DROP TABLE alembic_version")
        with pytest.raises(StoreNotEmpty, match="alert_fates"), there.write() as tx:
            make_ready(tx)
    drop_databases(postgresql_url, "filled")


def test_a_database_of_another_revision_is_not_copied(tmp_path: Path) -> None:
    """It says which version has to run on it first."""
    with closing(Database(f"sqlite:///{tmp_path / 'old.db'}")) as old:
        with old.write() as tx:
            migrate(tx, to="0011")
        with old.read() as tx, pytest.raises(OtherRevision, match="start the server") as refused:
            refuse_other_revision(tx)
    assert refused.value.fields == {"database": "0011", "known": HEAD}


def test_what_is_read_is_one_instant(database: Database) -> None:
    """A row that is committed meanwhile is not seen, on either store; and its writer does not wait."""
    with one_instant(database) as tx:
        assert tx.core.scalar(sa.text("SELECT count(*) FROM counters")) == 0
        with database.write() as other:
            other.core.exec_driver_sql("INSERT INTO counters VALUES ('feed', 1)")
        assert tx.core.scalar(sa.text("SELECT count(*) FROM counters")) == 0


def test_no_table_is_forgotten(empty_postgresql: Database) -> None:
    """What migrations make is what is copied: a table that nobody declared would be left behind."""
    with empty_postgresql.read() as tx:
        there = set(sa.inspect(tx.core).get_table_names())
    assert there == {table.name for table in TABLES} | {"alembic_version"}
