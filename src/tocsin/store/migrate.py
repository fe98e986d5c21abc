"""Bringing a database to the schema of this version, before anything else touches it."""

from functools import cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import sqlalchemy as sa

from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.postgresql import is_locked_out, wait_briefly
from tocsin.store.settings_rows import find_setting

HEAD = "0017"
"""The revision that this version needs: the newest file in `migrations/versions`."""
OLDEST_CODE = "oldest_code"
"""The setting by which a migration says that code which does not know some revision cannot use its schema.

Only a migration that breaks the version before it writes it; all others leave it as it is.
"""
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7210002)")
_version = sa.table("alembic_version", sa.column("version_num", sa.Text))


class NewerSchema(TocsinError):
    """The database was migrated by a newer version, beyond what this one can use."""

    code: ClassVar[str] = "newer_schema"
    status_hint: ClassVar[int] = 500


class TablesInUse(TocsinError):
    """Somebody reads a table for so long that it cannot be changed now."""

    code: ClassVar[str] = "tables_in_use"
    status_hint: ClassVar[int] = 500


class NotUtf8(TocsinError):
    """A new database would not take every character."""

    code: ClassVar[str] = "not_utf8"
    status_hint: ClassVar[int] = 500


class Newer(NamedTuple):
    """A schema that this version does not know."""

    revision: str
    oldest_code: str | None
    """The revision that code must know to use it; None: all code since there are such notes."""

    @property
    def refusal(self) -> NewerSchema | None:
        """What to say if this version cannot use it; None: it can."""
        if self.oldest_code is None or self.oldest_code in known_revisions():
            return None
        return NewerSchema(
            f"this database is at revision {self.revision}, which needs a version of Tocsin that knows "
            f"{self.oldest_code}, and this one knows {HEAD}: upgrade this node to the version that "
            "migrated it, or a newer one",
            database=self.revision,
            known=HEAD,
        )


def schema_version(tx: Tx) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    if not sa.inspect(tx.core).has_table("alembic_version"):
        return None
    return tx.core.scalar(sa.select(_version.c.version_num))


def newer_schema(tx: Tx) -> Newer | None:
    """Return what this version does not know of a database that has been migrated; None: nothing."""
    return _newer(tx, tx.core.scalar(sa.select(_version.c.version_num)))


def migrate(tx: Tx, *, to: str = HEAD) -> bool:
    """Bring the database to revision `to`; return whether there was anything to do.

    Of nodes that start at once one does it; the others wait for that, and find it done. One that a newer
    version has migrated is left as it is.
    Nodes of the version before go on meanwhile, so nobody waits long behind a table that is to be changed.
    Raises: NewerSchema, when this version cannot use it; TablesInUse; NotUtf8, before tables
    are made in such a database.
    """
    if schema_version(tx) == to:
        return False
    tx.take_time()
    if not tx.is_sqlite:  # there is one writer
        tx.core.execute(_LOCK)
    at = schema_version(tx)
    if at == to:
        return False
    newer = _newer(tx, at)
    if newer is not None:
        if newer.refusal is not None:
            raise newer.refusal
        return False
    if at is None:
        _refuse_other_encoding(tx)
    if not tx.is_sqlite:
        wait_briefly(tx.core)
    try:
        _upgrade(tx, to)
    except sa.exc.DBAPIError as error:
        if not is_locked_out(error):
            raise
        raise TablesInUse(
            f"this database is to be brought from revision {at} to {to}, and somebody else holds one of its "
            "tables, as a backup does (pg_dump): nothing was changed, and nodes that run go on. Start this "
            "one again when that is over",
            database=at,
            wanted=to,
        ) from None
    return True


@cache
def known_revisions() -> frozenset[str]:
    """Return the revisions that this version can make."""
    files = (_FOLDER / "versions").glob("[0-9]*_*.py")
    return frozenset(file.name.partition("_")[0] for file in files)


def _newer(tx: Tx, at: str | None) -> Newer | None:
    if at is None or at in known_revisions():
        return None
    oldest = find_setting(tx, OLDEST_CODE)
    return Newer(at, oldest.decode() if oldest else None)


def _refuse_other_encoding(tx: Tx) -> None:
    if tx.is_sqlite:
        return
    encoding = tx.core.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise NotUtf8(
            f"that PostgreSQL database is in {encoding}, which has no place for every character of an "
            "alert: name one in UTF-8 (createdb --encoding=UTF8 --template=template0 NAME)",
            encoding=encoding,
        )


def _upgrade(tx: Tx, to: str) -> None:
    # Imported here: it takes longer than a start that has nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = tx.core
    command.upgrade(config, to)
