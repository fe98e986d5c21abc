"""A server that answers: on SQLite for what is about HTTP, on both databases for what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.api.harness import Harness
from tests.databases import database, on_sqlite, postgresql_url

from tocsin.store.database import Database

__all__ = ["database", "harness", "harness_on_both", "postgresql_url", "served", "sqlite"]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    with made(tmp_path / "api.db") as database:
        yield database


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """One server for many tests: to build all its routes takes longer than most of them."""
    with (
        made(tmp_path_factory.mktemp("api") / "api.db") as database,
        Harness(database).serving() as serving,
    ):
        yield serving


@pytest.fixture
def harness(served: Harness) -> Harness:
    """A server with tokens of all scopes and a configuration, and nothing else."""
    served.begin_anew()
    return served


@pytest.fixture
def harness_on_both(database: Database) -> Iterator[Harness]:
    """The same, once on each database."""
    with Harness(database).serving() as serving:
        yield serving


@contextmanager
def made(file: Path) -> Iterator[Database]:
    database = on_sqlite(file)
    yield database
    database.close()
