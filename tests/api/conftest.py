"""A server that answers: on SQLite for what is about HTTP, on both databases for what is stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.harness import Harness
from tests.databases import database, postgresql_url

from tocsin.store import schema
from tocsin.store.database import Database

__all__ = ["database", "harness", "harness_on_both", "postgresql_url", "sqlite"]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    made = Database(f"sqlite:///{tmp_path / 'api.db'}")
    with made.write() as tx:
        schema.metadata.create_all(tx.core)
    yield made
    made.close()


@pytest.fixture
def harness(sqlite: Database) -> Iterator[Harness]:
    """A server with tokens of all scopes and a configuration."""
    with Harness(sqlite).serving() as served:
        yield served


@pytest.fixture
def harness_on_both(database: Database) -> Iterator[Harness]:
    """The same, once on each database."""
    with Harness(database).serving() as served:
        yield served
