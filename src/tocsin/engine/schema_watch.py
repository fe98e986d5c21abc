"""The schema, looked at now and then: a newer node may have migrated it while this one runs."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from tocsin.store.database import is_store_failure
from tocsin.store.migrate import Newer, NewerSchema

LOOK_EVERY = timedelta(seconds=30)
logger = logging.getLogger(__name__)


class SchemaWatch:
    """Where nodes share a store; an SQLite file has one server, so nobody else migrates it. On the loop."""

    def __init__(self, read: Callable[[], Newer | None]) -> None:
        """`read` looks at the store, which takes a while."""
        self._read = read
        self._watching: asyncio.Task[None] | None = None
        self.newer: Newer | None = None
        """What the store is at, if this version does not know it."""
        self.on_refused: Callable[[], None] = lambda: None
        """Told when this version cannot use it, so that nothing more may be done here."""

    def begin(self) -> None:
        """Look from now on."""
        self._watching = asyncio.create_task(self._go_on(), name="tocsin-schema")

    def end(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    @property
    def refusal(self) -> NewerSchema | None:
        """Why this version must stop; None: it may go on."""
        return self.newer.refusal if self.newer else None

    async def _go_on(self) -> None:
        while True:
            try:
                self.judge(await asyncio.to_thread(self._read))
            except Exception as error:
                if not is_store_failure(error):
                    logger.exception("schema.not_looked_at")
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    def judge(self, newer: Newer | None) -> None:
        """Say once what was found."""
        if newer == self.newer or newer is None:
            return
        self.newer = newer
        facts = {"revision": newer.revision, "can_go_on": self.refusal is None}
        logger.warning("schema.newer", extra=facts)
        if self.refusal is not None:
            self.on_refused()
