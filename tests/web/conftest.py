"""People in front of one server, which every test finds with a configuration and nothing else."""

import pytest
from tests.api.conftest import harness, harness_on_both, served, sqlite
from tests.api.harness import Harness
from tests.behaviour.conftest import anyio_backend
from tests.databases import database, postgresql_url
from tests.web.harness import People

__all__ = [
    "anyio_backend",
    "database",
    "harness",
    "harness_on_both",
    "people",
    "postgresql_url",
    "served",
    "sqlite",
]


@pytest.fixture
def people(harness: Harness) -> People:
    """Who may come, each with a browser."""
    return People(harness)
