"""What the servers have on record, read back: over the API what it tells, the rest from the database."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tocsin.chaos.findings import OnRecord
from tocsin.cli.address import Address, NoServer
from tocsin.cli.client import Client, Json
from tocsin.secret import Secret
from tocsin.store.database import Database
from tocsin.store.evidence import count_unfinished, read_evidence

_EVERYTHING: Final = 10_000_000
_LOOK_SECONDS: Final = 0.2


class Readback:
    """Asks the first of the nodes that answers."""

    def __init__(self, urls: Sequence[str], token: str, database: Database) -> None:
        self._clients = [Client(Address(url, Secret(token))) for url in urls]
        self._database = database
        self.unfinished: int | None = None
        """How much was due or waited when somebody looked last."""

    async def until_settled(self, *, seconds: float) -> bool:
        """Wait until nothing is due and nothing waits; False when that is not so in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await asyncio.to_thread(self._count_unfinished):
                    await asyncio.sleep(_LOOK_SECONDS)  # other processes: nothing to wait on
                return True
        return False

    async def read(self, *, had_time: bool) -> OnRecord:
        """Return all of it. Raises: NoServer, Refused."""
        incidents = await asyncio.to_thread(self._list, "/incidents")
        deliveries = await asyncio.to_thread(self._list, "/deliveries")
        with self._database.read() as tx:
            return OnRecord(incidents, deliveries, read_evidence(tx), had_time)

    def _count_unfinished(self) -> int:
        with self._database.read() as tx:
            self.unfinished = count_unfinished(tx)
        return self.unfinished

    def _list(self, path: str) -> list[Json]:
        *others, last = self._clients
        for client in others:
            with suppress(NoServer):
                return list(client.pages(path, limit=_EVERYTHING)["items"])
        return list(last.pages(path, limit=_EVERYTHING)["items"])
