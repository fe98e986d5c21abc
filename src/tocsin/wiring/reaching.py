"""Waiting for a database that does not answer yet: a machine that starts may be earlier than PostgreSQL."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from tocsin.settings import Settings
from tocsin.store.place import knock

AGAIN_SECONDS: Final = (0.2, 0.5, 1.0)
"""Between tries; never longer, so that pages go out soon after it is back."""
_SAY_EVERY: Final = 30
"""Tries: what stays so is not worth a line a second."""
logger = logging.getLogger(__name__)


async def until_reached(settings: Settings, stopping: asyncio.Event) -> bool:
    """Wait until PostgreSQL takes connections; False: asked to stop before it did.

    Raises: DatabaseNotReached, for what waiting does not mend, such as a wrong password.
    """
    if settings.is_on_sqlite:
        return True
    tries = 0
    while (cause := await asyncio.to_thread(knock, settings.database_url)) is not None:
        wait = AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)]
        if tries % _SAY_EVERY == 0:
            logger.warning("database.awaited", extra={"cause": cause, "again_in_seconds": wait})
        tries += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stopping.wait()
        if stopping.is_set():
            return False
    if tries:
        logger.warning("database.reached")
    return True
