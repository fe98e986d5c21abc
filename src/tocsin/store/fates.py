"""How many alerts of each key had which fate, by day: counted as they come in, so that nobody counts them later."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tocsin.domain.fate import Fate
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.schema import UNIX_EPOCH
from tocsin.store.statement import Statement, raw

_F = schema.alert_fates
_DAY: Final = timedelta(days=1)
_NAMES: Final = ("day", "key_id", "fate", "alerts")
# Both databases spell it alike.
_NEW = postgresql.insert(_F).inline().values({name: raw(name) for name in _NAMES})
_ADD = Statement(
    _NEW.on_conflict_do_update(
        index_elements=[_F.c.day, _F.c.key_id, _F.c.fate],
        set_={"alerts": _F.c.alerts + _NEW.excluded.alerts},
    ),
    *_NAMES,
)


class Counted(NamedTuple):
    """How many alerts of a key had a fate on a day."""

    day: datetime
    key_id: int
    fate: Fate
    alerts: int


def day_of(at: datetime) -> int:
    """Return the day of an instant. Units: days of UTC since 1970."""
    return (at - UNIX_EPOCH) // _DAY


def save_fates(tx: Tx, now: datetime) -> None:
    """Count what this transaction took in; call it last, once.

    Nodes count in the same rows: whoever has changed one waits for nobody else any more, and all take them in order.
    """
    if not tx.news.fates:
        return
    counts: Counter[tuple[int, str]] = Counter()
    for key_id, fate in tx.news.fates:
        counts[key_id, fate] += 1
    day = day_of(now)
    tx.run_many(_ADD, [(day, *each, counts[each]) for each in sorted(counts)])


def list_fates(
    tx: Tx, *, since: datetime, until: datetime, key_ids: Collection[int] | None = None
) -> list[Counted]:
    """Return what was counted on the days from one instant's to another's, in order of days.

    `key_ids`: of these keys alone. Then each day of each is looked up, and nothing else is read.
    """
    days = range(day_of(since), day_of(until) + 1)
    select = sa.select(_F).where(_F.c.day.in_(days)).order_by(_F.c.day, _F.c.key_id)
    if key_ids is not None:
        select = select.where(_F.c.key_id.in_(key_ids))
    return [
        Counted(UNIX_EPOCH + row.day * _DAY, row.key_id, Fate(row.fate), row.alerts)
        for row in tx.core.execute(select)
    ]


def sum_fates(tx: Tx, *, since: datetime) -> dict[Fate, int]:
    """Return how many alerts had which fate since the day of an instant, whichever key they came by."""
    select = (
        sa.select(_F.c.fate, sa.func.sum(_F.c.alerts))
        .where(_F.c.day >= day_of(since))
        .group_by(_F.c.fate)
    )
    return {Fate(fate): int(alerts) for fate, alerts in tx.core.execute(select)}


def is_any_counted(tx: Tx, *, since: datetime) -> bool:
    """Return whether an alert came by any key since the day of an instant."""
    return bool(tx.core.scalar(sa.select(sa.exists().where(_F.c.day >= day_of(since)))))
