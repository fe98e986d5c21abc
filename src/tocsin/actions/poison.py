"""Poison: what cannot be done while others like it can. It waits, is never dropped, and pages somebody.

A step, the end of a hold and a delivery that waits are made to wait longer where they are kept; an
outcome waits in the memory of the process that has it. All are told alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.actions.lane_heads import choose_heads
from tocsin.actions.own_alerts import make_own_alert
from tocsin.domain.incident import Effect
from tocsin.domain.message_type import MessageType
from tocsin.domain.poison import Poison, wait_until
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.ids import DELIVERY, id_text
from tocsin.store.alerts import StoredAlert, insert_alerts
from tocsin.store.database import Failed, Tx
from tocsin.store.deliveries import Lease, postpone_delivery
from tocsin.store.escalations import claim_due, count_failures, postpone
from tocsin.store.incidents import find_incidents, list_held_until, postpone_hold
from tocsin.store.lanes import claim_due_lanes
from tocsin.store.schema import to_micros
from tocsin.store.timeline import add_to_timeline, list_timeline

LONGEST_ERROR = 300
"""Characters of what went wrong that are told."""
_ENTITY = "tocsin/poison/"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in words, and whether it may become an incident of its own."""

    error: str
    may_page: bool = True

    @classmethod
    def of(cls, error: Exception, *, may_page: bool) -> Self:
        """Return it in one line: the statement and its parameters, which follow, are for the log alone."""
        text, _, _ = f"{type(error).__name__}: {error}".partition("\n")
        return cls(text[:LONGEST_ERROR], may_page=may_page)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Until when something waits that failed alone, and who was told."""

    subject: str
    """What to ask `tocsin why` about."""
    until: datetime
    has_paged: bool = False
    untold: Exception | None = None
    """Why nobody could be told: neither timeline nor incident was written."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What failed: where it belongs, its facts for the timeline, and what to ask about it."""

    what: Poison
    incident: int | None
    entity: str
    detail: Mapping[str, Any]
    subject: str


def postpone_first_step(tx: Tx, context: Context, failure: Failure) -> Waiting | None:
    """Make the oldest due escalation wait, because firing its step failed where others succeeded.

    It is tried again after 1, 5, 15, 60, 60 ... minutes and never dropped, is on its incident's
    timeline, and is an incident of its own on the default routing. None: nothing is due.
    """
    claimed = claim_due(tx, to_micros(context.now), limit=1)
    if not claimed:
        return None
    (due,) = claimed
    until = wait_until(context.now, failures=count_failures(tx, due))
    postpone(tx, due, until=until)
    detail = {"escalation": due.number, "step": due.next_step}
    entity = f"{due.incident}-{due.number}"
    case = _Case(Poison.STEP, due.incident, entity, detail, f"#{due.incident}")
    return _tell(tx, context, case, failure, until=until)


def postpone_first_hold(tx: Tx, context: Context, failure: Failure) -> Waiting | None:
    """Let the hold that is over longest go on, because ending it failed; as `postpone_first_step`."""
    held = list_held_until(tx, to_micros(context.now), limit=1)
    if not held:
        return None
    number = held[0].number
    case = _Case(Poison.HOLD, number, f"hold-{number}", {}, f"#{number}")
    until = wait_until(context.now, failures=_failures_before(tx, case))
    postpone_hold(tx, number, until=until)
    return _tell(tx, context, case, failure, until=until)


def postpone_first_delivery(
    tx: Tx, context: Context, failure: Failure, *, slots: int
) -> Waiting | None:
    """Make the delivery wait that would be leased first, because leasing it failed; likewise."""
    now = to_micros(context.now)
    lanes = claim_due_lanes(tx, now, slots=slots, limit=1)
    heads = choose_heads(tx, context, lanes, limit=1)
    if not heads:
        return None
    head = heads[0]
    case = _of_delivery(Poison.DELIVERY, head.id, head.webhook_id, head.incident)
    until = wait_until(context.now, failures=_failures_before(tx, case))
    postpone_delivery(tx, head.id, until=to_micros(until))
    return _tell(tx, context, case, failure, until=until)


def tell_of_outcome(
    tx: Tx, context: Context, failure: Failure, lease: Lease, *, until: datetime
) -> Waiting:
    """Tell that the outcome of an attempt cannot be recorded; until it is, the attempt is under way."""
    case = _of_delivery(
        *(Poison.OUTCOME, lease.delivery_id, lease.webhook_id, lease.incident),
        attempt=lease.attempt,
    )
    return _tell(tx, context, case, failure, until=until)


def _of_delivery(
    what: Poison, delivery_id: int, webhook_id: int, incident: int | None, **facts: Any
) -> _Case:
    id_ = id_text(DELIVERY, delivery_id)
    detail = {"delivery": id_, "webhook_id": webhook_id, **facts}
    return _Case(what, incident, id_, detail, id_)


def _failures_before(tx: Tx, case: _Case) -> int:
    """Return how often the same has failed; its timeline says so. A new hold begins anew."""
    same = {"what": case.what.value, **case.detail}
    failures = 0
    for entry in list_timeline(tx, case.incident or NO_INCIDENT):
        if entry.kind is Kind.HELD:
            failures = 0
        failures += entry.kind is Kind.POISONED and same.items() <= entry.detail.items()
    return failures


def _tell(tx: Tx, context: Context, case: _Case, failure: Failure, *, until: datetime) -> Waiting:
    """Write it down and page somebody, if that can be done; it waits all the same if it cannot."""

    def tell() -> bool:
        detail = {"what": case.what.value, **case.detail, "error": failure.error}
        detail["until"] = until.isoformat()
        (id_,) = context.ids.take(1, context.now)
        number = case.incident or NO_INCIDENT
        entry = TimelineEntry(number, id_, context.now, Kind.POISONED, ENGINE, detail)
        add_to_timeline(tx, [entry])
        return failure.may_page and _open_incident(tx, context, case, failure)

    told = tx.apart(tell)
    if isinstance(told, Failed):
        return Waiting(case.subject, until, untold=told.error)
    return Waiting(case.subject, until, has_paged=told)


def _open_incident(tx: Tx, context: Context, case: _Case, failure: Failure) -> bool:
    """Page whoever the default routing names; once, and not about such an incident itself."""
    policies = context.configuration.default_route.policies
    entity_id = f"{_ENTITY}{case.entity}"
    incidents = IncidentSet(tx, context)
    incidents.load_entities([entity_id])
    is_known = incidents.unresolved(entity_id) is not None
    if is_known or not policies or _is_of_poison(tx, case.incident):
        return False
    (alert_id,) = context.ids.take(1, context.now)
    where = f" of incident {case.incident}" if case.incident else ""
    alert = make_own_alert(
        context,
        MessageType.CRITICAL,
        routing_key="",
        entity_id=entity_id,
        title=f"Tocsin cannot {case.what.failure}{where}",
        message=f"{failure.error}. See: tocsin why '{case.subject}', and the server's log",
    )
    number = incidents.open(alert, alert_id, actor=ENGINE, policies=policies)
    incidents.save()
    insert_alerts(tx, [StoredAlert(alert_id, alert, Effect.OPENED, number)])
    return True


def _is_of_poison(tx: Tx, incident: int | None) -> bool:
    if incident is None:
        return False
    return find_incidents(tx, [incident])[incident].entity_id.startswith(_ENTITY)
