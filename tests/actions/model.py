"""What should become of incidents, told as simply as possible: no tables, no batches, no steps."""

from dataclasses import dataclass, field
from datetime import datetime

from tocsin.domain.incident import Effect, Status

OPENING = {"db": {"CRITICAL"}, "warn": {"CRITICAL", "WARNING"}}


@dataclass
class ModelIncident:
    """What can be seen of one incident."""

    entity_id: str
    status: Status = Status.TRIGGERED
    alerts: int = 1
    was_critical: bool = False
    held_until: datetime | None = None


@dataclass
class Model:
    """All incidents, the first with number 1."""

    incidents: list[ModelIncident] = field(default_factory=list)

    def open_incident(self, entity_id: str) -> ModelIncident | None:
        of_entity = [each for each in self.incidents if each.entity_id == entity_id]
        unresolved = [each for each in of_entity if each.status is not Status.RESOLVED]
        assert len(unresolved) <= 1
        return unresolved[0] if unresolved else None

    def alert(self, type_: str, entity_id: str, key: str) -> Effect:
        """Take in one alert; return what it does."""
        incident = self.open_incident(entity_id)
        if incident is None:
            return self._alone(type_, entity_id, key)
        if type_ == "RECOVERY":
            self.resolve(incident)
            return Effect.RESOLVED
        if type_ == "ACKNOWLEDGEMENT":
            is_new = incident.status is Status.TRIGGERED or incident.held_until is not None
            self.acknowledge(incident)
            return Effect.ACKNOWLEDGED if is_new else Effect.ALREADY_ACKNOWLEDGED
        if type_ == "INFO":
            return Effect.RECORDED
        return self._roll_up(incident, type_)

    def _alone(self, type_: str, entity_id: str, key: str) -> Effect:
        if type_ in {"RECOVERY", "ACKNOWLEDGEMENT"}:
            return Effect.NO_OPEN_INCIDENT
        if type_ in OPENING.get(key, {"CRITICAL"}):
            self.incidents.append(ModelIncident(entity_id, was_critical=type_ == "CRITICAL"))
            return Effect.OPENED
        return Effect.RECORDED if type_ == "INFO" else Effect.DOES_NOT_OPEN

    def _roll_up(self, incident: ModelIncident, type_: str) -> Effect:
        incident.alerts += 1
        is_first_critical = type_ == "CRITICAL" and not incident.was_critical
        incident.was_critical |= is_first_critical
        if is_first_critical and incident.status is Status.ACKNOWLEDGED:
            self.trigger(incident, was_critical=True)
            return Effect.REOPENED
        return Effect.ROLLED_UP

    def acknowledge(self, incident: ModelIncident, *, until: datetime | None = None) -> None:
        incident.status, incident.held_until = Status.ACKNOWLEDGED, until

    def trigger(self, incident: ModelIncident, *, was_critical: bool = False) -> None:
        incident.status, incident.held_until = Status.TRIGGERED, None
        incident.was_critical = was_critical

    def resolve(self, incident: ModelIncident) -> None:
        incident.status, incident.held_until = Status.RESOLVED, None

    def end_holds(self, now: datetime) -> None:
        for incident in self.incidents:
            if incident.held_until is not None and incident.held_until <= now:
                self.trigger(incident)
