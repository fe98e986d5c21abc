"""Incidents that were resolved long ago, with all that refers to them.

Incidents are numbered in the order in which they were opened, so the old ones are at the beginning: what is looked at
is what is old and stays, because it is not resolved, or was so only lately, and what goes.

Most are a few rows, and go many in one transaction, each whole. One that is more than a transaction may take goes in
parts, what refers to others first, so that nothing ever refers to what is not there.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from tocsin.domain.incident import Status
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.retention.deliveries import COLUMNS, OldDelivery, remove_deliveries
from tocsin.store.retention.part import Found, Horizon, Part, Removed, delete_by_id
from tocsin.store.statement import Statement, raw
from tocsin.stored_json import from_json

_I, _A, _E = schema.incidents, schema.alerts, schema.escalations
_T, _D = schema.timeline, schema.deliveries
_ALERTS = (_I.c.first_alert_id, _I.c.latest_alert_id, _I.c.raising_alert_id)
_DELETE_ENTRY = Statement(
    _T.delete().where(_T.c.incident == raw("incident"), _T.c.id == raw("id")), "incident", "id"
)
_DELETE_ESCALATION = Statement(
    _E.delete().where(_E.c.incident == raw("incident"), _E.c.number == raw("number")),
    *("incident", "number"),
)
_Going = tuple[int, bool]
"""How many rows went, and whether there are more of the kind."""


def _is_over(horizon: Horizon) -> sa.ColumnElement[bool]:
    # Nothing changes an incident that is resolved, so it was resolved when it changed last.
    return sa.and_(_I.c.status == Status.RESOLVED.value, _I.c.changed_at < horizon.before)


def _with_deliveries_to_keep(numbers: Sequence[int], horizon: Horizon) -> sa.Select[Any]:
    """Those with a delivery that has not ended, or has only lately: somebody sent it again."""
    is_kept = sa.or_(_D.c.ended_at.is_(None), _D.c.ended_at >= horizon.before)
    return sa.select(_D.c.incident).where(_D.c.incident.in_(numbers), is_kept).distinct()


def _find(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    select = (
        sa.select(_I.c.number, _I.c.opened_at, _is_over(horizon).label("is_over"))
        .where(_I.c.number > (after or 0))
        .order_by(_I.c.number)
        .limit(limit)
    )
    rows = tx.core.execute(select).all()
    numbers = [row.number for row in rows if row.is_over]
    kept = set(tx.core.scalars(_with_deliveries_to_keep(numbers, horizon)))
    going = [number for number in numbers if number not in kept]
    # Not at the first one that is young: a clock may have been wrong when it was opened.
    is_more = len(rows) == limit and any(row.opened_at < horizon.before for row in rows)
    return Found(list(_lots(_sizes(tx, going), limit)), rows[-1].number if is_more else None)


def _sizes(tx: Tx, numbers: Sequence[int]) -> Counter[int]:
    """Return how many rows each incident is at the most, all that refers to it included."""
    sizes = Counter(dict.fromkeys(numbers, 4))  # itself, and three alerts
    count = sa.func.count()
    for size, of in (
        (2 * count + sa.func.sum(_D.c.attempts), _D.c.incident),
        (2 * count, _T.c.incident),
        (count, _E.c.incident),
    ):
        counted = sa.select(of, size).where(of.in_(numbers)).group_by(of)
        sizes.update({number: int(rows) for number, rows in tx.core.execute(counted)})
    return sizes


def _lots(sizes: Counter[int], limit: int) -> Iterator[list[int]]:
    """Put incidents together that one transaction may remove."""
    lot: list[int] = []
    rows = 0
    for number, size in sizes.items():
        if lot and rows + size >= limit:
            yield lot
            lot, rows = [], 0
        lot.append(number)
        rows += size
    if lot:
        yield lot


def _remove(tx: Tx, horizon: Horizon, lot: Sequence[int], limit: int) -> Removed:
    # The incidents first, as everybody does who changes them or what is theirs.
    lock = (
        sa.select(_I.c.number)
        .where(_I.c.number.in_(lot), _is_over(horizon))
        .order_by(_I.c.number)
        .with_for_update(skip_locked=True)
    )
    found = list(tx.core.scalars(lock))
    kept = set(tx.core.scalars(_with_deliveries_to_keep(found, horizon)))
    numbers = [number for number in found if number not in kept]
    rows = 0
    for stage in _STAGES:
        gone, is_more = stage(tx, numbers, limit - rows)
        rows += gone
        if is_more or rows >= limit:
            return Removed(0, rows, is_done=False)
    rows += delete_by_id(tx, _A.c.id, _alerts_of(tx, numbers))
    return Removed(len(numbers), rows + delete_by_id(tx, _I.c.number, numbers))


def _remove_history(tx: Tx, numbers: Sequence[int], limit: int) -> _Going:
    """Remove deliveries, what timelines say, and the alerts that they tell of, the newest first.

    A delivery may name an older entry, as what it follows, or an older delivery, and an entry an older delivery.
    """
    most = max(1, limit // 2)  # each has something with it: a body, an alert
    of_these = _D.c.incident.in_(numbers)
    newest = sa.select(*COLUMNS).where(of_these).order_by(_D.c.id.desc()).limit(most + 1)
    deliveries = [OldDelivery(*row) for row in tx.core.execute(newest)]
    entries = _newest_entries(tx, numbers, limit=most + 1)
    ids = sorted([each.id for each in (*deliveries, *entries)], reverse=True)
    from_id, is_more = (ids[:most] or [0])[-1], len(ids) > most
    going = [each for each in deliveries if each.id >= from_id]
    gone, rows = 0, 0
    if going:
        gone, rows = remove_deliveries(tx, going, siblings=of_these, limit=limit)
    if gone < len(going):  # attempts took their place; entries go down to the newest that is left
        from_id, is_more = going[gone].id, True
    old, left = _split(entries, from_id)
    return rows + _remove_entries(tx, numbers, old, left), is_more


def _newest_entries(tx: Tx, numbers: Sequence[int], *, limit: int) -> Sequence[Any]:
    select = sa.select(_T.c.incident, _T.c.id, _T.c.detail).where(_T.c.incident.in_(numbers))
    return tx.core.execute(select.order_by(_T.c.id.desc()).limit(limit)).all()


def _split(entries: Sequence[Any], from_id: int) -> tuple[list[Any], list[Any]]:
    return (
        [each for each in entries if each.id >= from_id],
        [each for each in entries if each.id < from_id],
    )


def _remove_entries(
    tx: Tx, numbers: Sequence[int], going: Sequence[Any], left: Sequence[Any]
) -> int:
    """Remove entries, and the alerts that they tell of; each alert has its entry."""
    rows = tx.run_many(_DELETE_ENTRY, [(each.incident, each.id) for each in going])
    # One alert may have two entries, which stand together. Those the incident names go with it.
    alerts = _told(going) - _told(left) - set(_alerts_of(tx, numbers))
    return rows + delete_by_id(tx, _A.c.id, sorted(alerts))


def _told(entries: Sequence[Any]) -> set[int]:
    details = (from_json(each.detail) for each in entries)
    return {detail["alert"] for detail in details if "alert" in detail}


def _remove_escalations(tx: Tx, numbers: Sequence[int], limit: int) -> _Going:
    select = (
        sa.select(_E.c.incident, _E.c.number)
        .where(_E.c.incident.in_(numbers))
        .order_by(_E.c.incident, _E.c.number)
        .limit(limit)
    )
    keys = [tuple(row) for row in tx.core.execute(select)]
    return tx.run_many(_DELETE_ESCALATION, keys), len(keys) == limit


def _alerts_of(tx: Tx, numbers: Sequence[int]) -> list[int]:
    rows = tx.core.execute(sa.select(*_ALERTS).where(_I.c.number.in_(numbers)))
    return sorted({id_ for row in rows for id_ in row})


_STAGES: tuple[Callable[[Tx, Sequence[int], int], _Going], ...] = (
    _remove_history,
    _remove_escalations,
)
INCIDENTS = Part("incidents", _find, _remove, is_missed=True)
