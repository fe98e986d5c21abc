"""Who changed what is configured."""

from tocsin.store import changes
from tocsin.store.changes import Change, Searched
from tocsin.store.database import Tx


def list_changes(tx: Tx, *, limit: int = 50, before: int | None = None) -> list[Change]:
    """Return changes, the latest first; `before` is the id of the last one seen."""
    return changes.list_changes(tx, limit=limit, before=before)


def search_changes(
    tx: Tx,
    *,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    about: str | None = None,
    within: int,
) -> Searched:
    """Return changes that are like this, the latest first, of the `within` latest below `before`.

    `actor`: only what this one did, as `user:ana`; `about`: only what was done to this object, or to this
    kind of object.
    """
    return changes.search_changes(
        tx, limit=limit, within=within, before=before, actor=actor, about=about
    )
