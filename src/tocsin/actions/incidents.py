"""What people and programs do to incidents: to one, or to many at once.

Each action takes a set of numbers and gives a result for each; one bad number spoils nothing for the
others. Who wants just one asks `only` for it. Repeating what is already true succeeds, changes nothing
and leaves no trace.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.domain.alert import manual_alert
from tocsin.domain.hold import end_of_hold
from tocsin.domain.incident import Action, Effect, Incident, is_already_true
from tocsin.domain.note import check_note
from tocsin.domain.policy_choice import choose_policies
from tocsin.domain.retention import removed_hint
from tocsin.domain.routing import RoutingKey
from tocsin.errors import TocsinError
from tocsin.store.alerts import StoredAlert, insert_alerts
from tocsin.store.database import Tx

_LARGEST_NUMBER: Final = 2**63 - 1  # that a database holds


class IncidentNotFound(TocsinError):
    """No incident has this number."""

    code: ClassVar[str] = "incident_not_found"
    status_hint: ClassVar[int] = 404

    def __init__(self, *, incident: int, removed_before: datetime | None = None) -> None:
        super().__init__(
            f"there is no incident {incident}: list incidents to see their numbers"
            f"{removed_hint(removed_before)}",
            incident=incident,
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """The incident as it is now; `changed` is False when it was so already."""

    incident: Incident
    changed: bool

    @property
    def number(self) -> int:
        return self.incident.number


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was done to one incident."""

    number: int
    refusal: TocsinError


Result = Changed | Refused


def only(results: Sequence[Result]) -> Changed:
    """Return the one result there is. Raises: what it was refused with."""
    (result,) = results
    if isinstance(result, Refused):
        raise result.refusal
    return result


def acknowledge(
    tx: Tx, context: Context, numbers: Iterable[int], *, actor: str, message: str = ""
) -> list[Result]:
    """Stop every escalation of these incidents, and what of them still waits to be sent.

    A held incident is taken for good.
    """

    def apply(incidents: IncidentSet, number: int) -> None:
        incidents.acknowledge(number, actor=actor, **_said(message))

    return _change(tx, context, numbers, _unless_already(Action.ACKNOWLEDGE, apply))


def hold(
    tx: Tx,
    context: Context,
    numbers: Iterable[int],
    *,
    until: datetime | timedelta,
    actor: str,
    message: str = "",
) -> list[Result]:
    """Acknowledge until an instant, or for a length of time; then they are triggered again.

    Units: an instant is aware UTC; from 1 minute to 7 days from now. Raises: HoldOutOfBounds.
    """
    ends_at = end_of_hold(context.now, until)

    def apply(incidents: IncidentSet, number: int) -> None:
        incident = incidents.find(number)
        if incident is None or incident.held_until != ends_at:
            incidents.hold(number, until=ends_at, actor=actor, **_said(message))

    return _change(tx, context, numbers, apply)


def reopen(
    tx: Tx, context: Context, numbers: Iterable[int], *, actor: str, message: str = ""
) -> list[Result]:
    """Trigger acknowledged incidents again: the policies in force start anew, from step 1."""

    def apply(incidents: IncidentSet, number: int) -> None:
        incidents.reopen(number, actor=actor, **_said(message))

    return _change(tx, context, numbers, _unless_already(Action.REOPEN, apply))


def resolve(
    tx: Tx, context: Context, numbers: Iterable[int], *, actor: str, message: str = ""
) -> list[Result]:
    """End these incidents; the next alert about their entities opens new ones."""

    def apply(incidents: IncidentSet, number: int) -> None:
        incidents.resolve(number, actor=actor, **_said(message))

    return _change(tx, context, numbers, _unless_already(Action.RESOLVE, apply))


def reroute(
    tx: Tx,
    context: Context,
    numbers: Iterable[int],
    *,
    policies: Sequence[str] = (),
    routing_key: str | None = None,
    actor: str,
    message: str = "",
) -> list[Result]:
    """Stop what runs and start other policies: those named `team/policy`, or a routing key's.

    Raises: PoliciesNotChosen, UnknownPolicy, UnknownRoutingKey.
    """
    chosen = choose_policies(context.configuration, paths=policies, routing_key=routing_key)

    def apply(incidents: IncidentSet, number: int) -> None:
        incidents.reroute(number, policies=chosen, actor=actor, **_said(message))

    return _change(tx, context, numbers, apply)


def move(
    tx: Tx,
    context: Context,
    numbers: Iterable[int],
    *,
    policies: Sequence[str] = (),
    actor: str,
    message: str = "",
) -> list[Result]:
    """Let escalations that run an earlier version of their policy end, and its current one start.

    All of them, or those of the policies that are named `team/policy`. One whose current version would
    reach nobody keeps every escalation of its incident as it is. Raises: UnknownPolicy.
    """
    known = context.configuration
    chosen = choose_policies(known, paths=policies, routing_key=None) if policies else None

    def apply(incidents: IncidentSet, number: int) -> None:
        incidents.move(number, only_of=chosen, actor=actor, **_said(message))

    return _change(tx, context, numbers, apply)


def note(
    tx: Tx, context: Context, numbers: Iterable[int], *, text: str, actor: str
) -> list[Result]:
    """Put on the timeline what somebody knows or did; a resolved incident takes notes, too.

    Raises: InvalidNote.
    """
    noted = check_note(text)
    results = _change(
        tx, context, numbers, lambda incidents, number: incidents.note(number, noted, actor=actor)
    )
    return [replace(each, changed=True) if isinstance(each, Changed) else each for each in results]


def create_incident(
    tx: Tx,
    context: Context,
    *,
    summary: str,
    details: str,
    created_by: str,
    actor: str,
    alert_uuid: str,
    entity_uuid: str,
    organisation: str,
    policies: Sequence[str] = (),
    routing_key: str | None = None,
) -> Incident:
    """Open an incident by hand, and start the policies that the person chose.

    `created_by` goes on the wire, `actor` on the timeline. Raises: PoliciesNotChosen, UnknownPolicy,
    UnknownRoutingKey.
    """
    chosen = choose_policies(context.configuration, paths=policies, routing_key=routing_key)
    alert = manual_alert(
        summary=summary,
        details=details,
        created_by=created_by,
        organisation=organisation,
        now=context.now,
        alert_uuid=alert_uuid,
        entity_uuid=entity_uuid,
    )
    if routing_key is not None:  # known from now on, but no field: it was never on the wire
        alert = replace(alert, routing_key=RoutingKey(routing_key))
    incidents = IncidentSet(tx, context)
    (alert_id,) = context.ids.take(1, context.now)
    number = incidents.open(alert, alert_id, actor=actor, policies=chosen)
    incidents.save()
    insert_alerts(tx, [StoredAlert(alert_id, alert, Effect.OPENED, number)])
    return _get(incidents, number)


_Apply = Callable[[IncidentSet, int], None]


def _unless_already(action: Action, apply: _Apply) -> _Apply:
    def unless_already(incidents: IncidentSet, number: int) -> None:
        if not is_already_true(_get(incidents, number), action):
            apply(incidents, number)

    return unless_already


def _change(tx: Tx, context: Context, numbers: Iterable[int], apply: _Apply) -> list[Result]:
    """Apply to each incident, in order of number given; save what was changed."""
    wanted = list(dict.fromkeys(numbers))
    incidents = IncidentSet(tx, context)
    incidents.load_numbers(number for number in wanted if 0 < number <= _LARGEST_NUMBER)
    results = [_change_one(incidents, number, apply) for number in wanted]
    incidents.save()
    return results


def _change_one(incidents: IncidentSet, number: int, apply: _Apply) -> Result:
    before = incidents.find(number)
    if before is None:
        missing = IncidentNotFound(incident=number, removed_before=incidents.removed_before())
        return Refused(number, missing)
    try:
        apply(incidents, number)
    except TocsinError as refusal:
        return Refused(number, refusal)
    after = _get(incidents, number)
    return Changed(after, changed=after is not before)


def _get(incidents: IncidentSet, number: int) -> Incident:
    incident = incidents.find(number)
    assert incident is not None, "loaded or opened in this transaction"
    return incident


def _said(message: str) -> dict[str, Any]:
    return {"message": message} if message else {}
