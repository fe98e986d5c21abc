"""Deliveries of one incident to one webhook, in line: who is the latest, and who waits for whom."""

from collections.abc import Iterable

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.delivery_order import Earlier, Receiver
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import instant_or_none
from tocsin.store.statement import Statement, among, id_list, raw

_D = schema.deliveries
_PENDING, _SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
_IN_LINE = Statement(
    sa.select(_D.c.incident, _D.c.webhook_id, _D.c.id, _D.c.due_at, _D.c.hurried_at)
    .where(among(_D.c.incident, "incidents"), _D.c.state.in_([_PENDING, _SENDING]))
    .order_by(_D.c.id)
    .with_for_update(),
    "incidents",
)
_HURRY = Statement(
    _D.update()
    .values(due_at=raw("due_at"), hurried_at=raw("hurried_at"))
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING, _D.c.due_at.is_not(None)),
    *("due_at", "hurried_at", "id"),
)
_AWAITED = Statement(
    _D.update()
    .values(hurried_at=_D.c.due_at)
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING, _D.c.due_at.is_not(None)),
    "id",
)
_BEHIND = Statement(
    sa.select(_D.c.id, _D.c.webhook_id, _D.c.created_at)
    .where(among(_D.c.waits_for, "ids"), _D.c.state == _PENDING)
    .order_by(_D.c.id)
    .with_for_update(),
    "ids",
)
_SOMEBODY_WAITS = Statement(
    sa.select(_D.c.id).where(_D.c.waits_for.is_not(None)).limit(sa.literal_column("1"))
)
_RELEASE = Statement(
    _D.update()
    .values(due_at=_D.c.created_at, waits_for=sa.null())
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING),
    "id",
)


def find_in_line(tx: Tx, incidents: Iterable[int]) -> dict[Receiver, Earlier]:
    """Return the latest unfinished delivery of each of these incidents to each webhook, locked."""
    rows = tx.rows(_IN_LINE, id_list(incidents))
    return {
        (incident, webhook_id): Earlier(id_, instant_or_none(due_at), instant_or_none(hurried_at))
        for incident, webhook_id, id_, due_at, hurried_at in rows
    }


def hurry_deliveries(tx: Tx, ids: Iterable[int], *, now: int) -> None:
    """Bring retries forward that wait for their time. Units: microseconds since 1970."""
    tx.run_many(_HURRY, [(now, now, id_) for id_ in ids])


def note_awaited(tx: Tx, ids: Iterable[int]) -> None:
    """Note of deliveries that are due already that a newer one waits for them: a breaker must not hold them."""
    tx.run_many(_AWAITED, [(id_,) for id_ in ids])


def release_behind(tx: Tx, delivery_ids: Iterable[int]) -> dict[int, int]:
    """Let those go that waited for these deliveries: they are due since they were made.

    Returns since when each webhook has some to send. Units: microseconds since 1970.
    """
    if not tx.rows(_SOMEBODY_WAITS):  # as a rule: a look at an empty index
        return {}
    behind = tx.rows(_BEHIND, id_list(delivery_ids))
    tx.run_many(_RELEASE, [(id_,) for id_, _, _ in behind])
    due_at: dict[int, int] = {}
    for _, webhook_id, created_at in behind:
        due_at[webhook_id] = min(created_at, due_at.get(webhook_id, created_at))
    return due_at
