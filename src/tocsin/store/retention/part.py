"""What each part of the retention has in common: it finds some, and removes them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.ids import first_id_at
from tocsin.store.database import Tx

MARGIN = timedelta(days=1)
"""Between two things of which one is known to have been there before the other: an attempt may go on for
so long after its webhook was changed, and clocks of nodes differ, if only by seconds."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """From when on things are kept: `before` it, what is over is removed."""

    before: datetime
    answers_before: datetime
    """The same for answers that are kept for whoever asks twice, which have a time of their own."""

    @property
    def first_id(self) -> int:
        """No id made from the horizon on is below this one."""
        return first_id_at(self.before)

    @property
    def first_id_with_margin(self) -> int:
        return first_id_at(self.before - MARGIN)


class Found(NamedTuple):
    """What is to be removed, in lots that may each go in one transaction."""

    lots: Sequence[Sequence[int]]
    on_from: int | None = None
    """Where to look on; None: there is no more."""


class Removed(NamedTuple):
    """What went in one transaction: how many things, and how many rows they were."""

    things: int
    rows: int
    is_done: bool = True
    """Whether nothing of the lot is left that can go."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing that is removed. `find` locks nothing; `remove` removes what is still to be removed.

    `find` takes where to look on, None at first, and how much to look at; `remove` a lot, and about how many rows
    may go in this transaction.
    """

    name: str
    find: Callable[[Tx, Horizon, int | None, int], Found]
    remove: Callable[[Tx, Horizon, Sequence[int], int], Removed]
    is_missed: bool = False
    """Whether somebody may look for it who is to be told why it is not there."""
    never_changes: bool = False
    """So that what was looked at once need not be looked at again."""


def in_lots(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]


def delete_by_id(tx: Tx, column: sa.Column[Any], ids: Iterable[int]) -> int:
    """Delete the rows that have one of these; return how many there were."""
    wanted = list(ids)
    if not wanted:
        return 0
    return int(tx.core.execute(column.table.delete().where(column.in_(wanted))).rowcount)
