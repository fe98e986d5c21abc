"""Who changed what is configured."""

from tocsin.store import changes
from tocsin.store.changes import Change
from tocsin.store.database import Tx


def list_changes(
    tx: Tx,
    *,
    limit: int = 50,
    before: int | None = None,
    actor: str | None = None,
    about: str | None = None,
) -> list[Change]:
    """Return changes, the latest first; `before` is the id of the last one seen.

    `actor`: only what this one did, as `user:ana`; `about`: only what was done to this object, or to this
    kind of object.
    """
    return changes.list_changes(tx, limit=limit, before=before, actor=actor, about=about)
