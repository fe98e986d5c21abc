"""Whose turn it is to remove, and up to when things were removed."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.domain.retention import doubt_until
from tocsin.ids import made_at
from tocsin.store import schema
from tocsin.store.counters import next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.settings_rows import find_setting, put_setting

_I = schema.incidents
_REMOVED_BEFORE = "removed_before"
_SEEN_AT, _DOUBTED_UNTIL = "retention_seen_at", "retention_doubted_until"
# Any number that nothing else locks will do.
_TRY_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(7210003)")


def take_turn(tx: Tx) -> bool:
    """Return whether no other node removes anything, and keep others from it until the transaction ends."""
    return tx.is_sqlite or bool(tx.core.scalar(_TRY_LOCK))


def judge_time(tx: Tx, now: datetime, *, has_jumped: bool | None) -> bool:
    """Return whether what is old by this time may be removed, also after a restart.

    `has_jumped` is as `doubt_until` takes it. It is on record when somebody looked last, and until when the
    clock is doubted.
    """
    at = to_micros(now)
    seen_at = from_micros(next_number(tx, _SEEN_AT, first=at))
    doubted_until = from_micros(next_number(tx, _DOUBTED_UNTIL, first=0))
    until = doubt_until(now, seen_at=seen_at, doubted_until=doubted_until, has_jumped=has_jumped)
    save_number(tx, _SEEN_AT, at)
    save_number(tx, _DOUBTED_UNTIL, to_micros(until))
    return now >= until


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
