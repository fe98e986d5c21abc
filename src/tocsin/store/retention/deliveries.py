"""Deliveries that go: with their attempts, their used links, and the bodies that nobody else sends."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.retention.part import delete_by_id
from tocsin.store.statement import Statement, raw

_D, _A, _U, _B = schema.deliveries, schema.attempts, schema.used_links, schema.bodies
_DELETE_ATTEMPT = Statement(
    _A.delete().where(_A.c.delivery_id == raw("delivery_id"), _A.c.number == raw("number")),
    *("delivery_id", "number"),
)
COLUMNS = (_D.c.id, _D.c.body_id, _D.c.resend_of)


class OldDelivery(NamedTuple):
    """A delivery that is to go."""

    id: int
    body_id: int
    resend_of: int | None


def remove_deliveries(
    tx: Tx, deliveries: Sequence[OldDelivery], *, siblings: sa.ColumnElement[bool], limit: int
) -> tuple[int, int]:
    """Remove these, the first ones first, or only attempts of theirs; return how many, and how many rows.

    `siblings` are all deliveries that may send one of the same bodies. About `limit` rows go.
    """
    attempts = _newest_attempts(tx, deliveries, limit)
    rows = tx.run_many(_DELETE_ATTEMPT, attempts)
    if rows >= limit:
        return 0, rows
    going = deliveries[: max(1, (limit - rows) // 2)]
    ids = [each.id for each in going]
    rows += delete_by_id(tx, _U.c.delivery_id, ids) + delete_by_id(tx, _D.c.id, ids)
    bodies = {each.body_id for each in going}
    still_sent = sa.select(_D.c.body_id).where(siblings, _D.c.body_id.in_(bodies))
    rows += delete_by_id(tx, _B.c.id, sorted(bodies.difference(tx.core.scalars(still_sent))))
    return len(going), rows


def _newest_attempts(tx: Tx, deliveries: Sequence[OldDelivery], limit: int) -> list[Any]:
    """Return the keys of up to `limit` attempts, those of the deliveries in front first."""
    keys: list[Any] = []
    select = (
        sa.select(_A.c.delivery_id, _A.c.number)
        .where(_A.c.delivery_id.in_([each.id for each in deliveries]))
        .order_by(_A.c.delivery_id.desc(), _A.c.number.desc())
        .limit(limit)
    )
    keys += [tuple(row) for row in tx.core.execute(select)]
    return keys
