"""Bringing a database to the schema of this version, before anything else touches it."""

from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from tocsin.errors import TocsinError
from tocsin.store.database import Tx

HEAD = "0012"
"""The revision that this version needs: the newest file in `migrations/versions`."""
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7210002)")
_version = sa.table("alembic_version", sa.column("version_num", sa.Text))


class NewerSchema(TocsinError):
    """The database was last used by a newer version."""

    code: ClassVar[str] = "newer_schema"
    status_hint: ClassVar[int] = 500


def schema_version(tx: Tx) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    if not sa.inspect(tx.core).has_table("alembic_version"):
        return None
    return tx.core.scalar(sa.select(_version.c.version_num))


def migrate(tx: Tx, *, to: str = HEAD) -> bool:
    """Bring the database to revision `to`; return whether there was anything to do.

    Of nodes that start at once one does it; the others wait for that, and find it done.
    Raises: NewerSchema, when it is beyond what this version knows.
    """
    if schema_version(tx) == to:
        return False
    if not tx.is_sqlite:  # there is one writer
        tx.core.execute(_LOCK)
    at = schema_version(tx)
    if at == to:
        return False
    if at is not None and at > HEAD:
        raise NewerSchema(
            f"this database is at revision {at} and this version of Tocsin knows {HEAD}: "
            "install the version that used it last, or a newer one",
            database=at,
            known=HEAD,
        )
    _upgrade(tx, to)
    return True


def _upgrade(tx: Tx, to: str) -> None:
    # Imported here: it takes longer than a start that has nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = tx.core
    command.upgrade(config, to)
