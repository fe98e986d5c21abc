"""What happened to an incident, in order: what was written down, steps fired, attempts made.

Steps, follow-ups and attempts are not stored twice: a step's firing is read from its deliveries, an
attempt from its own row, or from the delivery while it is under way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from tocsin.actions.named_steps import NamedStep, Names
from tocsin.domain.delivery import Ending
from tocsin.domain.step_place import StepPlace
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.domain.timeline_sentence import sentence
from tocsin.ids import ALERT, DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import (
    Attempt,
    Delivery,
    list_attempts,
    list_deliveries_of_incident,
)
from tocsin.store.schema import to_micros
from tocsin.store.timeline import list_timeline

_IN_FLIGHT: Final = {
    Kind.ACKNOWLEDGED: "in_flight_at_acknowledge",
    Kind.HELD: "in_flight_at_acknowledge",
    Kind.RESOLVED: "in_flight_at_resolve",
    Kind.REROUTED: "in_flight_at_reroute",
}
_MILLISECOND: Final = timedelta(milliseconds=1)

Position = tuple[int, int, int]
"""A place in the order: microseconds since 1970, number of the attempt, id. Ids only grow."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as it is shown: its detail names things as people do, and `text` says it all."""

    kind: Kind
    at: datetime
    planned_at: datetime | None
    actor: str
    detail: Mapping[str, Any]
    text: str
    position: Position

    @property
    def lateness(self) -> timedelta | None:
        """How long after its planned instant it happened; None for what was not planned."""
        return None if self.planned_at is None else self.at - self.planned_at


def show_timeline(
    tx: Tx, number: int, *, after: Position | None = None, limit: int | None = None
) -> list[Told]:
    """Return an incident's entries, the oldest first, those behind the position `after`."""
    names = Names(tx, incidents=[number])
    deliveries = list_deliveries_of_incident(tx, number)
    attempts = list_attempts(tx, deliveries)
    entries = [
        *(named_entry(entry, names) for entry in list_timeline(tx, number)),
        *pagings(deliveries, attempts, names),
        *followings(deliveries, attempts, names),
        *attempts_made(deliveries, attempts, names),
    ]
    entries.sort(key=_position)
    if after is not None:
        entries = [entry for entry in entries if _position(entry) > after]
    return [told(entry) for entry in entries[:limit]]


def _position(entry: TimelineEntry) -> Position:
    return to_micros(entry.at), entry.detail.get("attempt", 0), entry.id


def told(entry: TimelineEntry) -> Told:
    """Return an entry, whose detail names things as people do, with what it says."""
    return Told(
        kind=entry.kind,
        at=entry.at,
        planned_at=entry.planned_at,
        actor=entry.actor,
        detail=entry.detail,
        text=sentence(entry),
        position=_position(entry),
    )


def place_detail(place: StepPlace) -> dict[str, Any]:
    """Return where a step stands, for a machine and for a person."""
    return {"step": place.number, "cycle": place.cycle, "place": str(place)}


def _step_detail(step: NamedStep) -> dict[str, Any]:
    return {"policy": step.policy, "version": step.version, **place_detail(step.place)}


def named_entry(entry: TimelineEntry, names: Names) -> TimelineEntry:
    """Return a stored entry with its numbers replaced by what people call them."""
    detail = dict(entry.detail)
    if "alert" in detail:
        detail["alert"] = id_text(ALERT, detail["alert"])
    if "policy_version" in detail:
        detail["policy"] = names.version_name(detail.pop("policy_version")).path
    if "webhook_id" in detail:
        detail["webhook"] = names.webhook(detail.pop("webhook_id"))
    if "unreached" in detail:
        detail["unreached"] = [_reached(each, names) for each in detail["unreached"]]
    if "in_flight" in detail:
        detail[_IN_FLIGHT[entry.kind]] = detail.pop("in_flight")
    if "step" in detail:
        escalation, position = detail["escalation"], detail.pop("step")
        detail |= _step_detail(names.step(entry.incident, escalation, position))
    return entry._replace(detail=detail)


def _reached(facts: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return what became of a delivery, its webhook by name."""
    named = {name: value for name, value in facts.items() if name != "webhook_id"}
    return {"webhook": names.webhook(facts["webhook_id"]), **named}


def pagings(
    deliveries: Sequence[Delivery], attempts: Mapping[int, Sequence[Attempt]], names: Names
) -> Iterator[TimelineEntry]:
    """One entry for each step that fired: its deliveries were made at that instant."""
    paging = [each for each in deliveries if each.step is not None and each.escalation is not None]
    paging.sort(key=_step_of)
    for (_, escalation, position), group in groupby(paging, key=_step_of):
        of_step = list(group)
        first = of_step[0]
        assert first.incident is not None
        yield TimelineEntry(
            incident=first.incident,
            id=first.id,
            at=first.created_at,
            kind=Kind.PAGED,
            actor=ENGINE,
            detail={
                "escalation": escalation,
                **_step_detail(names.step(first.incident, escalation, position)),
                "deliveries": [_sent(each, attempts[each.id], names) for each in of_step],
            },
            planned_at=first.planned_at,
        )


def followings(
    deliveries: Sequence[Delivery], attempts: Mapping[int, Sequence[Attempt]], names: Names
) -> Iterator[TimelineEntry]:
    """One entry for each change that webhooks are told of."""
    following = [each for each in deliveries if each.cause is not None]
    following.sort(key=_cause_of)
    for _, group in groupby(following, key=_cause_of):
        of_cause = list(group)
        first = of_cause[0]
        assert first.incident is not None
        assert first.follow_up is not None
        yield TimelineEntry(
            incident=first.incident,
            id=first.id,
            at=first.created_at,
            kind=Kind.FOLLOWED_UP,
            actor=ENGINE,
            detail={
                "follow_up": first.follow_up.value,
                "deliveries": [_sent(each, attempts[each.id], names) for each in of_cause],
            },
        )


def _cause_of(delivery: Delivery) -> int:
    return delivery.cause or 0


def _step_of(delivery: Delivery) -> tuple[int, int, int]:
    return delivery.incident or 0, delivery.escalation or 0, delivery.step or 0


def _sent(delivery: Delivery, attempts: Sequence[Attempt], names: Names) -> dict[str, Any]:
    first_byte_at = next((each.first_byte_at for each in attempts if each.first_byte_at), None)
    return {
        "delivery": id_text(DELIVERY, delivery.id),
        "webhook": names.webhook(delivery.webhook_id),
        "state": delivery.state.value,
        **({"skipped": True} if delivery.end_reason == Ending.SKIPPED_LATE else {}),
        "first_byte_after_ms": _milliseconds(delivery.created_at, first_byte_at),
    }


def attempts_made(
    deliveries: Sequence[Delivery], attempts: Mapping[int, Sequence[Attempt]], names: Names
) -> Iterator[TimelineEntry]:
    """One entry for each attempt."""
    for delivery in deliveries:
        for attempt in attempts[delivery.id]:
            yield TimelineEntry(
                incident=delivery.incident or 0,
                id=delivery.id,
                at=attempt.ended_at or attempt.started_at,
                kind=Kind.ATTEMPTED,
                actor=ENGINE,
                detail={
                    "delivery": id_text(DELIVERY, delivery.id),
                    "webhook": names.webhook(delivery.webhook_id),
                    "attempt": attempt.number,
                    "outcome": attempt.outcome.value if attempt.outcome else None,
                    "status": attempt.status_code,
                    "took_ms": _milliseconds(attempt.started_at, attempt.ended_at),
                    **_what_answer_did(attempt),
                },
            )


def _what_answer_did(attempt: Attempt) -> dict[str, str]:
    decision = (attempt.detail or {}).get("answer")
    return {"answer": decision} if decision else {}


def _milliseconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start) / _MILLISECOND, 3)
