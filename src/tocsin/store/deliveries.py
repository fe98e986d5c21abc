"""Deliveries, their bodies and their attempts.

A delivery whose state is `sending` is its own evidence of the attempt that is open: which number,
since when, held by which run. The attempt's row is written when it ends; a run that died leaves the
delivery, and whoever finds it writes the row with the outcome `unknown`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.follow_up import FollowUp
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.statement import Row, Statement, among, id_list, insert, raw

_D, _B, _A = schema.deliveries, schema.bodies, schema.attempts
_PENDING, _SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
_RARE = ("attempts_before", "resend_of", "follow_up", "cause")
_INSERT = insert(_D, *(each.name for each in _D.columns if each.name not in _RARE))
_INSERT_BODY = insert(_B)
_INSERT_ATTEMPT = insert(_A)
_SETTLE = Statement(
    _D.update()
    .values(
        state=raw("state"),
        due_at=raw("due_at"),
        attempt_started_at=sa.null(),
        run_id=sa.null(),
        ended_at=raw("ended_at"),
        end_reason=raw("end_reason"),
    )
    .where(_D.c.id == raw("id"), _D.c.state == _SENDING, _D.c.attempts == raw("attempt")),
    *("state", "due_at", "ended_at", "end_reason", "id", "attempt"),
)
_OPEN = Statement(
    sa.select(
        _D.c.id, _D.c.attempts, _D.c.attempt_started_at, _D.c.first_attempt_at, _D.c.end_reason
    )
    .where(among(_D.c.id, "ids"), _D.c.state == _SENDING)
    .order_by(_D.c.id)
    .with_for_update(),
    "ids",
)
_UNFINISHED = Statement(
    sa.select(
        *(_D.c.id, _D.c.incident, _D.c.state, _D.c.attempts, _D.c.follow_up, _D.c.escalation),
        _D.c.waits_for,
    )
    .where(among(_D.c.incident, "incidents"), _D.c.state.in_([_PENDING, _SENDING]))
    .order_by(_D.c.id)
    .with_for_update(),
    "incidents",
)
_CANCEL = Statement(
    _D.update()
    .values(
        state=DeliveryState.CANCELLED.value,
        due_at=sa.null(),
        waits_for=sa.null(),
        ended_at=raw("ended_at"),
        end_reason=raw("end_reason"),
    )
    .where(_D.c.id == raw("id"), _D.c.state == _PENDING),
    *("ended_at", "end_reason", "id"),
)
_ASK_TO_CANCEL = Statement(
    _D.update()
    .values(end_reason=raw("end_reason"))
    .where(_D.c.id == raw("id"), _D.c.state == _SENDING, _D.c.end_reason.is_(None)),
    *("end_reason", "id"),
)
_POSTPONE = Statement(
    _D.update().values(due_at=raw("due_at")).where(_D.c.id == raw("id"), _D.c.state == _PENDING),
    *("due_at", "id"),
)
_LEFT_OPEN = Statement(
    sa.select(
        *(_D.c.id, _D.c.webhook_id, _D.c.incident, _D.c.attempts, _D.c.attempt_started_at),
        *(_D.c.run_id, _D.c.end_reason),
    )
    .where(among(_D.c.id, "ids"), _D.c.state == _SENDING, among(_D.c.run_id, "run_ids"))
    .order_by(_D.c.id)
    .with_for_update(),
    *("ids", "run_ids"),
)


class NewDelivery(NamedTuple):
    """A delivery to be made. Units: `planned_at` is microseconds since 1970.

    One that no incident asked for has neither incident, escalation nor step.
    """

    id: int
    incident: int | None
    escalation: int | None
    step: int | None
    webhook_id: int
    body_id: int
    planned_at: int
    waits_for: int | None = None
    """The delivery whose attempt has to end first."""


_PLAN = NewDelivery._fields.index("planned_at")


# A tuple: one is made for each attempt, and a frozen dataclass takes three times as long.
class Lease(NamedTuple):
    """A delivery that this run may send now: attempt number `attempt`. Units: microseconds."""

    id: int
    """Shared by all that one transaction leased."""
    delivery_id: int
    webhook_id: int
    incident: int | None
    attempt: int
    started_at: int
    first_attempt_at: int
    planned_at: int
    body_id: int
    form: bytes
    signed_text: str | None
    """What is signed after the URL, when it is at hand; else it is read from the form."""
    attempts_before: int = 0
    """How many attempts had been made when the delivery was sent again: its waits begin anew."""

    @property
    def key(self) -> tuple[int, int]:
        """What names the attempt: the delivery and the number."""
        return self.delivery_id, self.attempt

    @property
    def is_test(self) -> bool:
        """Whether a person asked for it, and no incident."""
        return self.incident is None


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """What is on record of an attempt that has not ended. `cancel_reason`: stopped meanwhile."""

    delivery_id: int
    attempt: int
    started_at: int
    first_attempt_at: int
    cancel_reason: str | None


class LeftOpen(NamedTuple):
    """An attempt that a run left open. Units: microseconds. `cancel_reason`: stopped meanwhile."""

    delivery_id: int
    webhook_id: int
    incident: int | None
    attempt: int
    started_at: int
    run_id: int
    cancel_reason: str | None

    @property
    def key(self) -> tuple[int, int]:
        """What names the attempt: the delivery and the number."""
        return self.delivery_id, self.attempt


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A delivery that has not ended, and whether its attempt number `attempts` is under way."""

    delivery_id: int
    incident: int
    is_sending: bool
    attempts: int
    follow_up: FollowUp | None
    escalation: int | None
    waits_for: int | None


def insert_bodies(tx: Tx, rows: Sequence[tuple[int, bytes]]) -> None:
    """Keep (id, form) each: once, however many deliveries share it."""
    tx.run_set(_INSERT_BODY, rows)


def insert_deliveries(
    tx: Tx,
    *,
    waiting: Sequence[NewDelivery] = (),
    leased: Sequence[NewDelivery] = (),
    now: int,
    run_id: int,
) -> None:
    """Add deliveries: those that wait, and those whose first attempt begins.

    One that waits for a slot is due at once; one that waits for another delivery is not due yet.

    Units: `now` is microseconds since 1970.
    """
    never = (0, None, None, None, None, None)
    begins = (None, 1, now, now, run_id, None, None, None, None)
    tx.run_set(
        _INSERT,
        [
            (
                *(*new[:_PLAN], _PENDING, new.planned_at, now),
                *(now if new.waits_for is None else None, *never, new.waits_for, None),
            )
            for new in waiting
        ]
        + [(*new[:_PLAN], _SENDING, new.planned_at, now, *begins) for new in leased],
    )


def postpone_delivery(tx: Tx, delivery_id: int, *, until: int) -> None:
    """Make a delivery wait that could not be leased. Units: microseconds since 1970."""
    tx.run(_POSTPONE, until, delivery_id)


def find_open_attempts(tx: Tx, delivery_ids: Iterable[int]) -> dict[int, OpenAttempt]:
    """Return those of the deliveries that are being sent, by id, locked."""
    rows = tx.rows(_OPEN, id_list(delivery_ids))
    return {row[0]: OpenAttempt(*row) for row in rows}


def insert_attempts(tx: Tx, rows: Sequence[Row]) -> None:
    """Add rows in the order of the table's columns."""
    tx.run_set(_INSERT_ATTEMPT, rows)


def settle_deliveries(tx: Tx, rows: Sequence[Row]) -> int:
    """Save (state, due_at, ended_at, end_reason, id, attempt) each; return how many it was true of."""
    return tx.run_set(_SETTLE, rows)


def list_unfinished(tx: Tx, incidents: Iterable[int]) -> list[Unfinished]:
    """Return the deliveries of these incidents that have not ended, locked."""
    rows = tx.rows(_UNFINISHED, id_list(incidents))
    return [
        Unfinished(
            *(id_, incident, state == _SENDING, attempts, follow_up and FollowUp(follow_up)),
            *of_step,
        )
        for id_, incident, state, attempts, follow_up, *of_step in rows
    ]


def cancel_deliveries(tx: Tx, ids: Iterable[int], *, reason: str, now: int) -> None:
    """End deliveries that wait. Units: microseconds since 1970."""
    tx.news.withdrawn += tx.run_many(_CANCEL, [(now, reason, id_) for id_ in ids])


def ask_to_cancel(tx: Tx, ids: Iterable[int], *, reason: str) -> None:
    """Let the attempt under way be the last one, whatever its outcome. The first reason stays."""
    tx.run_many(_ASK_TO_CANCEL, [(reason, id_) for id_ in ids])


def find_left_open(
    tx: Tx, delivery_ids: Iterable[int], *, run_ids: Collection[int]
) -> list[LeftOpen]:
    """Return those of the deliveries that one of these runs is on record as sending, locked."""
    rows = tx.rows(_LEFT_OPEN, id_list(delivery_ids), id_list(run_ids))
    return [LeftOpen(*row) for row in rows]
