"""Every instant that lies ahead because somebody waits for a length of time, moved when the clock is set back.

A step "in 5 minutes" was planned by a clock that turned out to be an hour fast: without this it would
fire in 65. What is on record stays as it was recorded; what a person gave as an instant stays, too.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tocsin.store import schema
from tocsin.store.counters import next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.schema_configuration import heartbeats

_D, _E, _F, _H, _I, _L, _R = (
    schema.deliveries,
    schema.escalations,
    schema.webhook_failures,
    heartbeats,
    schema.incidents,
    schema.lanes,
    schema.runs,
)
# Each table's columns, and the rows that wait, found by an index where the table is large.
PLANS: Final[tuple[tuple[sa.ColumnElement[bool], tuple[sa.Column[Any], ...]], ...]] = (
    (_I.c.held_until.is_not(None), (_I.c.held_until,)),
    (_E.c.due_at.is_not(None), (_E.c.due_at, _E.c.planned_at)),
    (_D.c.due_at.is_not(None), (_D.c.due_at, _D.c.hurried_at, _D.c.first_attempt_at)),
    (_H.c.due_at.is_not(None), (_H.c.due_at, _H.c.counts_from)),
    (sa.true(), (_L.c.due_at, _L.c.held_until)),
    (sa.true(), (_F.c.failing_since, _F.c.gone_since, _F.c.latest_at)),
    (sa.true(), (_F.c.breaker_opened_at, _F.c.probe_at)),
)
_MICROSECOND = timedelta(microseconds=1)
_BROUGHT_FORWARD: Final = "plans_brought_forward"
_ONE_JUMP: Final = timedelta(minutes=1)
"""In how long all nodes see a jump of the clock that they share."""


def bring_forward(tx: Tx, *, by: timedelta) -> None:
    """Let everything that waits come that much sooner: the clock that it was planned by was set back."""
    micros = sa.literal(by // _MICROSECOND, sa.BigInteger)
    for waits, columns in PLANS:
        sooner = {each: sa.type_coerce(each, sa.BigInteger) - micros for each in columns}
        tx.core.execute(sa.update(columns[0].table).where(waits).values(sooner))


def bring_forward_once(tx: Tx, *, by: timedelta, now: datetime) -> bool:
    """Do it for all nodes; False: another one has, for the same jump. Units: `now` is by the clock as it is set."""
    tx.take_time()
    at = to_micros(now)
    last = next_number(tx, _BROUGHT_FORWARD, first=0)
    if 0 <= at - last <= _ONE_JUMP // _MICROSECOND:
        return False
    save_number(tx, _BROUGHT_FORWARD, at)
    bring_forward(tx, by=by)
    # Who lives renews it in a moment; who died before the jump would else be awaited until that time comes.
    tx.core.execute(
        sa.update(_R).where(_R.c.ended_at.is_(None), _R.c.renewed_at > now).values(renewed_at=now)
    )
    return True
