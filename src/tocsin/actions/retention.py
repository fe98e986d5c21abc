"""Removing what is over for longer than it is kept: a function for each transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.idempotency import KEPT
from tocsin.store.database import Tx
from tocsin.store.retention.counts import NOTHING, count_old
from tocsin.store.retention.part import Found, Horizon, Part, Removed
from tocsin.store.retention.progress import (
    find_removed_before,
    note_removed,
    oldest_incident_at,
    take_turn,
)

ROWS: Final = 128
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


@dataclass(frozen=True, slots=True)
class Retained:
    """How much there is that is over for too long, and what is known of what there was."""

    before: datetime | None
    """What was over before is removed; None: nothing is."""
    removable: Mapping[str, int]
    removed_before: datetime | None
    oldest_incident_at: datetime | None


def look_at_retention(tx: Tx, now: datetime, *, keep: timedelta | None) -> Retained:
    """Return what would be removed if this were kept; None keeps everything."""
    horizon = None if keep is None else horizon_of(now, keep=keep)
    return Retained(
        before=None if horizon is None else horizon.before,
        removable=NOTHING if horizon is None else count_old(tx, horizon),
        removed_before=find_removed_before(tx),
        oldest_incident_at=oldest_incident_at(tx),
    )
