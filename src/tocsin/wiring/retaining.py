"""The retention, for as long as a server runs that keeps nothing for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin.clock import Clock
from tocsin.engine.engine import Engine
from tocsin.engine.retention import Retention
from tocsin.metrics import Metrics
from tocsin.settings import Settings
from tocsin.store.database import Database


@asynccontextmanager
async def retaining(
    database: Database, engine: Engine, clock: Clock, metrics: Metrics, settings: Settings
) -> AsyncIterator[None]:
    """Remove what is over for too long, beside everything else, while the block lasts."""
    if settings.retention is None:
        yield
        return
    retention = Retention(
        database, engine.writer, clock, keep=settings.retention, count=metrics.retention
    )
    retention.start()
    try:
        yield
    finally:
        await retention.stop()
