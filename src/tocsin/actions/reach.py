"""Whether a step has reached somebody; if not, the next one does not wait for its time.

An escalation whose last step is impatient looks at that step's deliveries when its patience ends, or as
soon as all of them have ended. It then fires its next step, or goes back to the plan.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tocsin.actions.incident_set import Context
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import Firing, Look, look_at
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.store.database import Tx
from tocsin.store.escalations import Due, Watching, look_now
from tocsin.store.schema import from_micros
from tocsin.store.step_deliveries import StepDelivery, list_deliveries_of_step

_SECOND = timedelta(seconds=1)


def look(tx: Tx, context: Context, due: Due, version: PolicyVersion) -> Look:
    """Return what is to be seen of the step that fired last."""
    made = _list_made(tx, due)
    patience = version.patience_after(due.next_step - 1)
    if patience is None or not made:
        return Look(None)
    return look_at(
        [each.state for each in made],
        fired_at=from_micros(made[0].created_at),
        patience=patience,
        now=context.now,
    )


def look_again_where_all_ended(tx: Tx, watching: Sequence[Watching], *, now: int) -> None:
    """Let those escalations look now of whose last step no delivery can reach anybody any more.

    Units: microseconds since 1970.
    """
    look_now(tx, [each for each in watching if _has_failed(_list_made(tx, each))], now=now)


def _has_failed(made: Sequence[StepDelivery]) -> bool:
    return all(each.state.is_ended and each.state is not DeliveryState.DELIVERED for each in made)


def _list_made(tx: Tx, escalation: Due | Watching) -> list[StepDelivery]:
    return list_deliveries_of_step(
        tx,
        incident=escalation.incident,
        escalation=escalation.number,
        step=escalation.next_step - 1,
    )


def hurried_entry(
    tx: Tx, context: Context, due: Due, version: PolicyVersion, firing: Firing
) -> TimelineEntry:
    """Return the entry that says why a step fires before its time: it is about the step before it."""
    assert firing.hurry is not None
    position = firing.position - 1
    patience = version.patience_after(position)
    detail: dict[str, Any] = {
        "escalation": due.number,
        "step": position,
        "reason": firing.hurry.value,
        "after_seconds": patience // _SECOND if patience else None,
        "unreached": [],
    }
    if position == due.next_step - 1:  # else it has only just fired
        detail["unreached"] = [_facts(each) for each in _list_made(tx, due)]
    (id_,) = context.ids.take(1, context.now)
    tx.news.hurried.append((due.incident, firing.hurry.value))
    return TimelineEntry(due.incident, id_, context.now, Kind.REACHED_NOBODY, ENGINE, detail)


def _facts(delivery: StepDelivery) -> dict[str, Any]:
    return {
        "webhook_id": delivery.webhook_id,
        "state": delivery.state.value,
        "end_reason": delivery.end_reason.value if delivery.end_reason else None,
        "outcome": delivery.outcome.value if delivery.outcome else None,
        "status": delivery.status,
    }
