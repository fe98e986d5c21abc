"""All of an incident, for a person who has to decide something: the sentence, the ladders, the rest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.incident_story import Breakers, situation_of
from tocsin.actions.named_steps import Names
from tocsin.actions.pause import is_paused
from tocsin.actions.show_alerts import show_alerts_of_incident
from tocsin.actions.show_deliveries import DeliveryLine, describe_deliveries
from tocsin.actions.show_incidents import IncidentLine, describe_incidents, get_incident
from tocsin.actions.show_ladder import Ladder, show_ladders
from tocsin.actions.show_timeline import Told, show_timeline
from tocsin.domain.annotations import Annotation, read_annotations
from tocsin.domain.configuration import Configuration
from tocsin.domain.headline import Call, Calls, Headline, decide_headline
from tocsin.domain.incident import Incident
from tocsin.domain.incident_times import TELLING, IncidentTimes, read_times
from tocsin.domain.why import Finding, Situation, decide_next
from tocsin.store.alert_reads import AcceptedAlert, find_alerts
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import list_deliveries_of_incident
from tocsin.store.incident_reads import list_incidents
from tocsin.store.timeline import list_changes

MOST_ALERTS: Final = 20
MOST_HISTORY: Final = 10


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An earlier incident of the same entity, and how long others needed."""

    line: IncidentLine
    times: IncidentTimes

    @property
    def until_taken(self) -> timedelta | None:
        return self.times.until_taken

    @property
    def until_resolved(self) -> timedelta | None:
        return self.times.until_resolved


@dataclass(frozen=True, slots=True)
class WholeIncident:
    """An incident with everything that is known of it."""

    line: IncidentLine
    times: IncidentTimes
    headline: Headline
    findings: tuple[Finding, ...]
    ladders: tuple[Ladder, ...]
    timeline: tuple[Told, ...]
    alert: AcceptedAlert
    """The one that raised it last: its fields are what the next step sends."""
    annotations: tuple[Annotation, ...]
    alerts: tuple[AcceptedAlert, ...]
    """The latest; `line.incident.alert_count` says how many there are."""
    history: tuple[PastIncident, ...]
    history_goes_on: bool

    @property
    def movable(self) -> list[Ladder]:
        """What runs an earlier version of its policy."""
        return [each for each in self.ladders if each.new_version is not None]


def show_whole(
    tx: Tx,
    configuration: Configuration,
    number: int,
    *,
    now: datetime,
    history_before: int | None = None,
    most_alerts: int = MOST_ALERTS,
) -> WholeIncident:
    """Return all of an incident. Raises: IncidentNotFound."""
    seen = _look(tx, configuration, number, now)
    incident = seen.incident
    alert = find_alerts(tx, [incident.raising_alert_id])[incident.raising_alert_id]
    past = show_history(tx, incident, before=history_before, limit=MOST_HISTORY + 1)
    ladders = show_ladders(configuration, incident, seen.names, seen.told, seen.deliveries)
    return WholeIncident(
        line=describe_incidents(tx, [incident])[0],
        times=seen.times,
        headline=seen.headline,
        findings=decide_next(seen.situation, now=now, is_paused=seen.is_paused),
        ladders=tuple(ladders),
        timeline=tuple(seen.told),
        alert=alert,
        annotations=tuple(read_annotations(alert.fields)),
        alerts=tuple(show_alerts_of_incident(tx, number, limit=most_alerts)),
        history=tuple(past[:MOST_HISTORY]),
        history_goes_on=len(past) > MOST_HISTORY,
    )


def show_headline(tx: Tx, configuration: Configuration, number: int, *, now: datetime) -> Headline:
    """Return an incident in one sentence. Raises: IncidentNotFound."""
    return _look(tx, configuration, number, now).headline


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is read of an incident, once for all that is said of it."""

    incident: Incident
    told: Sequence[Told]
    names: Names
    deliveries: Sequence[DeliveryLine]
    situation: Situation
    is_paused: bool
    now: datetime

    @property
    def times(self) -> IncidentTimes:
        return read_times((each.kind, each.at) for each in self.told)

    @property
    def headline(self) -> Headline:
        escalations = self.names.escalations.get(self.incident.number, [])
        round_ = self.incident.round
        return decide_headline(
            self.situation,
            since=self.times.since or self.incident.opened_at,
            calls=self._calls({each.number for each in escalations if each.counts_in(round_)}),
        )

    def _calls(self, in_force: Collection[int]) -> Calls:
        """Return the pages, in the order of their making: those of the escalations that count, and the others."""
        pages = [
            (line.delivery.escalation, line)
            for line in self.deliveries
            if line.delivery.escalation is not None
        ]
        return Calls(
            now=self.now,
            in_force=[_call(line) for number, line in pages if number in in_force],
            earlier=[_call(line) for number, line in pages if number not in in_force],
            is_paused=self.is_paused,
        )


def _call(line: DeliveryLine) -> Call:
    return Call(line.webhook, line.delivery.created_at, line.delivery.state)


def _look(tx: Tx, configuration: Configuration, number: int, now: datetime) -> _Seen:
    incident = get_incident(tx, number)
    told = show_timeline(tx, number)
    names = Names(tx, incidents=[number])
    deliveries = describe_deliveries(tx, list_deliveries_of_incident(tx, number), names)
    situation = situation_of(incident, told, deliveries, names, Breakers(tx, configuration))
    return _Seen(incident, told, names, deliveries, situation, is_paused(tx), now)


def show_history(
    tx: Tx, incident: Incident, *, before: int | None = None, limit: int
) -> list[PastIncident]:
    """Return earlier incidents of the same entity, the latest first, below the number `before`."""
    before = incident.number if before is None else min(before, incident.number)
    found = list_incidents(tx, entity_id=incident.entity_id, before=before, limit=limit)
    changes = list_changes(tx, [each.number for each in found], TELLING) if found else {}
    return [
        PastIncident(line, read_times(changes[line.incident.number]))
        for line in describe_incidents(tx, found)
    ]
