"""What became of the deliveries of one step: whether it has reached somebody."""

from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, raw

_D, _A = schema.deliveries, schema.attempts
_OF_STEP = Statement(
    sa.select(
        *(_D.c.webhook_id, _D.c.state, sa.type_coerce(_D.c.created_at, sa.BigInteger)),
        *(_D.c.end_reason, _A.c.outcome, _A.c.status_code),
    )
    .select_from(
        _D.outerjoin(_A, sa.and_(_A.c.delivery_id == _D.c.id, _A.c.number == _D.c.attempts))
    )
    .where(
        *(_D.c.incident == raw("incident"), _D.c.escalation == raw("escalation")),
        _D.c.step == raw("step"),
    )
    .order_by(_D.c.id),
    *("incident", "escalation", "step"),
)


class StepDelivery(NamedTuple):
    """One of a step's deliveries, and how its last attempt ended. Units: microseconds since 1970."""

    webhook_id: int
    state: DeliveryState
    created_at: int
    end_reason: Ending | None
    outcome: Outcome | None
    """None while an attempt is under way, or where none was made."""
    status: int | None


def list_deliveries_of_step(
    tx: Tx, *, incident: int, escalation: int, step: int
) -> list[StepDelivery]:
    """Return the deliveries that a step made when it fired; none where it called nobody."""
    return [
        StepDelivery(
            webhook_id,
            DeliveryState(state),
            created_at,
            Ending(end_reason) if end_reason else None,
            Outcome(outcome) if outcome else None,
            status,
        )
        for webhook_id, state, created_at, end_reason, outcome, status in tx.rows(
            _OF_STEP, incident, escalation, step
        )
    ]
