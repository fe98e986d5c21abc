"""`tocsin migrate-store`: everything goes from an SQLite file to PostgreSQL, and no server serves both."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tocsin.clock import Clock
from tocsin.errors import TocsinError
from tocsin.settings import Settings
from tocsin.store.copying import (
    CopiedTable,
    copy_rows,
    explaining,
    make_ready,
    refuse_other_revision,
)
from tocsin.store.database import Database
from tocsin.store.migrate import schema_version
from tocsin.store.moved import forget_move, mark_moved, refuse_moved
from tocsin.store.settings_rows import VAULT_PROOF, find_setting
from tocsin.store.snapshot import Told
from tocsin.wiring.backup import named, refuse_missing
from tocsin.wiring.opening import key_file_of, nobody_else_serves


class NotFromSqlite(TocsinError):
    """The store that is to be moved lies on PostgreSQL already."""

    code: ClassVar[str] = "not_from_sqlite"


class NotMoved(TocsinError):
    """There is no move to undo."""

    code: ClassVar[str] = "not_moved"


class MoveUncertain(TocsinError):
    """Nobody can tell yet on which side the store is: the file stays marked as moved."""

    code: ClassVar[str] = "move_uncertain"


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was done and verified."""

    source: Path
    target: str
    """Without its password."""
    tables: Sequence[CopiedTable]
    key_file: Path | None
    """Where the master key lies that the server on the target has to be told of; None: it finds it."""


def migrate_store(settings: Settings, target: Settings, *, clock: Clock, told: Told) -> Moved:
    """Copy everything from the SQLite file of `settings` into the empty database of `target`.

    The mark that keeps servers from the file is on disk before the target is committed: a crash between
    the two leaves a file that says how to go back, and never two stores that both page. What fails
    otherwise leaves no mark, and nothing on the target.

    Raises: NotFromSqlite, NoDatabase, AnotherServer, OtherRevision, StoreMoved, StoreNotEmpty,
    CopyFailed, CopyDiffers, DatabaseNotReached, MoveUncertain.
    """
    with closing(Database(settings.database_url.reveal())) as source:
        file = _file_of(source)
        with (
            nobody_else_serves(settings, file),
            closing(Database(target.database_url.reveal())) as theirs,
        ):
            tables = _move(
                source, theirs, f"{named(theirs)} ({clock.now():%Y-%m-%d %H:%M} UTC)", told
            )
            return Moved(file, named(theirs), tables, _key_to_name(settings, file))


def undo_move(settings: Settings) -> str:
    """Let the SQLite file be served again, with what was in it before the move; return where it had gone.

    Raises: NotFromSqlite, NoDatabase, AnotherServer, NotMoved.
    """
    with closing(Database(settings.database_url.reveal())) as source:
        file = _file_of(source)
        with nobody_else_serves(settings, file), explaining(), source.write() as tx:
            to = forget_move(tx)
        if to is None:
            raise NotMoved(f"{file} was not moved anywhere: tocsin serve", file=str(file))
        return to


def _file_of(source: Database) -> Path:
    file = source.file
    if file is None:
        raise NotFromSqlite(
            "TOCSIN_DATABASE_URL names a PostgreSQL database, and what is moved is an SQLite file: leave "
            "the variable away, and name the new database with --to. From PostgreSQL to SQLite, or to "
            "another PostgreSQL, things go by tocsin backup and tocsin restore"
        )
    refuse_missing(file)
    return file


def _move(source: Database, target: Database, to: str, told: Told) -> Sequence[CopiedTable]:
    with explaining(), source.read() as ours:
        refuse_other_revision(ours)
        refuse_moved(ours)
    tables: Sequence[CopiedTable] = ()
    is_marked = False
    try:
        with explaining(), target.write() as theirs:
            make_ready(theirs)
            with source.read() as ours:
                tables = copy_rows(ours, theirs, told=told)
            with source.write() as ours:
                mark_moved(ours, to)
            is_marked = True
    except BaseException as error:
        # A connection that was lost while it committed does not say whether it did.
        if not is_marked or not _has_arrived(target, to, error):
            if is_marked:
                with source.write() as ours:
                    forget_move(ours)
            raise
    return tables


def _has_arrived(target: Database, to: str, error: BaseException) -> bool:
    """Return whether the move was committed all the same. Raises: MoveUncertain."""
    try:
        with target.read() as theirs:
            return (
                schema_version(theirs) is not None and find_setting(theirs, VAULT_PROOF) is not None
            )
    except Exception:  # noqa: BLE001 - whatever keeps us from looking
        raise MoveUncertain(
            f"the connection to {to} was lost at the very end ({error}), so it is not known whether everything "
            "arrived, and no server is to use both. When PostgreSQL answers again, look whether it has the table "
            "incidents: if so, everything is there, and the move is done; if not, tocsin migrate-store --undo, "
            "and move again",
            target=to,
        ) from error


def _key_to_name(settings: Settings, file: Path) -> Path | None:
    """Return the master key's file, if a server with the same home and PostgreSQL would look elsewhere."""
    key_file = key_file_of(settings, file)
    is_found = settings.master_key is not None or key_file == key_file_of(settings, None)
    return None if is_found else key_file
