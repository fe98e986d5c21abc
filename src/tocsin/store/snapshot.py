"""Copying an SQLite database as a file while others write to it, and putting the copy where it belongs.

SQLite's backup API, on a connection that holds one read transaction from the first page to the last: what
is copied is one instant, nobody waits for it, and it never begins again because somebody wrote. Meanwhile
the log of writes cannot begin anew, so it grows by what is written in that time and by nothing more: no
pause is made between the steps.
"""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tocsin.errors import TocsinError

Told = Callable[[str, int, int | None], None]
"""Hears how a long work goes on: what it is at, how much of it is done, and of how much if that is known."""
_STEP: Final = 2048  # pages: 8 MiB
PAGES: Final = "pages"
_MAGIC: Final = b"SQLite format 3\0"


class FileNotMade(TocsinError):
    """A file cannot be written where it was asked for."""

    code: ClassVar[str] = "file_not_made"


class FileExists(TocsinError):
    """There is something already where a file was to be written."""

    code: ClassVar[str] = "file_exists"
    status_hint: ClassVar[int] = 409


class DatabaseDamaged(TocsinError):
    """A database does not hold together."""

    code: ClassVar[str] = "database_damaged"
    status_hint: ClassVar[int] = 500


class NotADatabase(TocsinError):
    """A file is no database of Tocsin's, or cannot be read."""

    code: ClassVar[str] = "not_a_database"


@contextmanager
def draft_of(file: Path) -> Iterator[Path]:
    """Make an empty file of mode 0600 beside `file`; unless it was put in place, it is gone at the end.

    Raises: FileNotMade.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".new")
    except OSError as error:
        raise _not_made(file, error) from None
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    finally:
        for each in (draft, *_beside(draft)):
            each.unlink(missing_ok=True)


def _beside(database: Path) -> tuple[Path, ...]:
    """Return where SQLite keeps the log of writes of a database, its index, and the journal of a change."""
    return tuple(database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))


def has_files_beside(database: Path) -> bool:
    """Return whether SQLite left something that it would take for part of the database."""
    return any(each.exists() for each in _beside(database))


def copy_pages(source: Path, draft: Path, *, told: Told) -> None:
    """Copy a database as it is at this instant, into an empty file that is not used by anybody.

    The copy is one file: it needs no log beside it. Raises: NotADatabase, FileNotMade.
    """
    try:
        # The URI, so that SQLite does not make a database where there is none.
        with (
            closing(_connect(source, "mode=ro")) as ours,
            closing(_connect(draft, "mode=rw")) as theirs,
        ):
            ours.execute("BEGIN")
            ours.execute("SELECT count(*) FROM sqlite_master").fetchone()
            # The draft is nobody's yet: a crash leaves none.
            theirs.execute("PRAGMA journal_mode = OFF")
            theirs.execute("PRAGMA synchronous = OFF")
            ours.backup(
                theirs,
                pages=_STEP,
                progress=lambda _status, left, total: told(PAGES, total - left, total),
            )
            ours.execute("COMMIT")
        as_one_file(draft)
    except sqlite3.DatabaseError as error:
        raise _explained(source, draft, error) from None


def as_one_file(database: Path) -> None:
    """Put what the log holds into a draft, and let it need no log. Raises: FileNotMade, sqlite3.Error."""
    try:
        with closing(_connect(database, "mode=rw")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if _primary_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise _no_room(database, error) from None
        raise


def check(database: Path, *, thoroughly: bool) -> None:
    """Read a database that nobody writes to from one end to the other.

    Thoroughly means that every index is held against its table, too. Raises: DatabaseDamaged.
    """
    pragma = "integrity_check" if thoroughly else "quick_check"
    try:
        with closing(_connect(database, "mode=ro&immutable=1")) as connection:
            (found,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise DatabaseDamaged(
            f"the copy does not hold together ({found}), so the database it comes from may be damaged, "
            "or this disk is: keep the earlier backups",
            found=found,
        )


def put_in_place(draft: Path, file: Path, *, replace: bool) -> None:
    """Give a finished draft its name, on disk before this returns.

    Raises: FileExists, rather than replacing what is there unless told so; FileNotMade.
    """
    try:
        _sync(draft)
        if replace:
            draft.replace(file)
        else:
            _give_name(draft, file)
        _sync(file.parent)
    except FileExistsError:
        raise exists(file) from None
    except OSError as error:
        raise _not_made(file, error) from None


def _give_name(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            raise
        # A file system that knows no second name for a file: USB sticks, some shares.
        if file.exists():
            raise FileExistsError from None
        draft.rename(file)


def take_over(draft: Path, database: Path, kept: Path) -> None:
    """Put a draft where a database is that nobody uses; that one keeps all it has under another name.

    Also where only its log is left, out of which SQLite would fill the new one with what the old one had.

    SQLite is not asked to look at it: it may be damaged, and then its log would be lost. Whenever this
    is cut short, one of the two names leads to all of what was there. Raises: FileNotMade.
    """
    try:
        for ours, theirs in zip(
            (database, *_beside(database)), (kept, *_beside(kept)), strict=True
        ):
            if ours.exists():
                os.link(ours, theirs)
        _sync(kept.parent)
        # A log of the old one would be taken for the new one's.
        for ours in _beside(database):
            ours.unlink(missing_ok=True)
        _sync(database.parent)
    except OSError as error:
        raise _not_made(kept, error) from None
    put_in_place(draft, database, replace=True)


def exists(file: Path) -> FileExists:
    """Return the refusal to write where something is."""
    return FileExists(f"{file} exists: name another file, or add --replace", file=str(file))


def refuse_what_is_no_backup(file: Path) -> None:
    """Raises: FileExists, where a copy would destroy something else, or be read together with it."""
    of_a_server = (*_beside(file), file.with_name(f"{file.name}.lock"))
    found = next((each for each in of_a_server if each.exists()), None)
    if found:
        raise FileExists(
            f"{found} is there, so {file} is or was a server's database and no backup: name another file",
            file=str(file),
        )
    if not file.is_file():
        return
    with file.open("rb") as opened:
        begin = opened.read(len(_MAGIC))  # nothing, where somebody asked for a name that is free
    if begin not in (b"", _MAGIC):
        raise FileExists(
            f"{file} is no backup, so it is not replaced: name another file", file=str(file)
        )


def _connect(file: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True, isolation_level=None)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(source: Path, draft: Path, error: sqlite3.DatabaseError) -> TocsinError:
    # On a full disk the draft fails; what else fails is the source.
    if _primary_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
        return _no_room(draft, error)
    return NotADatabase(
        f"{source} cannot be read as an SQLite database ({error}): name a file that tocsin backup made",
        file=str(source),
    )


def _primary_code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the rest of it is the operation that failed


def _no_room(draft: Path, error: sqlite3.Error) -> FileNotMade:
    return FileNotMade(
        f"there is no room for the copy in {draft.parent} ({error}): make some, or name a file on "
        "another disk",
        file=str(draft.parent),
    )


def _not_made(file: Path, error: OSError) -> FileNotMade:
    return FileNotMade(
        f"{file} cannot be made ({error.strerror}): name a file in a folder that you may write, on a "
        "disk with room",
        file=str(file),
    )
