"""Heartbeats. What calls and the engine write is written under the lock of the heartbeat's entity."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tocsin.domain.heartbeat import Condition, Heartbeat
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.schema import micros_or_none, to_micros
from tocsin.store.statement import Statement, raw

_H = schema.heartbeats
_ALIVE = _H.c.deleted_at.is_(None)
_MICROSECOND = timedelta(microseconds=1)
_LIVING: Final = ("counts_from", "condition", "changed_at", "due_at", "last_call_at", "message")
"""The columns that calls and the engine write."""
_NEXT_DUE = Statement(sa.select(sa.func.min(_H.c.due_at)).where(_H.c.due_at.is_not(None)))
_SAVE = Statement(
    _H.update().values({name: raw(name) for name in _LIVING}).where(_H.c.id == raw("id")),
    *_LIVING,
    "id",
)


def list_heartbeats(tx: Tx) -> list[Heartbeat]:
    """Return the heartbeats in order of slug."""
    return _heartbeats(tx, sa.select(_H).where(_ALIVE))


def any_heartbeat(tx: Tx) -> bool:
    """Return whether there is one, or one of which an incident is still to be taken back."""
    return tx.core.scalar(sa.select(_H.c.id).limit(1)) is not None


def lock_heartbeats(tx: Tx, slugs: Iterable[str]) -> list[Heartbeat]:
    """Return those of the heartbeats that exist, in order of slug, locked until the transaction ends."""
    select = sa.select(_H).where(_ALIVE, _H.c.slug.in_(sorted(set(slugs))))
    return _heartbeats(tx, select.with_for_update())


def lock_all_heartbeats(tx: Tx) -> list[Heartbeat]:
    """Return the heartbeats, in order of slug, locked until the transaction ends."""
    return _heartbeats(tx, sa.select(_H).where(_ALIVE).with_for_update())


def list_due_slugs(tx: Tx, now: datetime, *, limit: int) -> list[str]:
    """Return the slugs of heartbeats that are to be judged, those due longest first; nothing is locked."""
    select = sa.select(_H.c.slug).where(_H.c.due_at <= now).order_by(_H.c.due_at, _H.c.id)
    return list(tx.core.scalars(select.limit(limit)))


def lock_due(tx: Tx, slugs: Iterable[str], now: datetime) -> list[Heartbeat]:
    """Return those that are still to be judged, deleted ones among them, locked, in order of slug."""
    select = sa.select(_H).where(_H.c.slug.in_(list(slugs)), _H.c.due_at <= now)
    return _heartbeats(tx, select.with_for_update())


def next_heartbeat_due(tx: Tx) -> int | None:
    """Return when the next heartbeat is to be judged. Units: microseconds since 1970."""
    (row,) = tx.rows(_NEXT_DUE)
    return row[0]  # type: ignore[no-any-return]


def newest_call(tx: Tx) -> datetime | None:
    """Return when a job called last."""
    at: datetime | None = tx.core.scalar(sa.select(sa.func.max(_H.c.last_call_at)))
    return at


def save_heartbeats(tx: Tx, heartbeats: Sequence[Heartbeat]) -> None:
    """Save what calls and the engine change of heartbeats that are locked."""
    tx.run_many(_SAVE, [(*_living(each), each.id) for each in heartbeats])
    for each in heartbeats:
        _will_be_due(tx, each)


def put_off(tx: Tx, slug: str, *, now: datetime, until: datetime) -> None:
    """Let what is due of a slug be judged later."""
    due = sa.and_(_H.c.slug == slug, _H.c.due_at <= now)
    tx.core.execute(_H.update().where(due).values(due_at=until))


def insert_heartbeat(tx: Tx, heartbeat: Heartbeat) -> None:
    tx.core.execute(_H.insert(), _row(heartbeat))
    _will_be_due(tx, heartbeat)


def update_heartbeat(tx: Tx, heartbeat: Heartbeat) -> None:
    """Save all of a heartbeat that is locked."""
    tx.core.execute(_H.update().where(_H.c.id == heartbeat.id).values(_row(heartbeat)))
    _will_be_due(tx, heartbeat)


def delete_heartbeat(tx: Tx, heartbeat: Heartbeat, *, now: datetime) -> None:
    """Take a heartbeat out of sight; the row goes when the engine has taken back what was told of it."""
    update_heartbeat(tx, replace(heartbeat, deleted_at=now, due_at=now))


def forget_heartbeats(tx: Tx, ids: Sequence[int]) -> None:
    """Delete rows for good."""
    tx.core.execute(_H.delete().where(_H.c.id.in_(ids)))


def _will_be_due(tx: Tx, heartbeat: Heartbeat) -> None:
    if heartbeat.due_at is not None:
        tx.news.has_work_at(to_micros(heartbeat.due_at))


def _heartbeats(tx: Tx, select: sa.Select[Any]) -> list[Heartbeat]:
    rows = tx.core.execute(select.order_by(_H.c.slug, _H.c.id)).mappings()
    return [_heartbeat(row) for row in rows]


def _living(heartbeat: Heartbeat) -> tuple[Any, ...]:
    return (
        to_micros(heartbeat.counts_from),
        heartbeat.condition.value,
        micros_or_none(heartbeat.changed_at),
        micros_or_none(heartbeat.due_at),
        micros_or_none(heartbeat.last_call_at),
        heartbeat.message,
    )


def _row(heartbeat: Heartbeat) -> dict[str, Any]:
    row = {name: getattr(heartbeat, name) for name in _H.columns.keys()}  # noqa: SIM118 - columns are no dict
    return row | {
        "every": heartbeat.every // _MICROSECOND,
        "grace": heartbeat.grace // _MICROSECOND,
        "condition": heartbeat.condition.value,
    }


def _heartbeat(row: sa.RowMapping) -> Heartbeat:
    values = dict(row)
    values["every"] = values["every"] * _MICROSECOND
    values["grace"] = values["grace"] * _MICROSECOND
    values["condition"] = Condition(values["condition"])
    return Heartbeat(**values)
