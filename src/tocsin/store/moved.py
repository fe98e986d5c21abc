"""The mark of a database whose rows live elsewhere by now, so that nobody serves both and pages twice."""

from typing import ClassVar

import sqlalchemy as sa

from tocsin.errors import TocsinError
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.settings_rows import find_setting, put_setting

_MOVED_TO = "moved_to"


class StoreMoved(TocsinError):
    """What this database held was moved to another one."""

    code: ClassVar[str] = "store_moved"
    status_hint: ClassVar[int] = 409


def mark_moved(tx: Tx, to: str) -> None:
    """Write down where everything went; `to` holds no password."""
    put_setting(tx, _MOVED_TO, to.encode())


def forget_move(tx: Tx) -> str | None:
    """Let this database be served again; return where it had gone, if it had."""
    to = find_setting(tx, _MOVED_TO)
    tx.core.execute(sa.delete(schema.settings).where(schema.settings.c.name == _MOVED_TO))
    return to.decode() if to else None


def refuse_moved(tx: Tx) -> None:
    """Raises: StoreMoved, if everything went elsewhere."""
    to = find_setting(tx, _MOVED_TO)
    if to:
        raise StoreMoved(
            f"this database was moved to {to.decode()}, and serving both would page everybody twice: set "
            "TOCSIN_DATABASE_URL to that. To go back to what was here before the move: "
            "tocsin migrate-store --undo",
            moved_to=to.decode(),
        )
