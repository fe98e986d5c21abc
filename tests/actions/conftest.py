"""Databases of both kinds, and a desk at which a test works."""

import pytest
from tests.actions.desk import Desk
from tests.databases import database, postgresql_url

from tocsin.store.database import Database

__all__ = ["database", "desk", "postgresql_url"]


@pytest.fixture
def desk(database: Database) -> Desk:
    """An empty database, at a fixed instant."""
    return Desk(database)
