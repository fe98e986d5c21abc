"""`tocsin backup`: the store as one file, made while servers run on it, and read back before it gets its name."""

import shlex
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
    one_instant,
    refuse_other_revision,
)
from tocsin.store.database import Database
from tocsin.store.migrate import schema_version
from tocsin.store.moved import refuse_moved
from tocsin.store.outstanding import Outstanding, count_outstanding
from tocsin.store.snapshot import (
    NotADatabase,
    Told,
    as_one_file,
    check,
    copy_pages,
    draft_of,
    exists,
    put_in_place,
    refuse_what_is_no_backup,
)
from tocsin.wiring.opening import key_file_of


class NoDatabase(TocsinError):
    """There is no database where the settings say."""

    code: ClassVar[str] = "no_database"
    status_hint: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made and checked."""

    file: Path
    bytes: int
    source: str
    """The database, without its password."""
    revision: str
    outstanding: Outstanding
    key_source: str
    """Where the master key is, which is not in it."""
    tables: Sequence[CopiedTable]
    """Of PostgreSQL; SQLite's pages are copied as they are, and checked by SQLite itself."""
    pg_dump: str | None
    """The command with which PostgreSQL makes a backup of its own; None on SQLite."""


def back_up(settings: Settings, file: Path, *, replace: bool, clock: Clock, told: Told) -> BackedUp:
    """Write the store into `file`, as it is at one instant. Servers run on.

    Raises: NoDatabase, FileExists, FileNotMade, NotADatabase, DatabaseDamaged, DatabaseNotReached,
    OtherRevision, StoreMoved, CopyFailed, CopyDiffers.
    """
    if file.exists() and not replace:
        raise exists(file)
    refuse_what_is_no_backup(file)
    with closing(Database(settings.database_url.reveal())) as database, draft_of(file) as draft:
        source = database.file
        if source is None:
            tables = _copy_postgresql(database, draft, told)
        else:
            tables = ()
            _refuse_itself(source, file)
            copy_pages(source, draft, told=told)
        told("checking", 0, None)
        check(draft, thoroughly=True)
        revision, outstanding = _look(draft, clock, of=source)
        size = draft.stat().st_size
        put_in_place(draft, file, replace=replace)
        return BackedUp(
            file,
            size,
            named(database),
            revision,
            outstanding,
            key_source_of(settings, source),
            tables,
            None if source else _pg_dump(database, file),
        )


def refuse_missing(file: Path) -> None:
    """Raises: NoDatabase, when there is no SQLite file where the settings say."""
    if not file.is_file():
        raise NoDatabase(
            f"there is no database {file}: run this with the settings of the server, as the user who "
            "runs it (TOCSIN_HOME, TOCSIN_DATABASE_URL)",
            file=str(file),
        )


def _refuse_itself(source: Path, file: Path) -> None:
    refuse_missing(source)
    if file.exists() and file.samefile(source):
        raise exists(file)


def _copy_postgresql(database: Database, draft: Path, told: Told) -> Sequence[CopiedTable]:
    with (
        closing(Database.of_file(draft)) as copy,
        explaining(),
        one_instant(database) as ours,
        copy.write() as theirs,
    ):
        refuse_other_revision(ours)
        make_ready(theirs)
        tables = copy_rows(ours, theirs, told=told)
    as_one_file(draft)
    return tables


def _look(draft: Path, clock: Clock, *, of: Path | None) -> tuple[str, Outstanding]:
    with closing(Database.of_file(draft)) as copy, copy.read() as tx:
        revision = schema_version(tx)
        if revision is None:
            raise NotADatabase(f"{of} is an SQLite database, but none of Tocsin's", file=str(of))
        refuse_moved(tx)  # or a timer goes on backing up what nobody writes to any more
        return revision, count_outstanding(tx, clock.now())


def _pg_dump(database: Database, file: Path) -> str:
    to, url = (shlex.quote(text) for text in (f"{file}.dump", named(database)))
    return f"pg_dump --format=custom --no-owner --file={to} {url}"


def key_source_of(settings: Settings, database: Path | None) -> str:
    """Return where the master key is, as people call the place."""
    key = settings.master_key
    return key.source if key else str(key_file_of(settings, database))


def named(database: Database) -> str:
    """Return what a database is called, without its password: PostgreSQL's programs take it, too."""
    if database.file:
        return str(database.file)
    url = database.url.set(drivername="postgresql")._replace(password=None)
    # As parameters they are legal, too.
    return url.difference_update_query(("password", "sslpassword")).render_as_string()
