"""The escalations of incidents under change: started and stopped in memory, written in a few statements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.domain.escalation import EndReason, Escalation
from tocsin.store.database import Tx
from tocsin.store.escalations import insert_escalations, list_escalations, stop_escalations
from tocsin.store.schema import to_micros


class EscalationSet:
    """Read for all incidents at once, when the first of them is looked at."""

    def __init__(self, tx: Tx, now: datetime) -> None:
        self._tx = tx
        self._now = now
        self._unread: set[int] = set()
        self._known: dict[int, list[Escalation]] = {}
        self._started: dict[tuple[int, int], Escalation] = {}
        self._stopped: dict[tuple[int, int], tuple[Escalation, EndReason]] = {}

    def add(self, incident: int) -> None:
        """Count an incident in that is on record, and locked."""
        if incident not in self._known:
            self._unread.add(incident)

    def add_new(self, incident: int) -> None:
        """Count an incident in that was opened just now."""
        self._known[incident] = []

    def of(self, incident: int) -> Sequence[Escalation]:
        """Return an incident's escalations as they are by now, in the order in which they were started."""
        return self._of(incident)

    def running(self, incident: int) -> list[Escalation]:
        """Return those of them that have a step still to come."""
        return [each for each in self._of(incident) if each.due_at is not None]

    def _of(self, incident: int) -> list[Escalation]:
        if incident not in self._known:
            self._known |= {each: [] for each in self._unread}
            self._known |= list_escalations(self._tx, self._unread)
            self._unread.clear()
        return self._known[incident]

    def start(self, incident: int, round_: int, version_id: int, *, due_at: datetime) -> Escalation:
        """Begin to run a version, from its first step."""
        escalations = self._of(incident)
        escalation = Escalation(
            incident=incident,
            number=len(escalations) + 1,
            round=round_,
            policy_version_id=version_id,
            started_at=self._now,
            next_step=0,
            due_at=due_at,
        )
        escalations.append(escalation)
        self._started[incident, escalation.number] = escalation
        return escalation

    def stop(self, escalation: Escalation, reason: EndReason) -> None:
        """End one that runs."""
        key = escalation.incident, escalation.number
        ended = replace(escalation, due_at=None, ended_at=self._now, end_reason=reason)
        self._of(escalation.incident)[escalation.number - 1] = ended
        if key in self._started:
            self._started[key] = ended
        else:
            self._stopped[key] = (ended, reason)

    def write(self) -> None:
        """Write what was started and stopped, and tell when the first step is due."""
        insert_escalations(self._tx, list(self._started.values()))
        for reason in {reason for _, reason in self._stopped.values()}:
            stopped = [each for each, why in self._stopped.values() if why is reason]
            stop_escalations(self._tx, stopped, reason=reason, now=self._now)
        for escalation in self._started.values():
            if escalation.due_at is not None:
                self._tx.news.has_work_at(to_micros(escalation.due_at))
