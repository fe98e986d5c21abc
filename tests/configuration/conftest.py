"""Databases of both kinds, and a vault."""

from tests.databases import database, postgresql_url

__all__ = ["database", "postgresql_url"]
