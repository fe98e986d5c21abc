"""How the API reads and changes what is stored, without ever touching a database on the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from tocsin.actions.incident_set import Context
from tocsin.service.services import Services
from tocsin.store.database import Tx, is_store_failure
from tocsin.store.writer import StoreUnavailable

T = TypeVar("T")
READERS: Final = 4  # as many as the database keeps connections for reading


class Transactions:
    """Reads on a few threads, changes on the writer's. Every method is for use on the loop."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="tocsin-api")

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Return what `work` reads. Raises: StoreUnavailable, and what `work` raises."""
        return await self.call(partial(self._read, work))

    async def call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; it may wait, as a read does. Raises: StoreUnavailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        except Exception as error:
            if is_store_failure(error):
                raise StoreUnavailable(type(error).__name__) from error
            raise

    async def change(self, work: Callable[[Tx, Context], T], *, urgent: bool = False) -> T:
        """Return what `work` did, once it is on disk.

        Urgent is what stops a page. Raises: StoreUnavailable, and what `work` raises.
        """
        source = self.services.context_source
        future = self.services.writer.submit(lambda tx: work(tx, source(tx)), urgent=urgent)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self._readers.shutdown(wait=False)

    def _read(self, work: Callable[[Tx], T]) -> T:
        with self.services.database.read() as tx:
            return work(tx)
