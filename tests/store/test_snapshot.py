"""A copy of an SQLite file: one instant, whole or not at all, for its owner alone."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tocsin.store import snapshot
from tocsin.store.database import Database
from tocsin.store.snapshot import (
    DatabaseDamaged,
    FileExists,
    FileNotMade,
    NotADatabase,
    as_one_file,
    check,
    copy_pages,
    draft_of,
    put_in_place,
    take_over,
)


def silent(_what: str, _done: int, _of: int | None) -> None:
    """Nobody listens."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in use, of some pages: a table `t` whose rows hold their number."""
    with closing(Database(f"sqlite:///{tmp_path / 'ours.db'}")) as made:
        with made.write() as tx:
            tx.core.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY, filler TEXT)")
            tx.core.exec_driver_sql("CREATE INDEX of_filler ON t (filler)")
        for begin in range(0, 300, 100):
            add(made, begin, 100)
        yield made


def add(database: Database, begin: int, count: int) -> None:
    with database.write() as tx:
        for number in range(begin, begin + count):
            tx.core.exec_driver_sql("INSERT INTO t VALUES (?, ?)", (number, f"{number:04}" * 500))


def numbers(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [number for (number,) in connection.execute("SELECT n FROM t ORDER BY n")]


def file_of(database: Database) -> Path:
    assert database.file
    return database.file


def test_a_copy_is_one_instant_however_much_is_written_meanwhile(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write between any two steps waits for nothing, and is in no page; the copy never begins again."""
    monkeypatch.setattr(snapshot, "_STEP", 10)
    done: list[int] = []

    def write_more(_what: str, at: int, of: int | None) -> None:
        assert of
        assert len(done) < 200, "it begins again and again"
        add(database, 1000 + len(done), 1)
        done.append(at)

    with draft_of(tmp_path / "copy.db") as draft:
        copy_pages(file_of(database), draft, told=write_more)
        check(draft, thoroughly=True)
        put_in_place(draft, tmp_path / "copy.db", replace=False)
    assert len(done) > 10
    assert done == sorted(done)
    assert numbers(tmp_path / "copy.db") == list(range(300))
    assert len(numbers(file_of(database))) == 300 + len(done)


def test_the_log_of_writes_begins_anew_when_the_copy_is_done(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to be kept while pages are copied, and not a moment longer."""
    monkeypatch.setattr(snapshot, "_STEP", 10)
    emptied: list[bool] = []
    with draft_of(tmp_path / "copy.db") as draft:
        copy_pages(file_of(database), draft, told=lambda *_: emptied.append(database.empty_log()))
        assert emptied[0] is False
        assert database.empty_log() is True


def test_a_copy_is_one_file_that_needs_no_other(database: Database, tmp_path: Path) -> None:
    """It can be read where nothing can be written: there is no log beside it, nor is one made."""
    with draft_of(tmp_path / "copy.db") as draft:
        copy_pages(file_of(database), draft, told=silent)
        put_in_place(draft, tmp_path / "copy.db", replace=False)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert {file.name for file in tmp_path.glob("*copy.db*")} == {"copy.db"}


def test_a_copy_can_be_read_by_nobody_else(database: Database, tmp_path: Path) -> None:
    """Whatever the umask says, from its first byte on."""
    before = os.umask(0)
    try:
        with draft_of(tmp_path / "copy.db") as draft:
            assert draft.stat().st_mode & 0o777 == 0o600
            copy_pages(file_of(database), draft, told=silent)
            put_in_place(draft, tmp_path / "copy.db", replace=False)
    finally:
        os.umask(before)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("can_link", [True, False])
def test_what_is_there_is_replaced_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_link: bool
) -> None:
    """Also where a file system knows no second name for a file; and of the draft nothing is left."""
    if not can_link:
        monkeypatch.setattr(os, "link", _no_links)
    file = tmp_path / "copy.db"
    with draft_of(file) as draft:
        draft.write_text("first")
        put_in_place(draft, file, replace=False)
    with draft_of(file) as draft:
        draft.write_text("second")
        with pytest.raises(FileExists, match="--replace"):
            put_in_place(draft, file, replace=False)
    assert file.read_text() == "first"
    with draft_of(file) as draft:
        draft.write_text("third")
        put_in_place(draft, file, replace=True)
    assert file.read_text() == "third"
    assert list(tmp_path.iterdir()) == [file]


def _no_links(*_args: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the file that was asked for, not the draft's odd name."""
    with (
        pytest.raises(FileNotMade, match=r"away/copy\.db cannot be made"),
        draft_of(tmp_path / "away" / "copy.db"),
    ):
        pass


def test_a_draft_that_has_no_room_for_its_index_is_told(database: Database) -> None:
    """It is the disk, and not the database that was copied."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        database.close()
        with pytest.raises(FileNotMade, match="no room"):
            as_one_file(file_of(database))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_copy_that_does_not_hold_together_is_found(database: Database, tmp_path: Path) -> None:
    """Pages that are spoilt; and, thoroughly, an index that lacks a row of its table."""
    with draft_of(tmp_path / "copy.db") as draft:
        copy_pages(file_of(database), draft, told=silent)
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("DELETE FROM sqlite_master WHERE name = 'of_filler'")
            connection.commit()
        with pytest.raises(DatabaseDamaged):
            check(draft, thoroughly=True)
    with draft_of(tmp_path / "copy.db") as draft:
        copy_pages(file_of(database), draft, told=silent)
        content = bytearray(draft.read_bytes())
        content[8192 : len(content) // 2] = bytes(len(content) // 2 - 8192)
        draft.write_bytes(content)
        with pytest.raises(DatabaseDamaged, match="keep the earlier backups"):
            check(draft, thoroughly=False)


@pytest.mark.parametrize("content", [None, b"no database, but a text that is long enough" * 99])
def test_what_is_no_database_is_not_copied(tmp_path: Path, content: bytes | None) -> None:
    """Nor is one made in its place."""
    file = tmp_path / "other"
    if content is not None:
        file.write_bytes(content)
    with draft_of(tmp_path / "copy.db") as draft, pytest.raises(NotADatabase, match="other"):
        copy_pages(file, draft, told=silent)
    assert file.exists() is (content is not None)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_what_is_replaced_is_kept_with_all_that_was_committed(
    database: Database, tmp_path: Path, *, is_damaged: bool
) -> None:
    """Its log goes with it, also where SQLite can make nothing of it, and never stays for the new one."""
    ours, kept = tmp_path / "dead.db", tmp_path / "kept.db"
    ours.write_bytes(b"x" * 4096 if is_damaged else file_of(database).read_bytes())
    log = (tmp_path / "ours.db-wal").read_bytes()
    (tmp_path / "dead.db-wal").write_bytes(log)
    with draft_of(ours) as draft:
        draft.write_bytes(b"the new one")
        take_over(draft, ours, kept)
    assert {file.name for file in tmp_path.glob("*dead.db*")} == {"dead.db"}
    assert ours.read_bytes() == b"the new one"
    assert (tmp_path / "kept.db-wal").read_bytes() == log
    if not is_damaged:
        assert numbers(kept) == list(range(300))


def test_a_database_in_use_becomes_one_file(database: Database, tmp_path: Path) -> None:
    """What stood in the log only is in it."""
    ours = tmp_path / "dead.db"
    ours.write_bytes(file_of(database).read_bytes())
    (tmp_path / "dead.db-wal").write_bytes((tmp_path / "ours.db-wal").read_bytes())
    as_one_file(ours)
    assert {file.name for file in tmp_path.glob("dead.db*")} == {"dead.db"}
    assert numbers(ours) == list(range(300))
