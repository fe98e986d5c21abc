"""Whose turn it is to remove, and up to when things were removed."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.ids import made_at
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.settings_rows import find_setting, put_setting

_I = schema.incidents
_REMOVED_BEFORE = "removed_before"
# Any number that nothing else locks will do.
_TRY_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(7210002)")


def take_turn(tx: Tx) -> bool:
    """Return whether no other node removes anything, and keep others from it until the transaction ends."""
    return tx.is_sqlite or bool(tx.core.scalar(_TRY_LOCK))


def note_removed(tx: Tx, *, before: datetime) -> None:
    """Put on record that what was over before an instant may have been removed."""
    known = find_removed_before(tx)
    if known is None or known < before:
        put_setting(tx, _REMOVED_BEFORE, str(to_micros(before)).encode())


def find_removed_before(tx: Tx, *, of: int | None = None) -> datetime | None:
    """Return the instant before which what was over may be gone; None: nothing was ever removed.

    Or nothing as old as the id `of`.
    """
    found = find_setting(tx, _REMOVED_BEFORE)
    before = None if found is None else from_micros(int(found))
    return None if before is None or (of is not None and made_at(of) >= before) else before


def oldest_incident_at(tx: Tx) -> datetime | None:
    """Return when the first of the incidents that are here was opened."""
    first = sa.select(sa.func.min(_I.c.number)).scalar_subquery()
    select = sa.select(_I.c.opened_at).where(_I.c.number == first)
    opened_at: datetime | None = tx.core.scalar(select)
    return opened_at
