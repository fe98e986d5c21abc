"""Removing what is over for longer than it is kept: a function for each transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.idempotency import KEPT
from tocsin.store.database import Tx
from tocsin.store.retention.part import Found, Horizon, Part, Removed
from tocsin.store.retention.progress import note_removed, take_turn

ROWS: Final = 256
"""About as many go in one transaction."""


def horizon_of(now: datetime, *, keep: timedelta) -> Horizon:
    """Return up to when what is over is removed."""
    return Horizon(before=now - keep, answers_before=now - KEPT)


def find_old(
    tx: Tx, part: Part, horizon: Horizon, *, on_from: int | None = None, limit: int = ROWS
) -> Found:
    """Return what of a part is to be removed. Nothing is locked: for a reader."""
    return part.find(tx, horizon, on_from, limit)


def remove_old(
    tx: Tx, part: Part, horizon: Horizon, lot: Sequence[int], *, limit: int = ROWS
) -> Removed | None:
    """Remove what is still to be removed of a lot, or some of it; None: another node is at it."""
    if not take_turn(tx):
        return None
    removed = part.remove(tx, horizon, lot, limit)
    if removed.rows and part.is_missed:
        note_removed(tx, before=horizon.before)
    return removed
