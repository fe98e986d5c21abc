"""A move whose last answer is lost: it is on one side or the other, and never served on both."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import drop_databases, new_database, on_sqlite, postgresql_url

from tocsin.actions.unlock import unlock
from tocsin.store.database import Database, Tx
from tocsin.store.migrate import HEAD
from tocsin.store.moved import StoreMoved, refuse_moved
from tocsin.wiring.moving import MoveUncertain, _move

__all__ = ["postgresql_url"]  # a fixture


class Lossy(Database):
    """Loses the connection while its transaction is committed; before or after that happened."""

    commits = True
    answers = True

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with super().write() as tx:
            yield tx
            if not self.commits:
                raise sa.exc.OperationalError("COMMIT", {}, Exception("gone"))
        raise sa.exc.OperationalError("COMMIT", {}, Exception("gone"))

    @contextmanager
    def read(self) -> Iterator[Tx]:
        if not self.answers:
            raise sa.exc.OperationalError("BEGIN", {}, Exception("away"))
        with super().read() as tx:
            yield tx


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Database]:
    with closing(on_sqlite(tmp_path / "tocsin.db")) as made:
        with made.write() as tx:
            tx.core.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
            tx.core.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{HEAD}')")
            unlock(tx, file=tmp_path / "key", given=None, random_bytes=secrets.token_bytes)
        yield made


@pytest.fixture
def target(postgresql_url: str) -> Iterator[Lossy]:
    with closing(Lossy(new_database(postgresql_url, "lossy"))) as made:
        yield made
    drop_databases(postgresql_url, "lossy")


def test_a_move_whose_answer_is_lost_is_done_when_everything_is_there(
    source: Database, target: Lossy
) -> None:
    """Nobody serves the file any more."""
    assert _move(source, target, "there", lambda *_: None)
    with source.read() as tx, pytest.raises(StoreMoved):
        refuse_moved(tx)


def test_a_move_that_was_not_committed_leaves_no_mark(source: Database, target: Lossy) -> None:
    """The file is served on, as if nobody had tried."""
    target.commits = False
    with pytest.raises(Exception, match="gone"):
        _move(source, target, "there", lambda *_: None)
    with source.read() as tx:
        refuse_moved(tx)


def test_nobody_serves_either_while_nobody_can_tell(source: Database, target: Lossy) -> None:
    """The mark stays, and a sentence says how to find out."""
    target.answers = False
    with pytest.raises(MoveUncertain, match="--undo"):
        _move(source, target, "there", lambda *_: None)
    with source.read() as tx, pytest.raises(StoreMoved):
        refuse_moved(tx)
