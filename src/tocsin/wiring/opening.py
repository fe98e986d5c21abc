"""From settings to an open store: the folder, the lock, the schema, the master key."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tocsin.actions.unlock import unlock
from tocsin.settings import Settings
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database
from tocsin.store.migrate import migrate
from tocsin.store.newest_id import find_newest_id
from tocsin.store.place import prepare_folder, reaching, sole_server
from tocsin.vault import Vault


@dataclass(frozen=True, slots=True)
class Store:
    """An open database, and what opens its secrets."""

    database: Database
    vault: Vault
    cache: ConfigurationCache
    newest_id: int
    """When it was opened: ids go on from there, wherever the clock is."""


@contextmanager
def open_store(settings: Settings, *, random_bytes: Callable[[int], bytes]) -> Iterator[Store]:
    """Open the database for a server, and close it at the end.

    Raises: FolderNotWritable, NetworkFileSystem, AnotherServer, NewerSchema, MasterKeyMissing,
    MasterKeyWrong, MasterKeyExposed, DatabaseNotReached.
    """
    with ExitStack() as stack:
        prepare_folder(settings.home)
        # The home holds the token and the address of one server, whatever its database.
        stack.enter_context(sole_server(settings.home / "tocsin.lock"))
        database = Database(settings.database_url.reveal())
        stack.callback(database.close)
        file = database.file
        if file is not None:
            prepare_folder(file.parent)
            stack.enter_context(sole_server(_beside(file, ".lock")))
            # Made before SQLite does, which would let others of this machine read it.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        with reaching(file):
            vault, newest_id = _prepare(database, settings, random_bytes)
        yield Store(database, vault, ConfigurationCache(vault), newest_id)


def _prepare(
    database: Database, settings: Settings, random_bytes: Callable[[int], bytes]
) -> tuple[Vault, int]:
    with database.write() as tx:
        migrate(tx)
    # PostgreSQL lies elsewhere: there the key is a file of this node's home, or a setting.
    beside = database.file or settings.home / "tocsin.db"
    with database.write() as tx:
        vault = unlock(
            tx,
            file=_beside(beside, ".key"),
            master_key=settings.master_key,
            random_bytes=random_bytes,
        )
        return vault, find_newest_id(tx)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)
