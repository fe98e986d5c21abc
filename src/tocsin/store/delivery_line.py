"""Deliveries of one incident to one webhook, in line: who is the latest, and who waits for whom."""

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.domain.delivery_order import Earlier, Receiver
from tocsin.domain.follow_up import FollowUp
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import instant_or_none
from tocsin.store.statement import Statement, among, id_list, raw

_D = schema.deliveries
_PENDING, _SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
_IN_LINE = Statement(
    sa.select(
        *(_D.c.incident, _D.c.webhook_id, _D.c.id, _D.c.due_at, _D.c.hurried_at),
        _D.c.follow_up.is_not(None),
    )
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
    sa.select(
        *(_D.c.id, _D.c.incident, _D.c.webhook_id, _D.c.created_at),
        *(_D.c.waits_for, _D.c.follow_up),
    )
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
_LET_WAIT = Statement(
    _D.update()
    .values(waits_for=raw("waits_for"))
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING),
    *("waits_for", "id"),
)
_SUPERSEDE = Statement(
    _D.update()
    .values(
        state=DeliveryState.CANCELLED.value,
        due_at=sa.null(),
        ended_at=raw("ended_at"),
        end_reason=Ending.SUPERSEDED.value,
    )
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING, _D.c.follow_up.is_not(None)),
    *("ended_at", "id"),
)


class Behind(NamedTuple):
    """A delivery that waits for another one. Units: `created_at` is microseconds since 1970."""

    id: int
    incident: int
    webhook_id: int
    created_at: int
    waits_for: int
    follow_up: FollowUp | None


def find_in_line(tx: Tx, incidents: Iterable[int]) -> dict[Receiver, Earlier]:
    """Return the latest unfinished delivery of each of these incidents to each webhook, locked."""
    rows = tx.rows(_IN_LINE, id_list(incidents))
    return {
        (incident, webhook_id): Earlier(
            id_, instant_or_none(due_at), instant_or_none(hurried_at), is_follow_up=bool(follows)
        )
        for incident, webhook_id, id_, due_at, hurried_at, follows in rows
    }


def hurry_deliveries(tx: Tx, ids: Iterable[int], *, now: int) -> None:
    """Bring retries forward that wait for their time. Units: microseconds since 1970."""
    tx.run_many(_HURRY, [(now, now, id_) for id_ in ids])


def note_awaited(tx: Tx, ids: Iterable[int]) -> None:
    """Note of deliveries that are due already that a newer one waits for them: a breaker must not hold them."""
    tx.run_many(_AWAITED, [(id_,) for id_ in ids])


def somebody_waits(tx: Tx) -> bool:
    """Return whether any delivery waits for another: as a rule a look at an empty index."""
    return bool(tx.rows(_SOMEBODY_WAITS))


def find_behind(tx: Tx, delivery_ids: Iterable[int]) -> list[Behind]:
    """Return those that wait for these deliveries, locked."""
    return [
        Behind(id_, incident, webhook_id, created_at, waits_for, follow_up and FollowUp(follow_up))
        for id_, incident, webhook_id, created_at, waits_for, follow_up in tx.rows(
            _BEHIND, id_list(delivery_ids)
        )
    ]


def release_deliveries(tx: Tx, ids: Iterable[int]) -> None:
    """Let those go that waited: they are due since they were made."""
    tx.run_many(_RELEASE, [(id_,) for id_ in ids])


def let_wait(tx: Tx, waits_for: Iterable[tuple[int, int]]) -> None:
    """Let deliveries, the first of each pair, wait for others."""
    tx.run_many(_LET_WAIT, [(other, id_) for id_, other in waits_for])


def supersede(tx: Tx, ids: Iterable[int], *, now: int) -> None:
    """End those of the deliveries that are follow-ups and wait for another try.

    Units: microseconds since 1970.
    """
    tx.news.withdrawn += tx.run_many(_SUPERSEDE, [(now, id_) for id_ in ids])
