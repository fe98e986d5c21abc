"""From settings to an open store: the folder, the lock, the schema, the master key."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from tocsin.actions.unlock import unlock
from tocsin.errors import TocsinError
from tocsin.settings import Settings
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database
from tocsin.store.migrate import migrate
from tocsin.store.place import prepare_folder, sole_server
from tocsin.vault import Vault


class DatabaseNotReached(TocsinError):
    """The database cannot be opened."""

    code: ClassVar[str] = "database_not_reached"
    status_hint: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Store:
    """An open database, and what opens its secrets."""

    database: Database
    vault: Vault
    cache: ConfigurationCache


@contextmanager
def open_store(settings: Settings, *, random_bytes: Callable[[int], bytes]) -> Iterator[Store]:
    """Open the database for a server, and close it at the end.

    Raises: FolderNotWritable, NetworkFileSystem, AnotherServer, NewerSchema, MasterKeyMissing,
    MasterKeyWrong, MasterKeyExposed, DatabaseNotReached.
    """
    with ExitStack() as stack:
        prepare_folder(settings.home)
        database = Database(settings.database_url.reveal())
        stack.callback(database.close)
        file = database.file
        if file is not None:
            prepare_folder(file.parent)
            stack.enter_context(sole_server(_beside(file, ".lock")))
        try:
            vault = _prepare(database, settings, random_bytes)
        except sa.exc.DBAPIError as error:
            raise _not_reached(error, file) from error
        yield Store(database, vault, ConfigurationCache(vault))


def _prepare(database: Database, settings: Settings, random_bytes: Callable[[int], bytes]) -> Vault:
    with database.write() as tx:
        migrate(tx)
    # PostgreSQL lies elsewhere: there the key is a file of this node's home, or a setting.
    beside = database.file or settings.home / "tocsin.db"
    with database.write() as tx:
        return unlock(
            tx,
            file=_beside(beside, ".key"),
            master_key=settings.master_key,
            random_bytes=random_bytes,
        )


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _not_reached(error: sa.exc.DBAPIError, file: Path | None) -> DatabaseNotReached:
    cause = str(error.orig).strip().splitlines()[0]
    if file is None:
        return DatabaseNotReached(
            f"the PostgreSQL server of TOCSIN_DATABASE_URL cannot be used ({cause}): "
            "check that it runs, and the URL",
            cause=cause,
        )
    return DatabaseNotReached(
        f"{file} cannot be used ({cause}): check that it is a Tocsin database that this user "
        "can write, or set TOCSIN_HOME to another folder",
        cause=cause,
        file=str(file),
    )
