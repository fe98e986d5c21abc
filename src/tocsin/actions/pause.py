"""Pausing: nothing fires and nothing is sent, until somebody resumes. Alerts are taken in meanwhile."""

from tocsin.actions.incident_set import Context
from tocsin.domain.timeline import NO_INCIDENT, Kind, TimelineEntry
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.settings_rows import find_setting, put_setting
from tocsin.store.timeline import add_to_timeline

_PAUSED = "paused"
_YES, _NO = b"yes", b"no"


def is_paused(tx: Tx) -> bool:
    """Return whether the engine is paused. It stays so over restarts."""
    return find_setting(tx, _PAUSED) == _YES


def pause(tx: Tx, context: Context, *, actor: str) -> bool:
    """Fire and send nothing from now on; what is under way ends. Returns whether that is new."""
    return _set(tx, context, actor=actor, paused=True)


def resume(tx: Tx, context: Context, *, actor: str) -> bool:
    """Go on, with what is overdue first. Returns whether that is new."""
    tx.news.has_work_at(to_micros(context.now))
    return _set(tx, context, actor=actor, paused=False)


def _set(tx: Tx, context: Context, *, actor: str, paused: bool) -> bool:
    if is_paused(tx) is paused:
        return False
    put_setting(tx, _PAUSED, _YES if paused else _NO)
    (id_,) = context.ids.take(1, context.now)
    kind = Kind.PAUSED if paused else Kind.UNPAUSED
    add_to_timeline(tx, [TimelineEntry(NO_INCIDENT, id_, context.now, kind, actor, {})])
    return True
