"""The stores that these tests run on."""

from tests.databases import database, postgresql_url

__all__ = ["database", "postgresql_url"]
