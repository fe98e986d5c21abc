"""The real server, in this process, and waiting for it to have done everything."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TextIO, TypeVar
from urllib.parse import urlsplit

from tocsin.actions.incident_set import Context
from tocsin.actions.pause import resume
from tocsin.ids import IdSource
from tocsin.settings import Settings
from tocsin.store.database import Tx
from tocsin.wiring.logs import LogMask, set_up_logs
from tocsin.wiring.opening import Store
from tocsin.wiring.serving import Running, running

T = TypeVar("T")
WRITER = "tocsin-writer"
"""The name of the thread that owns the database."""
LOG = "tocsin.log"
_LOOK_AGAIN = 0.005  # seconds: the last moment of a run is known to this


@asynccontextmanager
async def serving(settings: Settings, *, paused: bool = False) -> AsyncIterator[Running]:
    """Run the whole product, HTTP server included, for as long as the block lasts.

    It logs as `tocsin serve` does, to a file in its home.
    """
    mask = LogMask()
    with (settings.home / LOG).open("w") as log, _logging_to(log, settings, mask):
        async with running(settings, paused=paused, log_mask=mask) as server:
            yield server


@contextmanager
def _logging_to(log: TextIO, settings: Settings, mask: LogMask) -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    set_up_logs(settings.log_format, mask, stream=log)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def port_of(server: Running) -> int:
    """Return where it listens."""
    port = urlsplit(server.url).port
    assert port is not None
    return port


async def write(server: Running, work: Callable[[Tx], T]) -> T:
    """Let `work` join the server's next commit."""
    return await asyncio.wrap_future(server.engine.writer.submit(work))


async def go_on(server: Running) -> None:
    """Resume a server that was started paused."""
    await write(server, lambda tx: resume(tx, context_of(server.store, tx), actor="bench"))


def context_of(store: Store, tx: Tx, now: datetime | None = None) -> Context:
    """Return what changes of incidents need. Units: `now` is aware UTC, the present if not given."""
    return Context(
        configuration=store.cache.current(tx),
        versions=store.cache.versions,
        now=now or datetime.now(UTC),
        ids=_IDS,
    )


_IDS = IdSource(node=2)


async def calm(server: Running) -> None:
    """Wait until everything that is due has been done, and is on record."""
    engine = server.engine
    while not (
        engine.runner.is_idle
        and engine.courier.in_flight == 0
        and engine.courier.unrecorded == 0
        and engine.writer.waiting == 0
        and len(engine.inbox) == 0
    ):
        await asyncio.sleep(_LOOK_AGAIN)
