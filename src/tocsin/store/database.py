"""Connections and transactions: the one place that knows which database this is."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar, cast

import sqlalchemy as sa

from tocsin.clock import Reading
from tocsin.store.arrays import tell_driver
from tocsin.store.postgresql import (
    IN_UTF8,
    is_read_only,
    limit_waiting,
    patience_ends,
    take_time,
)
from tocsin.store.statement import Row, Statement

T = TypeVar("T")
_FEW = 3
"""Fewer rows than these are quicker one by one."""


class Tx:
    """A transaction: `core` for ordinary statements, the others for compiled ones.

    `news` holds what the commit will make true for others: see `News`.
    """

    __slots__ = ("_cursor", "_dialect", "core", "is_sqlite", "news")

    def __init__(self, core: sa.Connection) -> None:
        self.core = core
        self.news = News()
        self._dialect = core.dialect.name
        self.is_sqlite = self._dialect == "sqlite"
        connection = core.connection.driver_connection
        assert connection is not None
        self._cursor = connection.cursor()

    def run(self, statement: Statement, *values: Any) -> int:
        """Execute once; return how many rows it changed."""
        self._cursor.execute(statement.text(self._dialect), values)
        return int(self._cursor.rowcount)

    def run_many(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Execute once a row; return how many rows were changed in all."""
        if not rows:
            return 0
        self._cursor.executemany(statement.text(self._dialect), rows)
        return int(self._cursor.rowcount)

    def run_set(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Execute for all rows at once where that is quicker; return how many rows were changed in all.

        No two may be about the same row of the table, and PostgreSQL locks what it changes in any order.
        """
        if self.is_sqlite or len(rows) < _FEW:
            return self.run_many(statement, rows)
        made = statement.for_rows
        self._cursor.execute(made.text, made.arrays(rows))
        return int(self._cursor.rowcount)

    def rows(self, statement: Statement, *values: Any) -> list[tuple[Any, ...]]:
        """Execute a select; return all its rows."""
        self._cursor.execute(statement.text(self._dialect), values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def take_time(self) -> None:
        """Let PostgreSQL take as long as it needs until this transaction ends: a migration, a copy."""
        if not self.is_sqlite:
            take_time(self.core)

    def apart(self, work: Callable[[], T]) -> "T | Failed":
        """Do a part that is undone alone when it fails; a failure of the store is raised."""
        mark = self.mark()
        try:
            done = work()
        except Exception as error:
            if is_store_failure(error):
                raise
            self.undo(mark)
            return Failed(error)
        self.keep(mark)
        return done

    def mark(self) -> "Mark":
        """Begin a part that can be undone alone."""
        self._cursor.execute("SAVEPOINT part")
        news = self.news
        lengths = len(news.cancelled), len(news.feed), len(news.alert_keys), len(news.silenced)
        hurried, skipped_late = len(news.hurried), len(news.skipped_late)
        more = hurried, skipped_late, len(news.follow_ups), len(news.fates)
        return Mark(*lengths, news.work_due_at, news.withdrawn, *more)

    def keep(self, _mark: "Mark") -> None:
        """End the part that `mark` began; it is now part of the transaction."""
        self._cursor.execute("RELEASE SAVEPOINT part")

    def undo(self, mark: "Mark") -> None:
        """Undo everything since `mark`."""
        self._cursor.execute("ROLLBACK TO SAVEPOINT part")
        self._cursor.execute("RELEASE SAVEPOINT part")
        del self.news.cancelled[mark.cancelled :]
        del self.news.feed[mark.feed :]
        del self.news.alert_keys[mark.alert_keys :]
        self.news.work_due_at = mark.work_due_at
        del self.news.silenced[mark.silenced :]
        del self.news.follow_ups[mark.follow_ups :]
        self.news.withdrawn = mark.withdrawn
        del self.news.hurried[mark.hurried :]
        del self.news.skipped_late[mark.skipped_late :]
        del self.news.fates[mark.fates :]


@dataclass(frozen=True, slots=True)
class Failed:
    """A part that was undone, and why."""

    error: Exception


_OF_THE_STORE = frozenset({"OperationalError", "InterfaceError", "InternalError"})


def is_store_failure(error: BaseException) -> bool:
    """Return whether the store failed (disk full, connection lost), rather than the work asked of it.

    By name: the drivers' own errors and SQLAlchemy's, which wrap them, have the same ones; psycopg's have
    more special names, and these as their bases. SQLAlchemy's TimeoutError: no connection came free.
    """
    if isinstance(error, sa.exc.TimeoutError):
        return True
    return any(each.__name__ in _OF_THE_STORE for each in type(error).__mro__)


class Mark(NamedTuple):
    """Where a part of a transaction began."""

    cancelled: int
    feed: int
    alert_keys: int
    silenced: int
    work_due_at: int | None
    withdrawn: int
    hurried: int
    skipped_late: int
    follow_ups: int
    fates: int


class News:
    """What a transaction changed that somebody waits for; to be looked at after it committed."""

    __slots__ = (
        "alert_keys",
        "cancelled",
        "fates",
        "feed",
        "follow_ups",
        "group_size",
        "has_overwritten",
        "hurried",
        "silenced",
        "skipped_late",
        "withdrawn",
        "work_due_at",
    )

    def __init__(self) -> None:
        self.cancelled: list[tuple[int, int]] = []
        """Attempts, by delivery and number, whose first byte must not leave any more."""
        self.feed: list[tuple[str | int, ...]] = []
        """What was added, for the live feed: a kind and the key of the row."""
        self.alert_keys: list[tuple[bytes, bool]] = []
        """Alert keys by their hashes, in order, and whether each lets senders in from now on."""
        self.work_due_at: int | None = None
        """The earliest instant (microseconds) at which there is something new to do."""
        self.silenced: list[int] = []
        """The incidents that got nobody left to page."""
        self.hurried: list[tuple[int, str]] = []
        """The incidents of which a step fired before its time, and why."""
        self.skipped_late: list[int] = []
        """Deliveries that were too late to be sent."""
        self.follow_ups: list[str] = []
        """What webhooks are to be told of changes, by name."""
        self.fates: list[tuple[int, str]] = []
        """Of each alert that came by a key: which one, and its fate."""
        self.withdrawn = 0
        """How many deliveries that waited were cancelled."""
        self.group_size = 0
        """How many pieces of work were committed together."""
        self.has_overwritten = False
        """Whether secrets were put in the place of others, of which nothing is to be left on disk."""

    def has_work_at(self, due_at: int) -> None:
        if self.work_due_at is None or due_at < self.work_due_at:
            self.work_due_at = due_at


_BUSY_TIMEOUT = "busy_timeout = 5000"  # milliseconds
_CONNECTION_SECONDS = 5  # in which another one's connection must come free


class Database:
    """A database. `write` and `read` are the only ways in, and both are a transaction."""

    def __init__(self, url: str | sa.URL) -> None:
        """Units: an SQLAlchemy URL, `sqlite:///FILE` or `postgresql+psycopg://...`."""
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writers = self._engine(pool_size=1 if self.is_sqlite else 4)
        self._readers = self._engine(pool_size=4)
        if self.is_sqlite:
            sa.event.listen(self._writers, "connect", _set_up_writer)
            sa.event.listen(self._writers, "begin", _begin_immediate)
            sa.event.listen(self._readers, "connect", _set_up_reader)
            sa.event.listen(self._readers, "begin", _begin)
        else:
            for each in (self._writers, self._readers):
                sa.event.listen(each, "connect", _take_id_lists)
            sa.event.listen(self._writers, "connect", _look_up_by_key)
            limit_waiting(self._writers)
            limit_waiting(self._readers)

    def _engine(self, *, pool_size: int) -> sa.Engine:
        return sa.create_engine(
            self.url,
            poolclass=sa.pool.QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_CONNECTION_SECONDS,
            # A server that was away is back, and its old connections lead nowhere.
            pool_pre_ping=not self.is_sqlite,
            connect_args={"check_same_thread": False} if self.is_sqlite else IN_UTF8,
            hide_parameters=True,  # an error's text goes into a log
        )

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """Return the SQLite database in a file, whatever its name holds."""
        return cls(sa.URL.create("sqlite", database=str(file)))

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that commits when the block ends, and rolls back when it raises."""
        try:
            with self._writers.connect() as core, patience_ends(core), core.begin():
                yield Tx(core)
        except Exception as error:
            if is_read_only(error):
                self._connect_anew()
            raise

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that changes nothing; on SQLite it never waits for a writer."""
        with self._readers.begin() as core:
            yield Tx(core)

    def empty_log(self) -> bool:
        """Move what SQLite's log of writes holds into the database and leave the log without a byte.

        Only then what was overwritten is nowhere in these files. False while a reader needs the log:
        try again. For use by whoever writes, between transactions. PostgreSQL keeps its log itself.
        """
        if not self.is_sqlite:
            return True
        pooled = self._writers.raw_connection()
        try:
            connection = cast("sqlite3.Connection", pooled.driver_connection)
            connection.execute("PRAGMA busy_timeout = 0")  # nobody waits for this
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute(f"PRAGMA {_BUSY_TIMEOUT}")
        finally:
            pooled.close()
        return not is_busy

    def read_clock(self, monotonic: Callable[[], float]) -> Reading:
        """Ask PostgreSQL for the time. Units: `monotonic` returns seconds."""
        with self._readers.connect() as connection:
            asked = monotonic()
            at = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            return Reading(at.astimezone(UTC), asked, monotonic())

    def _connect_anew(self) -> None:
        """Ask again who leads: connections outlive a failover, and the server at their end only reads."""
        self._writers.dispose()
        self._readers.dispose()

    def close(self) -> None:
        self._writers.dispose()
        self._readers.dispose()


def _set_up_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver's default opens none on SELECT
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a commit is on disk before it is believed
        _BUSY_TIMEOUT,
        "cache_size = -65536",  # KiB
        "wal_autocheckpoint = 4000",  # pages
        "temp_store = MEMORY",
        "secure_delete = ON",  # zeros in the place of what is deleted: it may be a secret
    ):
        connection.execute(f"PRAGMA {pragma}")


def _set_up_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (_BUSY_TIMEOUT, "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _take_id_lists(connection: Any, _record: object) -> None:
    tell_driver(connection)


def _look_up_by_key(connection: Any, _record: object) -> None:
    """Let PostgreSQL find rows by their keys, and in the order given, however few a table had at first.

    A plan that is kept from then would scan a table that has a million now.
    """
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        connection.execute(f"SET {setting} = off")
    connection.commit()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
