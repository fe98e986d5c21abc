"""How PostgreSQL is connected to, so that nothing waits for it for ever.

It may be slow, hang, be cut off without a word, become somebody's standby, or let nobody in. Each of
these ends within seconds as a failure of the store, and whoever wanted something tries again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 8.0
"""After which the server gives up a statement, or a transaction that does nothing, and its locks."""
ANSWER_SECONDS: Final = 10.0
"""After which a server that has not answered is taken for gone, with its connection."""
LOCK_SECONDS: Final = 3.0
"""How long a change of a table may wait for who uses it: everybody else waits behind it."""
IN_UTF8: Final = {"client_encoding": "utf8"}
"""How to connect, whatever PGCLIENTENCODING or the database say: what is stored has every character."""
_KEEP_ALIVE: Final = {
    # Where the system allows: a peer that is off, or behind a cable that is out, is noticed.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
_TIMEOUTS: Final = ("statement_timeout", "idle_in_transaction_session_timeout")
_READ_ONLY: Final = "25006"
_DEADLOCK: Final = "40P01"
_LOCK_NOT_AVAILABLE: Final = "55P03"


def limit_waiting(engine: sa.Engine) -> None:
    """Let every connection of this engine have the limits that stand above; a URL may say others."""
    sa.event.listen(engine, "do_connect", _connect)


def take_time(core: sa.Connection) -> None:
    """Lift the limits until this transaction ends."""
    for name in _TIMEOUTS:
        core.exec_driver_sql(f"SET LOCAL {name} = 0")
    _driver_connection(core).is_patient = True


@contextmanager
def patience_ends(core: sa.Connection) -> Iterator[None]:
    """End what `take_time` began, behind the commit: that, too, may take long."""
    driver = _driver_connection(core)
    try:
        yield
    finally:
        if getattr(driver, "is_patient", False):
            driver.is_patient = False


def wait_briefly(core: sa.Connection) -> None:
    """Let nothing wait long for a lock until this transaction ends; see `is_locked_out`."""
    core.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}")


def is_locked_out(error: BaseException) -> bool:
    """Return whether a lock did not come free in the time that `wait_briefly` gives."""
    return _state(error) == _LOCK_NOT_AVAILABLE


def is_read_only(error: BaseException) -> bool:
    """Return whether the server takes no changes: it has become a standby, and another one leads."""
    return _state(error) == _READ_ONLY


def is_deadlock(error: BaseException) -> bool:
    """Return whether the server undid a transaction because it and another one waited for each other."""
    return _state(error) == _DEADLOCK


def _state(error: BaseException) -> str | None:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return getattr(cause, "sqlstate", None)


def _connect(_dialect: object, _record: object, args: list[Any], given: dict[str, Any]) -> Any:
    connection = _limited().connect(
        *args, **_KEEP_ALIVE | {"connect_timeout": CONNECT_SECONDS} | given
    )
    try:
        connection.autocommit = True  # else the settings would end with their transaction
        for name in _TIMEOUTS:
            connection.execute(f"SET {name} = {STATEMENT_SECONDS * 1000:.0f}")
        # Compiling one costs 100 ms, and the writer's settings make a small table's scan seem dear.
        connection.execute("SET jit = off")
        connection.autocommit = False
    except Exception:
        connection.close()
        raise
    return connection


def _driver_connection(core: sa.Connection) -> Any:
    return core.connection.driver_connection


@cache
def _limited() -> "type[Connection[Any]]":
    """Return the class of our connections; who has an SQLite file need not load the driver."""
    from psycopg import Connection, OperationalError  # noqa: PLC0415
    from psycopg.pq import TransactionStatus  # noqa: PLC0415

    class Limited(Connection[Any]):
        """A connection that is closed when the server has not answered for too long."""

        is_patient = False

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            if timeout is not None or self.is_patient:
                return super().wait(gen, interval, timeout)
            try:
                return super().wait(gen, interval, ANSWER_SECONDS)
            except OperationalError as error:
                if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                    raise
                # An answer may still come, to a question that nobody asks any more.
                self.pgconn.finish()
                text = f"the server has not answered for {ANSWER_SECONDS:.0f} s"
                raise OperationalError(text) from error

    return Limited
