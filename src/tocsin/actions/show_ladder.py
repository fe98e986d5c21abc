"""The ladder of an escalation: each step with what it did, what comes next, and what stopped it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.named_steps import Names
from tocsin.actions.show_deliveries import DeliveryLine
from tocsin.actions.show_timeline import Told
from tocsin.domain.actor import name_of_actor
from tocsin.domain.configuration import Configuration
from tocsin.domain.escalation import EndReason, Escalation
from tocsin.domain.incident import Incident
from tocsin.domain.ladder import RungState, plan_ahead
from tocsin.domain.step_place import StepPlace, place_of
from tocsin.domain.timeline import Kind

MOST_FIRED: Final = 40
MOST_TO_COME: Final = 20
_REMARKS: Final = frozenset({Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY, Kind.POISONED})
_STOPPING: Final = {
    EndReason.ACKNOWLEDGED: Kind.ACKNOWLEDGED,
    EndReason.HELD: Kind.HELD,
    EndReason.RESOLVED: Kind.RESOLVED,
    EndReason.REROUTED: Kind.REROUTED,
    EndReason.MOVED: Kind.MOVED,
}
_Place = tuple[int, int, int]
"""Of which escalation, which step, in which cycle."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A step. `calls` are the deliveries that it made; `webhooks` whom it calls, or would."""

    place: StepPlace
    state: RungState
    delay: timedelta
    """After the step before it, or the start."""
    webhooks: tuple[str, ...]
    planned_at: datetime | None = None
    """None for a step that was never to be."""
    fired_at: datetime | None = None
    sooner_at: datetime | None = None
    """When it fires already, unless the step before it has reached somebody by then."""
    calls: tuple[DeliveryLine, ...] = ()
    remarks: tuple[str, ...] = ()
    """What was skipped, and that it reached nobody, in sentences."""

    @property
    def lateness(self) -> timedelta | None:
        if self.fired_at is None or self.planned_at is None:
            return None
        return max(self.fired_at - self.planned_at, timedelta())


@dataclass(frozen=True, slots=True)
class Ladder:
    """One run of one policy version. `earlier` and `later` count steps that are left out."""

    number: int
    policy: str
    version: int
    started_at: datetime
    in_force: bool
    fired: int
    of: int
    rungs: tuple[Rung, ...]
    earlier: int
    later: int
    ended_at: datetime | None
    end_reason: EndReason | None
    ended_by: str | None
    """Who or what stopped it, as people name it; None while it runs, and at its own end."""
    new_version: int | None
    """The number of the version that is current by now, if this one still runs and is not it."""


def show_ladders(
    configuration: Configuration,
    incident: Incident,
    names: Names,
    told: Sequence[Told],
    deliveries: Sequence[DeliveryLine],
) -> list[Ladder]:
    """Return a ladder for each escalation of an incident, the latest first."""
    looking = _Looking(configuration, incident, names, told, deliveries)
    escalations = names.escalations.get(incident.number, [])
    return [looking.ladder(each) for each in reversed(escalations)]


class _Looking:
    """What is known of an incident, by the step that it belongs to."""

    def __init__(
        self,
        configuration: Configuration,
        incident: Incident,
        names: Names,
        told: Sequence[Told],
        deliveries: Sequence[DeliveryLine],
    ) -> None:
        self._configuration = configuration
        self._incident = incident
        self._names = names
        self._told = told
        self._calls: dict[tuple[int, int], list[DeliveryLine]] = {}
        for line in deliveries:
            if line.delivery.escalation is not None and line.delivery.step is not None:
                place = line.delivery.escalation, line.delivery.step
                self._calls.setdefault(place, []).append(line)
        self._remarks: dict[_Place, list[Told]] = {}
        for each in told:
            if each.kind in _REMARKS and "escalation" in each.detail and "step" in each.detail:
                at = each.detail["escalation"], each.detail["step"], each.detail["cycle"]
                self._remarks.setdefault(at, []).append(each)

    def ladder(self, escalation: Escalation) -> Ladder:
        name = self._names.version_name(escalation.policy_version_id)
        version = self._names.version(escalation.policy_version_id)
        fired, length = escalation.next_step, version.length
        earlier, last = max(fired - MOST_FIRED, 0), min(fired + MOST_TO_COME, length)
        before = [self._fired(escalation, position) for position in range(earlier, fired)]
        newer = self._configuration.changed_since(version)
        return Ladder(
            number=escalation.number,
            policy=name.path,
            version=name.number,
            started_at=escalation.started_at,
            in_force=escalation.counts_in(self._incident.round),
            fired=fired,
            of=length,
            rungs=(*before, *self._ahead(escalation, last)),
            earlier=earlier,
            later=length - last,
            ended_at=escalation.ended_at,
            end_reason=escalation.end_reason,
            ended_by=self._ended_by(escalation),
            new_version=newer.current.number if newer and escalation.due_at else None,
        )

    def _fired(self, escalation: Escalation, position: int) -> Rung:
        rung = self._rung(escalation, position, RungState.FIRED)
        calls = self._calls.get((escalation.number, position), [])
        if calls:
            first = calls[0].delivery
            planned_at, fired_at = first.planned_at, first.created_at
            return replace(rung, planned_at=planned_at, fired_at=fired_at, calls=tuple(calls))
        for each in self._remarks_of(escalation, rung.place):
            if each.kind is Kind.TARGET_SKIPPED:  # as all of its targets were
                return replace(rung, planned_at=each.planned_at, fired_at=each.at)
        return rung

    def _ahead(self, escalation: Escalation, last: int) -> Iterator[Rung]:
        """Yield the steps that have not fired: with their instants, or none if they never will."""
        at, first = escalation.next_step_at, escalation.next_step
        if at is None:
            for position in range(first, last):
                yield self._rung(escalation, position, RungState.NEVER)
            return
        version = self._names.version(escalation.policy_version_id)
        for position, planned_at in plan_ahead(version, next_step=first, at=at):
            if position >= last:
                return
            state = RungState.NEXT if position == first else RungState.TO_COME
            yield self._rung(escalation, position, state, planned_at)

    def _rung(
        self,
        escalation: Escalation,
        position: int,
        state: RungState,
        planned_at: datetime | None = None,
    ) -> Rung:
        version_id = escalation.policy_version_id
        version = self._names.version(version_id)
        place = place_of(version, position)
        remarks = self._remarks_of(escalation, place)
        return Rung(
            place=place,
            state=state,
            delay=version.delay_before(position),
            webhooks=tuple(self._names.targets(version_id, position)),
            planned_at=planned_at,
            sooner_at=escalation.sooner_at if state is RungState.NEXT else None,
            remarks=tuple(each.text for each in remarks),
        )

    def _remarks_of(self, escalation: Escalation, place: StepPlace) -> Sequence[Told]:
        return self._remarks.get((escalation.number, place.number, place.cycle), ())

    def _ended_by(self, escalation: Escalation) -> str | None:
        kind = _STOPPING.get(escalation.end_reason) if escalation.end_reason else None
        for each in self._told:
            if each.kind is kind and each.at == escalation.ended_at:
                return name_of_actor(each.actor)
        return None
