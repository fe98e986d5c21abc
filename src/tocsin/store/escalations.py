"""Escalations: runs of policies, and the one column that is their timer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.domain.escalation import EndReason, Escalation
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, instant_or_none, micros_or_none, to_micros
from tocsin.store.statement import Row, Statement, among, id_list, insert, raw

_E, _I, _A = schema.escalations, schema.incidents, schema.alerts
_RARE = ("planned_at",)
_INSERT = insert(_E, *(each.name for each in _E.columns if each.name not in _RARE))
_DUE = Statement(
    sa.select(
        *(_E.c.incident, _E.c.number, _E.c.policy_version_id, _E.c.next_step, _E.c.due_at),
        *(_A.c.fields, _E.c.planned_at),
    )
    .select_from(
        _E.join(_I, _I.c.number == _E.c.incident).join(_A, _A.c.id == _I.c.raising_alert_id)
    )
    .where(_E.c.due_at <= raw("now"))
    .order_by(_E.c.due_at, _E.c.incident, _E.c.number)
    .limit(raw("limit"))
    # Both, or PostgreSQL would not see that one was stopped just before its incident was locked.
    .with_for_update(of=[_I, _E], skip_locked=True),
    "now",
    "limit",
)
_NEXT_DUE = Statement(sa.select(sa.func.min(_E.c.due_at)).where(_E.c.due_at.is_not(None)))
_MOVE = Statement(
    _E.update()
    .values(
        next_step=raw("next_step"),
        due_at=raw("due_at"),
        failures=0,
        ended_at=raw("ended_at"),
        end_reason=raw("end_reason"),
        planned_at=raw("planned_at"),
    )
    .where(
        _E.c.incident == raw("incident"),
        _E.c.number == raw("number"),
        _E.c.next_step == raw("was"),
        _E.c.due_at.is_not(None),
    ),
    *("next_step", "due_at", "ended_at", "end_reason", "planned_at", "incident", "number", "was"),
)
_STOP = Statement(
    _E.update()
    .values(
        due_at=sa.null(),
        planned_at=sa.null(),
        ended_at=raw("ended_at"),
        end_reason=raw("end_reason"),
    )
    .where(
        _E.c.incident == raw("incident"), _E.c.number == raw("number"), _E.c.due_at.is_not(None)
    ),
    *("ended_at", "end_reason", "incident", "number"),
)
_POSTPONE = Statement(
    _E.update()
    .values(due_at=raw("due_at"), failures=_E.c.failures + 1)
    .where(
        _E.c.incident == raw("incident"), _E.c.number == raw("number"), _E.c.due_at.is_not(None)
    ),
    *("due_at", "incident", "number"),
)
_OF_INCIDENTS = Statement(
    sa.select(_E).where(among(_E.c.incident, "incidents")).order_by(_E.c.incident, _E.c.number),
    "incidents",
)
_STILL_RUNNING = Statement(
    sa.select(_E.c.incident)
    .where(among(_E.c.incident, "incidents"), _E.c.due_at.is_not(None))
    .distinct(),
    "incidents",
)
_WATCHING = (
    sa.select(_E.c.incident, _E.c.number, _E.c.next_step)
    .select_from(_E.join(_I, _I.c.number == _E.c.incident))
    .where(
        among(_E.c.incident, "incidents"), _E.c.planned_at.is_not(None), _E.c.due_at.is_not(None)
    )
    .order_by(_E.c.incident, _E.c.number)
)
_LOCK_WATCHING = Statement(_WATCHING.with_for_update(of=[_I, _E]), "incidents")
_TRY_WATCHING = Statement(_WATCHING.with_for_update(of=[_I, _E], skip_locked=True), "incidents")
_LOOK_AT = Statement(
    _E.update()
    .values(due_at=raw("due_at"))
    .where(
        *(_E.c.incident == raw("incident"), _E.c.number == raw("number")),
        *(_E.c.planned_at.is_not(None), _E.c.due_at > raw("or_earlier")),
    ),
    *("due_at", "incident", "number", "or_earlier"),
)


class Due(NamedTuple):
    """An escalation whose next step is due, and what its body needs. Units: microseconds since 1970.

    With `planned_at` later than now, what is due is a look at whether the last step reached somebody.
    """

    incident: int
    number: int
    policy_version_id: int
    next_step: int
    due_at: int
    alert_fields: str
    planned_at: int | None = None


class Watching(NamedTuple):
    """An escalation whose last step, `next_step - 1`, may still turn out to have reached nobody."""

    incident: int
    number: int
    next_step: int


def insert_escalations(tx: Tx, escalations: Sequence[Escalation]) -> None:
    tx.run_set(_INSERT, [_row(escalation) for escalation in escalations])


def claim_due(tx: Tx, now_micros: int, *, limit: int) -> list[Due]:
    """Return up to `limit` escalations that are due, oldest first, their incidents locked.

    Units: microseconds since 1970. PostgreSQL skips incidents that another transaction holds.
    """
    return [Due(*row) for row in tx.rows(_DUE, now_micros, limit)]


def next_due_at(tx: Tx) -> int | None:
    """Return the earliest instant at which a step is due. Units: microseconds since 1970."""
    (row,) = tx.rows(_NEXT_DUE)
    return row[0]  # type: ignore[no-any-return]


def move_escalations(tx: Tx, moves: Sequence[Row]) -> set[int]:
    """Save (next_step, due_at, ended_at, end_reason, planned_at, incident, number, step it was at) each.

    Returns the places in `moves` of those that were not there any more, because they were stopped or
    moved by somebody else: a step fires once, whoever else tried.
    """
    mark = tx.mark()
    if tx.run_set(_MOVE, moves) == len(moves):
        tx.keep(mark)
        return set()
    tx.undo(mark)  # it only told how many; ask each
    return {place for place, move in enumerate(moves) if not tx.run(_MOVE, *move)}


def stop_escalations(
    tx: Tx, escalations: Sequence[Escalation], *, reason: EndReason, now: datetime
) -> None:
    """End those that still run; they never run again."""
    at = to_micros(now)
    tx.run_many(_STOP, [(at, reason.value, each.incident, each.number) for each in escalations])


def find_watching(tx: Tx, incidents: Iterable[int], *, skip_locked: bool = False) -> list[Watching]:
    """Return those escalations of the incidents that will look at what became of a step.

    Locked with their incidents; on PostgreSQL without those that somebody else has locked, if one must
    not wait for them.
    """
    statement = _TRY_WATCHING if skip_locked else _LOCK_WATCHING
    return [Watching(*row) for row in tx.rows(statement, id_list(incidents))]


def look_now(tx: Tx, watching: Sequence[Watching], *, now: int) -> None:
    """Let the look that these escalations wait for be due. Units: microseconds since 1970."""
    tx.run_many(_LOOK_AT, [(now, each.incident, each.number, now) for each in watching])
    if watching:
        tx.news.has_work_at(now)


def postpone(tx: Tx, due: Due, *, until: datetime) -> None:
    """Make an escalation wait whose step could not be fired while others could."""
    tx.run(_POSTPONE, to_micros(until), due.incident, due.number)


def count_failures(tx: Tx, due: Due) -> int:
    """Return how often firing this escalation's next step has failed."""
    failures = tx.core.scalar(
        sa.select(_E.c.failures).where(_E.c.incident == due.incident, _E.c.number == due.number)
    )
    return int(failures or 0)


def list_escalations(tx: Tx, incidents: Iterable[int]) -> dict[int, list[Escalation]]:
    """Return the escalations of each incident, in the order in which they were started."""
    found: dict[int, list[Escalation]] = {}
    for row in tx.rows(_OF_INCIDENTS, id_list(incidents)):
        found.setdefault(row[0], []).append(_escalation(row))
    return found


def incidents_running(tx: Tx, incidents: Iterable[int]) -> set[int]:
    """Return those of the incidents that have an escalation with a step still to come."""
    return {row[0] for row in tx.rows(_STILL_RUNNING, id_list(incidents))}


def _row(escalation: Escalation) -> tuple[Any, ...]:
    return (
        escalation.incident,
        escalation.number,
        escalation.round,
        escalation.policy_version_id,
        to_micros(escalation.started_at),
        escalation.next_step,
        micros_or_none(escalation.due_at),
        0,
        micros_or_none(escalation.ended_at),
        escalation.end_reason.value if escalation.end_reason else None,
    )


def _escalation(row: Sequence[Any]) -> Escalation:
    incident, number, round_, version_id, started_at, next_step, due_at, _, *ended = row
    ended_at, reason, planned_at = ended
    return Escalation(
        incident=incident,
        number=number,
        round=round_,
        policy_version_id=version_id,
        started_at=from_micros(started_at),
        next_step=next_step,
        due_at=instant_or_none(due_at),
        ended_at=instant_or_none(ended_at),
        end_reason=EndReason(reason) if reason else None,
        planned_at=instant_or_none(planned_at),
    )
