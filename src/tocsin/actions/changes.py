"""Who changed what is configured."""

from tocsin.store import changes
from tocsin.store.changes import Change
from tocsin.store.database import Tx


def list_changes(tx: Tx, *, limit: int = 50, before: int | None = None) -> list[Change]:
    """Return changes, the latest first; `before` is the id of the last one seen."""
    return changes.list_changes(tx, limit=limit, before=before)
