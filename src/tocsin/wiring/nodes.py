"""What a server needs where other nodes share its store; an SQLite file has one server, and needs none of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tocsin.clock import Clock, MeasuredClock, Reading, read_machine_clock
from tocsin.engine.engine import Engine
from tocsin.engine.notices import Notices
from tocsin.engine.runner import LOOK_EVERY
from tocsin.service.keyring import Keyring
from tocsin.store.database import Database, Tx
from tocsin.store.migrate import Newer, newer_schema
from tocsin.store.notices import Notice, post_notices
from tocsin.store.schema import to_micros


def clock_of(database: Database) -> Clock:
    """Return the clock to go by: the store's, which all its nodes share; a file's is this machine's."""
    return MeasuredClock(clock_reader(database)())


def clock_reader(database: Database) -> Callable[[], Reading]:
    """Return what asks that clock for the time, which may take a while."""
    if database.is_sqlite:
        return read_machine_clock
    return lambda: database.read_clock(time.monotonic)


def schema_of(database: Database) -> Newer | None:
    """Return what the store is at, if this version does not know it."""
    with database.read() as tx:
        return newer_schema(tx)


def telling(database: Database, clock: Clock, *, run_id: int) -> Callable[[Tx], None] | None:
    """Return what tells other nodes of a transaction that is about to be committed."""
    if database.is_sqlite:
        return None

    def tell(tx: Tx) -> None:
        post_notices(tx, run_id=run_id, until=to_micros(clock.now() + LOOK_EVERY))

    return tell


@asynccontextmanager
async def hearing(
    database: Database, engine: Engine, keyring: Keyring, *, run_id: int
) -> AsyncIterator[None]:
    """Hear what other nodes tell for as long as the block lasts."""
    if database.is_sqlite:
        yield
        return
    loop = asyncio.get_running_loop()

    def heard(notice: Notice | None) -> None:
        engine.heard(notice)
        if notice is None or notice.has_new_keys:
            loop.call_soon_threadsafe(keyring.look_again)

    notices = Notices(database, run_id=run_id, on_notice=heard)
    notices.start()
    try:
        yield
    finally:
        await asyncio.to_thread(notices.stop)
