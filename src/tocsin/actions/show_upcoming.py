"""What will happen by itself, unless somebody acts: steps, ends of holds, attempts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.actions.named_steps import NamedStep, Names
from tocsin.domain.configuration import Configuration
from tocsin.domain.incident import Incident
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Delivery, count_waiting, list_waiting
from tocsin.store.incident_reads import DueStep, count_due, list_due_steps, list_held_incidents


class Upcoming(StrEnum):
    """What can be about to happen."""

    STEP = "step"
    HOLD_END = "hold_end"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True)
class UpcomingItem:
    """One thing that will happen at `due_at`, or at once if that is past.

    A step calls `webhooks`; it passes over those in `skipped`, which are disabled or deleted.
    """

    what: Upcoming
    due_at: datetime
    incident: int | None
    entity_id: str | None = None
    step: NamedStep | None = None
    webhooks: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    delivery: int | None = None
    sooner_at: datetime | None = None
    """When a step fires already, unless the one before it has reached somebody by then."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is due."""

    steps: int
    hold_ends: int
    attempts: int


def show_upcoming(
    tx: Tx, configuration: Configuration, *, until: datetime | None = None, limit: int
) -> list[UpcomingItem]:
    """Return what comes next, the earliest first; only what is due by `until`, if that is given.

    With the present as `until`, it is what resuming a paused engine would let go at once.
    """
    steps = list_due_steps(tx, until=until, limit=limit)
    held = list_held_incidents(tx, until=until, limit=limit)
    waiting = list_waiting(tx, until=until, limit=limit)
    names = Names(
        tx,
        incidents=[delivery.incident for delivery in waiting],
        version_ids=[step.policy_version_id for step in steps],
    )
    items = [
        *(_step(step, configuration, names) for step in steps),
        *(_hold_end(incident) for incident in held),
        *(_attempt(delivery, names) for delivery in waiting),
    ]
    return sorted(items, key=lambda item: item.due_at)[:limit]


def count_upcoming(tx: Tx, until: datetime) -> Backlog:
    """Return how much is due by an instant."""
    steps, hold_ends = count_due(tx, until)
    return Backlog(steps=steps, hold_ends=hold_ends, attempts=count_waiting(tx, until))


def _step(due: DueStep, configuration: Configuration, names: Names) -> UpcomingItem:
    targets = names.version(due.policy_version_id).step_at(due.position).targets
    called = {
        target.webhook_id
        for target in targets
        if (webhook := configuration.webhooks.get(target.webhook_id))
        and webhook.disabled_at is None
    }
    ids = [target.webhook_id for target in targets]
    planned_at = due.planned_at or due.due_at
    return UpcomingItem(
        what=Upcoming.STEP,
        due_at=planned_at,
        sooner_at=due.due_at if due.due_at < planned_at else None,
        incident=due.incident,
        entity_id=due.entity_id,
        step=names.step_of_version(due.policy_version_id, due.position, escalation=due.escalation),
        webhooks=tuple(names.webhook(id_) for id_ in ids if id_ in called),
        skipped=tuple(names.webhook(id_) for id_ in ids if id_ not in called),
    )


def _hold_end(incident: Incident) -> UpcomingItem:
    assert incident.held_until is not None
    return UpcomingItem(
        what=Upcoming.HOLD_END,
        due_at=incident.held_until,
        incident=incident.number,
        entity_id=incident.entity_id,
    )


def _attempt(delivery: Delivery, names: Names) -> UpcomingItem:
    assert delivery.due_at is not None
    return UpcomingItem(
        what=Upcoming.ATTEMPT,
        due_at=delivery.due_at,
        incident=delivery.incident,
        step=names.step_of_delivery(delivery),
        webhooks=(names.webhook(delivery.webhook_id),),
        delivery=delivery.id,
    )
