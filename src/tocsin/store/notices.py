"""What nodes that share a store tell each other with a commit: PostgreSQL's NOTIFY, once a transaction.

A notice may be lost, with the connection that it would have come by. It only makes others quicker:
whoever hears of nothing looks for what is due every few seconds.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import sqlalchemy as sa

from tocsin.store.database import Database, Tx
from tocsin.store.postgresql import limit_waiting

_CHANNEL = "tocsin"
_MOST_ATTEMPTS = 150
"""In one notice, which may have 8,000 bytes."""
_ASK_EVERY = 5.0  # seconds
_NOTIFY = sa.text("SELECT pg_notify(:channel, :notice)")


class Notice(NamedTuple):
    """What a transaction of another node made true."""

    run_id: int
    due_at: int | None
    """When there is something new to do. Units: microseconds since 1970."""
    cancelled: tuple[tuple[int, int], ...]
    """Attempts, by delivery and number, whose first byte must not leave any more."""
    has_new_keys: bool
    """Whether alert keys were made or revoked."""


def post_notices(tx: Tx, *, run_id: int, until: int) -> None:
    """Tell other nodes what this transaction did, as far as it cannot wait until they look.

    Units: `until` is microseconds since 1970; for work that is due later everybody looks in time.
    """
    news = tx.news
    due_at = news.work_due_at
    if due_at is not None and due_at >= until:
        due_at = None
    if due_at is None and not news.cancelled and not news.alert_keys:
        return
    for begin in range(0, len(news.cancelled) or 1, _MOST_ATTEMPTS):
        part = tuple(news.cancelled[begin : begin + _MOST_ATTEMPTS])
        notice = Notice(run_id, due_at, part, bool(news.alert_keys))
        tx.core.execute(_NOTIFY, {"channel": _CHANNEL, "notice": json.dumps(notice)})


def hear_notices(
    database: Database, *, wait_seconds: float, monotonic: Callable[[], float]
) -> Iterator[Notice | None]:
    """Yield what is told from now on, and None whenever nothing was for so long.

    The first is None: from then on nothing is missed. Raises: the driver's errors, when the connection
    is lost.
    """
    engine = sa.create_engine(database.url, poolclass=sa.pool.NullPool)
    limit_waiting(engine)
    pooled = engine.raw_connection()
    try:
        connection = cast("Any", pooled.driver_connection)
        connection.autocommit = True
        connection.execute(f"LISTEN {_CHANNEL}")
        yield None
        asked = monotonic()
        while True:
            for heard in connection.notifies(timeout=wait_seconds):
                yield _read(heard.payload)
            yield None
            if monotonic() - asked > _ASK_EVERY:  # silence may be a connection that leads nowhere
                connection.execute("SELECT 1")
                asked = monotonic()
    finally:
        pooled.invalidate()  # closed as it is: what was lost cannot be reset, and would be logged as a bug


def _read(text: str) -> Notice:
    run_id, due_at, cancelled, has_new_keys = json.loads(text)
    return Notice(run_id, due_at, tuple((id_, number) for id_, number in cancelled), has_new_keys)
