"""`tocsin restore`: a backup becomes the store of a server that does not run."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from tocsin.actions.restored import Restored, go_on_from, refuse_without_key
from tocsin.clock import Clock
from tocsin.master_key import read_master_key
from tocsin.settings import Settings
from tocsin.store.copying import copy_rows, explaining, make_ready, refuse_other_revision
from tocsin.store.database import Database
from tocsin.store.migrate import migrate, schema_version
from tocsin.store.snapshot import (
    FileExists,
    NotADatabase,
    Told,
    as_one_file,
    check,
    copy_pages,
    draft_of,
    has_files_beside,
    put_in_place,
    take_over,
)
from tocsin.wiring.backup import key_source_of, named
from tocsin.wiring.opening import beside, key_file_of, nobody_else_serves


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """What a restore did."""

    target: str
    kept: Path | None
    """Where the database lies that was there before."""
    key_source: str
    content: Restored


def restore(
    settings: Settings,
    backup: Path,
    *,
    replace: bool,
    needs_key: bool,
    skip_numbers: int,
    clock: Clock,
    told: Told,
) -> BroughtBack:
    """Put a backup where the settings say that the store is, and let it go on from there.

    Whatever fails, the database that was there is there still. Raises: AnotherServer, FileExists,
    FolderNotWritable, NetworkFileSystem, NotADatabase, DatabaseDamaged, NewerSchema, OtherRevision, MasterKeyMissing,
    MasterKeyWrong, StoreNotEmpty, CopyFailed, CopyDiffers, DatabaseNotReached.
    """
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(settings.database_url.reveal())))
        file = database.file
        stack.enter_context(nobody_else_serves(settings, file))
        if file is not None and file.exists():
            _refuse_to_lose(file, backup, replace=replace)
        draft = stack.enter_context(draft_of(file or settings.home / "tocsin.db"))
        copy_pages(backup, draft, told=told)
        told("checking", 0, None)
        check(draft, thoroughly=False)
        content = _make_fit(
            settings,
            draft,
            backup,
            file=file,
            needs_key=needs_key,
            skip_numbers=skip_numbers,
            clock=clock,
        )
        kept = None
        if file is None:
            _fill(database, draft, told)
        else:
            kept = _swap(draft, file, clock)
        return BroughtBack(named(database), kept, key_source_of(settings, file), content)


def _refuse_to_lose(file: Path, backup: Path, *, replace: bool) -> None:
    if backup.exists() and backup.samefile(file):
        raise FileExists(f"{file} is the database itself: name a backup of it", file=str(file))
    if not replace:
        raise FileExists(
            f"there is a database already, {file}: with --replace it is kept beside, under another name; "
            "or set TOCSIN_HOME to an empty folder",
            file=str(file),
        )


def _make_fit(
    settings: Settings,
    draft: Path,
    backup: Path,
    *,
    file: Path | None,
    needs_key: bool,
    skip_numbers: int,
    clock: Clock,
) -> Restored:
    key_file = key_file_of(settings, file)
    with explaining(), closing(Database.of_file(draft)) as copy, copy.write() as tx:
        if schema_version(tx) is None:
            raise NotADatabase(
                f"{backup} is an SQLite database, but none of Tocsin's: name a file that tocsin backup "
                "made",
                file=str(backup),
            )
        migrate(tx)
        refuse_other_revision(tx)
        if needs_key:
            refuse_without_key(
                tx,
                find_key=lambda: settings.master_key or read_master_key(key_file),
                key_file=str(key_file),
            )
        content = go_on_from(
            tx,
            first_number=settings.first_incident,
            skip_numbers=skip_numbers,
            now=clock.now(),
        )
    as_one_file(draft)
    return content


def _fill(database: Database, draft: Path, told: Told) -> None:
    with (
        explaining(),
        closing(Database.of_file(draft)) as copy,
        database.write() as theirs,
        copy.read() as ours,
    ):
        make_ready(theirs)
        copy_rows(ours, theirs, told=told)


def _swap(draft: Path, file: Path, clock: Clock) -> Path | None:
    if not file.exists() and not has_files_beside(file):
        put_in_place(draft, file, replace=False)
        return None
    suffix = f".before-restore-{clock.now():%Y%m%dT%H%M%SZ}"
    names = chain([suffix], (f"{suffix}-{number}" for number in count(2)))
    kept = next(each for name in names if not (each := beside(file, name)).exists())
    take_over(draft, file, kept)
    ends = ("", "-wal", "-shm", "-journal")
    return next(each for each in (beside(kept, end) for end in ends) if each.exists())
