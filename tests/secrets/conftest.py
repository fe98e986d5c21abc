"""Both stores, and the loop that `tocsin serve` runs on."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.behaviour.conftest import anyio_backend
from tests.databases import (
    KINDS,
    drop_databases,
    new_database,
    own_postgresql_url,
    postgresql_url,
)
from tests.secrets.life import PASSWORD

__all__ = ["anyio_backend", "own_postgresql_url", "postgresql", "postgresql_url"]


@pytest.fixture(params=KINDS, scope="module")
def postgresql(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database, with a password; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    server = request.getfixturevalue("own_postgresql_url")  # which takes that password
    own = sa.make_url(new_database(server, "lived_in")).set(password=PASSWORD)
    yield own.render_as_string(hide_password=False)
    drop_databases(server, "lived_in")
