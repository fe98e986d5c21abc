"""From settings to an open store: the folder, the lock, the schema, the master key."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.actions.editor import Editor
from tocsin.actions.forget_secrets import forget_secrets
from tocsin.actions.unlock import unlock
from tocsin.domain.masking import secret_parts
from tocsin.master_key import MasterKey
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database
from tocsin.store.migrate import migrate
from tocsin.store.moved import refuse_moved
from tocsin.store.newest_id import find_newest_id
from tocsin.store.place import prepare_folder, reaching, sole_server
from tocsin.vault import Vault

logger = logging.getLogger(__name__)
MakeEditor = Callable[[Vault, int], Editor]
"""Makes an editor with this vault, whose ids come after this one."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database, and what opens its secrets."""

    database: Database
    vault: Vault
    cache: ConfigurationCache
    newest_id: int
    """When it was opened: ids go on from there, wherever the clock is."""
    key_file: Path | None
    """Where the master key lies; None when a setting gives it."""
    key_source: str
    forgotten: tuple[str, ...] = ()
    """The webhooks whose secrets were forgotten, because only a lost key opened them."""


@contextmanager
def open_store(
    settings: Settings,
    *,
    random_bytes: Callable[[int], bytes],
    forgetting: MakeEditor | None = None,
    is_home_ours: bool = True,
) -> Iterator[Store]:
    """Open the database for a server, and close it at the end.

    `is_home_ours`: False for one of several processes, whose home the one that started them holds.
    `forgetting` makes whoever forgets what the master key does not open; None: it is refused.
    Raises: FolderNotWritable, NetworkFileSystem, AnotherServer, NewerSchema, TablesInUse, MasterKeyMissing,
    MasterKeyWrong, MasterKeyExposed, MasterKeyUnreadable, SealBroken, NothingToForget,
    DatabaseNotReached, StoreMoved.
    """
    with ExitStack() as stack:
        database = Database(settings.database_url.reveal())
        file = database.file
        stack.enter_context(nobody_else_serves(settings, file, is_home_ours=is_home_ours))
        stack.callback(database.close)
        if file is not None:
            # Made before SQLite does, which would let others of this machine read it.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        # PostgreSQL lies elsewhere: there the key is a file of this node's home, or a setting.
        key_file = key_file_of(settings, file)
        given = settings.master_key
        with reaching(file):
            vault, forgotten, newest_id = _prepare(
                database, key_file, given, random_bytes, forgetting
            )
        yield Store(
            database,
            vault,
            ConfigurationCache(vault, more_secrets=_secrets_of(settings, database)),
            newest_id,
            key_file=None if given else key_file,
            key_source=given.source if given else str(key_file),
            forgotten=forgotten,
        )


@contextmanager
def nobody_else_serves(
    settings: Settings, file: Path | None, *, is_home_ours: bool = True
) -> Iterator[None]:
    """Keep other servers of this home, and of this SQLite file, away while the block lasts.

    Raises: FolderNotWritable, NetworkFileSystem, AnotherServer.
    """
    with ExitStack() as stack:
        prepare_folder(settings.home)
        # The home holds the token and the address of one server, whatever its database.
        if is_home_ours:
            stack.enter_context(sole_server(settings.home / "tocsin.lock"))
        if file is not None:
            prepare_folder(file.parent)
            stack.enter_context(sole_server(beside(file, ".lock")))
        yield


def _secrets_of(settings: Settings, database: Database) -> list[Secret]:
    """Return what the settings hold that nobody may be told; the master key is the vault's."""
    password, proxy = database.url.password, settings.webhook_proxy
    found = [Secret(password)] if password else []
    for peer in settings.watch:
        found += map(Secret, secret_parts(peer.url.reveal()))
    return [*found, proxy.authorization] if proxy and proxy.authorization else found


def _prepare(
    database: Database,
    key_file: Path,
    given: MasterKey | None,
    random_bytes: Callable[[int], bytes],
    forgetting: MakeEditor | None,
) -> tuple[Vault, tuple[str, ...], int]:
    """Return the vault, the webhooks whose secrets were forgotten, and the newest id."""
    with database.write() as tx:
        migrate(tx)
        refuse_moved(tx)
    key: dict[str, Any] = {"file": key_file, "given": given, "random_bytes": random_bytes}
    with database.write() as tx:
        if forgetting:
            forgotten = forget_secrets(
                tx, **key, make_editor=lambda vault: forgetting(vault, find_newest_id(tx))
            )
            return forgotten.vault, forgotten.webhooks, find_newest_id(tx)
        unlocked = unlock(tx, **key)
        newest_id = find_newest_id(tx)
    if unlocked.sealed_anew:
        database.empty_log()
        facts = {"secrets": unlocked.sealed_anew, "key": unlocked.vault.key_names[0]}
        logger.info("secrets.sealed_anew", extra=facts)
    return unlocked.vault, (), newest_id


def key_file_of(settings: Settings, database: Path | None) -> Path:
    """Return where the master key lies, unless a setting gives it."""
    return beside(database or settings.home / "tocsin.db", ".key")


def beside(file: Path, suffix: str) -> Path:
    """Return the file that belongs to another one and has a longer name."""
    return file.with_name(file.name + suffix)
