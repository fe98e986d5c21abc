"""Which alert keys are in force, and which were, in memory, so that an alert's key costs no look into the database."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Final

from tocsin.clock import Clock
from tocsin.domain.alert_key import key_hash
from tocsin.secret import Secret
from tocsin.store.alert_keys import AlertKey
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database

LOOK_AGAIN_SECONDS: Final = 1.0


class Keyring:
    """The alert keys in force. For use on the loop, but for `learn`.

    A key that this process makes is known before its maker is answered, and one that it revokes is
    forgotten when that commits; what another node does is seen within a second of traffic.
    """

    def __init__(self, database: Database, cache: ConfigurationCache, clock: Clock) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock
        self._keys: Mapping[bytes, AlertKey] = {}
        self._revoked: Mapping[bytes, AlertKey] = {}
        self._just_revoked: Mapping[bytes, int] = {}
        """What the look that brought the two may not have seen revoked: in which of the changes."""
        self._changes = 0
        self._lock = Lock()
        """Held to change these two; whoever reads them takes them as they are."""
        self._looked_at = clock.monotonic()
        self._looks = 0
        """How many have begun."""
        self._seen = 0
        """Which of them brought `_keys`."""
        self._looking: asyncio.Task[None] | None = None

    def find(self, key: Secret) -> AlertKey | None:
        """Return a key in force; None for any other text."""
        if self._clock.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self.look_again()
        hashed = key_hash(key)
        return None if hashed in self._just_revoked else self._keys.get(hashed)

    def look_again(self) -> None:
        """Look into the database soon. For use on the loop."""
        self._looked_at = self._clock.monotonic()
        self._looking = asyncio.ensure_future(self._refresh_if_possible())

    def find_revoked(self, key: Secret) -> str | None:
        """Return the name of a key that was revoked; None for any other text."""
        hashed = key_hash(key)
        name = _name_of(hashed, self._revoked)
        if name is None and hashed in self._just_revoked:
            return _name_of(hashed, self._keys)
        return name

    def learn(self, changes: Iterable[tuple[bytes, bool]]) -> None:
        """Heed what a commit did, in order: to which hash, and whether it lets anybody in now.

        Safe from any thread. A key that was made is known by the next look.
        """
        with self._lock:
            self._changes += 1
            revoked = dict(self._just_revoked)
            for hashed, lets_in in changes:
                if lets_in:
                    revoked.pop(hashed, None)
                else:
                    revoked[hashed] = self._changes
            self._just_revoked = revoked

    async def refresh(self) -> None:
        """Look into the database now. Call it once before the first alert."""
        self._looked_at = self._clock.monotonic()
        self._looks += 1
        look, changes = self._looks, self._changes
        seen = await asyncio.get_running_loop().run_in_executor(None, self._read)
        if look < self._seen:
            return  # one that began later has seen more
        self._seen = look
        self._keys, self._revoked = seen
        with self._lock:
            # It began after these changes, so it has seen them.
            unseen = {hashed: at for hashed, at in self._just_revoked.items() if at > changes}
            self._just_revoked = unseen

    async def _refresh_if_possible(self) -> None:
        # The keys that are known stay in force; readiness tells of a failing store.
        with suppress(Exception):
            await self.refresh()

    def _read(self) -> tuple[Mapping[bytes, AlertKey], Mapping[bytes, AlertKey]]:
        with self._database.read() as tx:
            return self._cache.alert_keys(tx), self._cache.revoked_keys(tx)


def _name_of(hashed: bytes, keys: Mapping[bytes, AlertKey]) -> str | None:
    known = keys.get(hashed)
    return None if known is None else known.name
