"""Deliveries that follow pages, and the pages that they follow."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.delivery_order import Receiver
from tocsin.domain.follow_up import FollowUp, SentPage
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, among, id_list, insert

_D, _A = schema.deliveries, schema.attempts
_INSERT = insert(
    _D,
    *("id", "incident", "webhook_id", "body_id", "state", "planned_at", "created_at", "due_at"),
    *("attempts", "waits_for", "follow_up", "cause"),
)
_HAS_LEFT = sa.or_(
    _D.c.state == DeliveryState.DELIVERED.value,
    sa.exists().where(
        _A.c.delivery_id == _D.c.id,
        sa.or_(_A.c.first_byte_at.is_not(None), _A.c.outcome == Outcome.UNKNOWN.value),
    ),
)
_PAGES = Statement(
    sa.select(_D.c.incident, _D.c.webhook_id, _D.c.id, _D.c.state, _HAS_LEFT)
    .where(
        among(_D.c.incident, "incidents"),
        among(_D.c.webhook_id, "webhook_ids"),
    )
    .order_by(_D.c.id),
    *("incidents", "webhook_ids"),
)


class NewFollowUp(NamedTuple):
    """A follow-up to be made. `waits_for` is the delivery whose attempt has to end first."""

    id: int
    incident: int
    webhook_id: int
    body_id: int
    waits_for: int | None
    follow_up: FollowUp
    cause: int


def insert_follow_ups(tx: Tx, new: Sequence[NewFollowUp], *, now: int) -> None:
    """Add deliveries; what waits for nothing is due now. Units: microseconds since 1970."""
    tx.run_many(
        _INSERT,
        [
            (
                *(each.id, each.incident, each.webhook_id, each.body_id),
                *(DeliveryState.PENDING.value, now, now),
                *(now if each.waits_for is None else None, 0, each.waits_for),
                *(each.follow_up.value, each.cause),
            )
            for each in new
        ],
    )
    tx.news.follow_ups += [each.follow_up.value for each in new]
    told = dict.fromkeys((each.incident, each.cause) for each in new)
    tx.news.feed += [("followed_up", *each) for each in told]


def find_pages(
    tx: Tx, incidents: Iterable[int], webhook_ids: Iterable[int]
) -> dict[Receiver, list[SentPage]]:
    """Return what was made of these incidents for these webhooks, in order.

    What was told or sent once more counts as the page itself, which had left by then. Call `find_in_line` first: it
    locks those that have not ended, so that none of their attempts ends between two looks, or unseen.
    """
    found: dict[Receiver, list[SentPage]] = {}
    for incident, webhook_id, id_, state, has_left in tx.rows(
        _PAGES, id_list(set(incidents)), id_list(set(webhook_ids))
    ):
        page = SentPage(id_, DeliveryState(state), bool(has_left))
        found.setdefault((incident, webhook_id), []).append(page)
    return found
