"""Which alert keys are in force, and which were, in memory, so that an alert's key costs no look into the database."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from tocsin.clock import Clock
from tocsin.domain.alert_key import key_hash
from tocsin.secret import Secret
from tocsin.store.alert_keys import AlertKey
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database

LOOK_AGAIN_SECONDS: Final = 1.0


class Keyring:
    """The alert keys in force. For use on the loop.

    A key that this process makes or revokes is known before its maker is answered; what another
    node does is seen within a second of traffic.
    """

    def __init__(self, database: Database, cache: ConfigurationCache, clock: Clock) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock
        self._keys: Mapping[bytes, AlertKey] = {}
        self._revoked: Mapping[bytes, AlertKey] = {}
        self._looked_at = clock.monotonic()
        self._looking: asyncio.Task[None] | None = None

    def find(self, key: Secret) -> str | None:
        """Return the name of a key in force; None for any other text."""
        if self._clock.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self._looked_at = self._clock.monotonic()
            self._looking = asyncio.ensure_future(self._refresh_if_possible())
        return _name_of(key, self._keys)

    def find_revoked(self, key: Secret) -> str | None:
        """Return the name of a key that was revoked; None for any other text."""
        return _name_of(key, self._revoked)

    async def refresh(self) -> None:
        """Look into the database now. Call it once before the first alert."""
        self._looked_at = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        self._keys, self._revoked = await loop.run_in_executor(None, self._read)

    async def _refresh_if_possible(self) -> None:
        # The keys that are known stay in force; readiness tells of a failing store.
        with suppress(Exception):
            await self.refresh()

    def _read(self) -> tuple[Mapping[bytes, AlertKey], Mapping[bytes, AlertKey]]:
        with self._database.read() as tx:
            return self._cache.alert_keys(tx), self._cache.revoked_keys(tx)


def _name_of(key: Secret, keys: Mapping[bytes, AlertKey]) -> str | None:
    known = keys.get(key_hash(key))
    return None if known is None else known.name
