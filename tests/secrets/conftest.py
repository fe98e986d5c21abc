"""Both stores, and the loop that `tocsin serve` runs on."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.behaviour.conftest import anyio_backend
from tests.databases import KINDS, postgresql_url
from tests.secrets.life import PASSWORD

__all__ = ["anyio_backend", "postgresql", "postgresql_url"]


@pytest.fixture(params=KINDS, scope="module")
def postgresql(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database, with a password; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    url = sa.make_url(request.getfixturevalue("postgresql_url"))
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE lived_in")
    own = url.set(database="lived_in", password=PASSWORD)
    yield own.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE lived_in WITH (FORCE)")
    admin.dispose()
