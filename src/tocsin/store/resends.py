"""Deliveries that somebody wants sent again: found with what decides about them, and changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import EndReason
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.incident import Status
from tocsin.ids import first_id_at
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import instant_or_none
from tocsin.store.statement import Row, Statement, among, id_list, insert, raw

_D, _I, _E = schema.deliveries, schema.incidents, schema.escalations
_CANDIDATE = sa.select(
    *(
        _D.c.id,
        _D.c.state,
        sa.type_coerce(_D.c.due_at, sa.BigInteger),
        _D.c.attempts,
        _D.c.incident,
        _D.c.webhook_id,
    ),
    *(_D.c.body_id, _D.c.resend_of, _D.c.escalation, _D.c.follow_up),
    *(_I.c.status, _I.c.round, _E.c.round.label("escalation_round")),
    _E.c.end_reason.label("escalation_end"),
).select_from(
    _D.outerjoin(_I, _I.c.number == _D.c.incident).outerjoin(
        _E, sa.and_(_E.c.incident == _D.c.incident, _E.c.number == _D.c.escalation)
    )
)
_LOCK = Statement(
    _CANDIDATE.where(among(_D.c.id, "ids")).order_by(_D.c.id).with_for_update(of=_D), "ids"
)
_INCIDENTS = Statement(
    sa.select(_D.c.incident).where(among(_D.c.id, "ids"), _D.c.incident.is_not(None)).distinct(),
    "ids",
)
_REVIVE = Statement(
    _D.update()
    .values(
        state=DeliveryState.PENDING.value,
        due_at=raw("due_at"),
        attempts_before=_D.c.attempts,
        first_attempt_at=sa.null(),
        ended_at=sa.null(),
        end_reason=sa.null(),
        hurried_at=sa.null(),
    )
    .where(_D.c.id == raw("id"), _D.c.state == DeliveryState.FAILED.value),
    *("due_at", "id"),
)
_BRING_FORWARD = Statement(
    _D.update()
    .values(due_at=raw("due_at"))
    .where(
        _D.c.id == raw("id"),
        _D.c.state == DeliveryState.PENDING.value,
        _D.c.due_at > raw("or_earlier"),
    ),
    *("due_at", "id", "or_earlier"),
)
_RESEND = insert(
    _D,
    *("id", "incident", "webhook_id", "body_id", "state", "planned_at", "created_at", "due_at"),
    *("attempts", "resend_of"),
)


class Candidate(NamedTuple):
    """A delivery, and what decides whether it may be sent again."""

    id: int
    state: DeliveryState
    due_at: datetime | None
    attempts: int
    incident: int | None
    webhook_id: int
    body_id: int
    origin: int
    """The delivery that was the first to send this body to this webhook: perhaps itself."""
    is_in_force: bool
    """Whether its escalation is one that its incident goes by, and whether what it tells is still so;
    True where neither a step nor a change made it."""
    is_follow_up: bool

    @property
    def is_test(self) -> bool:
        return self.incident is None

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        id_, state, due_at, attempts, incident, webhook_id, body_id, resend_of, *of_incident = row
        escalation, follow_up, status, incident_round, escalation_round, end_reason = of_incident
        is_in_force = True
        if escalation is not None:
            is_triggered = status == Status.TRIGGERED.value
            counts = escalation_round == incident_round and end_reason != EndReason.MOVED.value
            is_in_force = is_triggered and counts
        elif follow_up is not None:
            is_in_force = FollowUp(follow_up).status.value == status
        return cls(
            id=id_,
            state=DeliveryState(state),
            due_at=instant_or_none(due_at),
            attempts=attempts,
            incident=incident,
            webhook_id=webhook_id,
            body_id=body_id,
            origin=resend_of or id_,
            is_in_force=is_in_force,
            is_follow_up=follow_up is not None,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which deliveries: in one state, and made from `since` on, before `until`. None chooses all."""

    state: DeliveryState
    webhook_ids: Sequence[int] | None = None
    incident: int | None = None
    is_test: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_candidates(tx: Tx, choice: Choice, *, after: int, limit: int) -> list[Candidate]:
    """Return deliveries of a choice, the oldest first, above the id `after`. Nothing is locked."""
    select = _CANDIDATE.where(_D.c.id > after, _D.c.state == choice.state.value)
    if choice.webhook_ids is not None:
        select = select.where(_D.c.webhook_id.in_(choice.webhook_ids))
    if choice.incident is not None:
        select = select.where(_D.c.incident == choice.incident)
    if choice.is_test is not None:
        test = _D.c.incident.is_(None)
        select = select.where(test if choice.is_test else sa.not_(test))
    if choice.since is not None:
        # Ids never lag behind the clock, and are in order.
        select = select.where(_D.c.created_at >= choice.since, _D.c.id >= first_id_at(choice.since))
    if choice.until is not None:
        select = select.where(_D.c.created_at < choice.until)
    rows = tx.core.execute(select.order_by(_D.c.id).limit(limit))
    return [Candidate.of_row(row) for row in rows]


def find_candidate(tx: Tx, id_: int) -> Candidate | None:
    """Return one delivery. Nothing is locked."""
    row = tx.core.execute(_CANDIDATE.where(_D.c.id == id_)).first()
    return None if row is None else Candidate.of_row(row)


def incidents_of(tx: Tx, delivery_ids: Iterable[int]) -> set[int]:
    """Return the incidents that deliveries belong to."""
    return {row[0] for row in tx.rows(_INCIDENTS, id_list(delivery_ids))}


def lock_candidates(tx: Tx, ids: Iterable[int]) -> dict[int, Candidate]:
    """Return those of the deliveries that exist, by id, locked. Lock their incidents first."""
    return {row[0]: Candidate.of_row(row) for row in tx.rows(_LOCK, id_list(ids))}


def revive_deliveries(tx: Tx, ids: Iterable[int], *, now: int) -> None:
    """Let deliveries that failed be due, with as long to be tried as new ones. Units: microseconds."""
    tx.run_many(_REVIVE, [(now, id_) for id_ in ids])


def bring_forward(tx: Tx, ids: Iterable[int], *, now: int) -> None:
    """Let deliveries that wait be due now. Units: microseconds since 1970."""
    tx.run_many(_BRING_FORWARD, [(now, id_, now) for id_ in ids])


def insert_resends(tx: Tx, resends: Iterable[tuple[int, Candidate]], *, now: int) -> None:
    """Add new deliveries, each with its id, of the bodies of others; due now. Units: microseconds."""
    rows: list[Row] = [
        (
            *(id_, each.incident, each.webhook_id, each.body_id, DeliveryState.PENDING.value),
            *(now, now, now, 0, each.origin),
        )
        for id_, each in resends
    ]
    tx.run_many(_RESEND, rows)
