"""Deliveries as people look at them: listed, found, with their attempts. Nothing is locked."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.outcome import Outcome
from tocsin.ids import first_id_at
from tocsin.store import schema
from tocsin.store.by_key import rows_by_key
from tocsin.store.database import Tx
from tocsin.stored_json import from_json

_D, _A, _B = schema.deliveries, schema.attempts, schema.bodies
_MOST_AT_ONCE = 500  # ids in one statement


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands. `attempts` counts the one under way, too.

    While the state is sending, attempt number `attempts` began at `attempt_started_at` and is open;
    `end_reason` then says why it is to be the last one.
    """

    id: int
    incident: int | None
    escalation: int | None
    step: int | None
    webhook_id: int
    body_id: int
    state: DeliveryState
    planned_at: datetime
    created_at: datetime
    due_at: datetime | None
    attempts: int
    first_attempt_at: datetime | None
    attempt_started_at: datetime | None
    run_id: int | None
    ended_at: datetime | None
    end_reason: str | None
    waits_for: int | None
    """The delivery whose attempt has to end first."""
    hurried_at: datetime | None
    """When its retry was brought forward, because a newer one waits for it."""
    attempts_before: int | None
    resend_of: int | None
    follow_up: FollowUp | None
    """What it tells, if it follows a page; then it has no step."""
    cause: int | None
    """The timeline entry of what it tells of."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One exchange, from its start to its end. It has no outcome while it is open."""

    delivery_id: int
    number: int
    run_id: int
    started_at: datetime
    first_byte_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    status_code: int | None = None
    detail: dict[str, Any] | None = None
    head_id: int | None = None

    @property
    def tls_reason(self) -> str | None:
        """Why there was no TLS, as it was found out; None for any other outcome."""
        if self.outcome is None or self.detail is None or not self.outcome.is_about_tls:
            return None
        return self.detail.get("reason")


def find_delivery(tx: Tx, id_: int) -> Delivery | None:
    found = _deliveries(tx, sa.select(_D).where(_D.c.id == id_))
    return found[0] if found else None


def list_deliveries(
    tx: Tx,
    *,
    webhook_ids: Iterable[int] | None = None,
    state: DeliveryState | None = None,
    incident: int | None = None,
    is_test: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[Delivery]:
    """Return deliveries, the latest first, below the id `before`; made from `since` on, before `until`."""
    select = sa.select(_D)
    if webhook_ids is not None:
        select = select.where(_D.c.webhook_id.in_(list(webhook_ids)))
    if state is not None:
        select = select.where(_D.c.state == state.value)
    if incident is not None:
        select = select.where(_D.c.incident == incident)
    if is_test is not None:
        select = select.where(_D.c.incident.is_(None) == is_test)
    if since is not None:
        # Ids never lag behind the clock, and are in order.
        select = select.where(_D.c.created_at >= since, _D.c.id >= first_id_at(since))
    if until is not None:
        select = select.where(_D.c.created_at < until)
    if before is not None:
        select = select.where(_D.c.id < before)
    return _deliveries(tx, select.order_by(_D.c.id.desc()).limit(limit))


def find_deliveries(tx: Tx, ids: Iterable[int]) -> dict[int, Delivery]:
    """Return those of the deliveries that exist, by id."""
    wanted, found = list(ids), []
    for at in range(0, len(wanted), _MOST_AT_ONCE):
        some = wanted[at : at + _MOST_AT_ONCE]
        found += _deliveries(tx, sa.select(_D).where(_D.c.id.in_(some)))
    return {delivery.id: delivery for delivery in found}


def list_resends(tx: Tx, id_: int) -> list[int]:
    """Return the deliveries that sent a delivery's body once more, in the order of their making."""
    select = sa.select(_D.c.id).where(_D.c.resend_of == id_).order_by(_D.c.id)
    return list(tx.core.scalars(select))


def list_deliveries_of_incident(tx: Tx, incident: int) -> list[Delivery]:
    """Return an incident's deliveries in the order in which they were made."""
    return _deliveries(tx, sa.select(_D).where(_D.c.incident == incident).order_by(_D.c.id))


def list_deliveries_of_steps(tx: Tx, steps: Collection[tuple[int, int, int]]) -> list[Delivery]:
    """Return what these steps sent, each an incident, an escalation of it, and a position of that."""
    if not steps:
        return []
    rows = rows_by_key(tx, _D, ("incident", "escalation", "step"), steps).mappings()
    return sorted((_delivery(row) for row in rows), key=lambda each: each.id)


def list_deliveries_of_causes(tx: Tx, causes: Collection[int]) -> list[Delivery]:
    """Return what tells of these entries of the timeline."""
    is_of_one = sa.and_(_D.c.cause.in_(causes), _D.c.cause.is_not(None))
    return (
        _deliveries(tx, sa.select(_D).where(is_of_one).order_by(_D.c.cause, _D.c.id))
        if causes
        else []
    )


def list_waiting(tx: Tx, *, until: datetime | None = None, limit: int) -> list[Delivery]:
    """Return the deliveries that wait for an attempt, those due first in front."""
    select = sa.select(_D).where(_D.c.due_at.is_not(None)).order_by(_D.c.due_at, _D.c.id)
    if until is not None:
        select = select.where(_D.c.due_at <= until)
    return _deliveries(tx, select.limit(limit))


def count_waiting(tx: Tx, until: datetime) -> int:
    """Return how many deliveries wait for an attempt that is due by an instant."""
    count = sa.select(sa.func.count()).select_from(_D).where(_D.c.due_at <= until)
    return int(tx.core.scalar(count) or 0)


def list_attempts(tx: Tx, deliveries: Iterable[Delivery]) -> dict[int, list[Attempt]]:
    """Return the attempts of each delivery, in order, the one under way included."""
    of_id = {delivery.id: delivery for delivery in deliveries}
    attempts: dict[int, list[Attempt]] = {id_: [] for id_ in of_id}
    ids = list(of_id)
    for at in range(0, len(ids), _MOST_AT_ONCE):
        select = sa.select(_A).where(_A.c.delivery_id.in_(ids[at : at + _MOST_AT_ONCE]))
        for row in tx.core.execute(select.order_by(_A.c.delivery_id, _A.c.number)).mappings():
            attempts[row["delivery_id"]].append(_attempt(row))
    for id_, delivery in of_id.items():
        if under_way := _open_attempt(delivery):
            attempts[id_].append(under_way)
    return attempts


def find_outcomes(tx: Tx, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return how those of the attempts ended that have, each by its delivery and number."""
    if not keys:
        return {}
    rows = rows_by_key(tx, _A, ("delivery_id", "number"), keys)
    return {(row.delivery_id, row.number): row.outcome for row in rows}


def _open_attempt(delivery: Delivery) -> Attempt | None:
    """The delivery itself is the record of the attempt that is under way."""
    if delivery.attempt_started_at is None or delivery.run_id is None:
        return None
    return Attempt(
        delivery_id=delivery.id,
        number=delivery.attempts,
        run_id=delivery.run_id,
        started_at=delivery.attempt_started_at,
    )


def get_body(tx: Tx, body_id: int) -> bytes:
    """Return a body as it is sent."""
    return bytes(tx.core.execute(sa.select(_B.c.form).where(_B.c.id == body_id)).scalar_one())


def _deliveries(tx: Tx, select: sa.Select[Any]) -> list[Delivery]:
    rows = tx.core.execute(select).mappings()
    return [_delivery(row) for row in rows]


def _delivery(row: sa.RowMapping) -> Delivery:
    follow_up = row["follow_up"] and FollowUp(row["follow_up"])
    return Delivery(**{**row, "state": DeliveryState(row["state"]), "follow_up": follow_up})


def _attempt(row: sa.RowMapping) -> Attempt:
    detail = from_json(row["detail"]) if row["detail"] else None
    return Attempt(**{**row, "outcome": Outcome(row["outcome"]), "detail": detail})
