"""Databases of both kinds, and somebody who administers them."""

import pytest
from tests.configuration.editing import Alice
from tests.databases import database, postgresql_url

from tocsin.store.database import Database

__all__ = ["alice", "database", "postgresql_url"]


@pytest.fixture
def alice(database: Database) -> Alice:
    """Alice, who may do everything in an empty database."""
    return Alice(database)
