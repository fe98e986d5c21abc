"""A set of incidents that is loaded, changed in memory, and saved in a few statements.

Alerts, people, programs and the engine all change incidents through here, so that there is one way
to open, stop, start and mark. Changes are applied in the order in which they are made: two batches of
one leave what one batch of two leaves.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tocsin.actions.escalation_set import EscalationSet
from tocsin.actions.follow_ups import make_follow_ups
from tocsin.actions.silence import silence, silence_escalations
from tocsin.domain.alert import Alert
from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.escalation import LATE_AFTER, EndReason, Escalation
from tocsin.domain.follow_up import Occurrence
from tocsin.domain.incident import Action, Incident, Status, next_status
from tocsin.domain.message_type import MessageType
from tocsin.domain.move_plan import plan_moves
from tocsin.domain.one_time_link import Links
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.start_plan import StartPlan, plan_start, policies_in_force
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.ids import IdSource
from tocsin.store.counters import INCIDENT, next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.incidents import (
    find_incidents,
    find_unresolved,
    insert_incidents,
    lock_entities,
    update_incidents,
)
from tocsin.store.lanes import wake_lanes
from tocsin.store.retention.progress import find_removed_before
from tocsin.store.schema import to_micros
from tocsin.store.timeline import add_to_timeline


@dataclass(frozen=True, slots=True)
class Context:
    """What every change of incidents needs besides the transaction: settings, the instant, ids."""

    configuration: Configuration
    versions: Callable[[Tx, Iterable[int]], dict[int, PolicyVersion]]
    now: datetime
    ids: IdSource
    first_number: int = 1
    late_after: timedelta = LATE_AFTER
    """A step that is later than this moves the plan of those after it."""
    links: Links | None = None
    """Makes one-time links; None: nobody has said where they would lead."""


ContextSource = Callable[[Tx], Context]
"""Makes the context of one transaction; only for use inside it."""


class IncidentSet:
    """Incidents under change. Load, change, `save` once."""

    def __init__(self, tx: Tx, context: Context) -> None:
        self._tx = tx
        self._context = context
        self._now = context.now
        self._incidents: dict[int, Incident] = {}
        self._unresolved: dict[str, int] = {}
        self._escalations = EscalationSet(tx, context.now)
        self._loaded: set[int] = set()
        self._new: list[int] = []
        self._changed: set[int] = set()
        self._silenced: dict[int, EndReason] = {}
        self._moved: list[Escalation] = []
        self._entries: list[TimelineEntry] = []
        self._next_number: int | None = None
        self._occurrences: list[Occurrence] = []
        """What webhooks may want to be told; empty as long as none asks for anything."""

    # --- loading and saving

    def load_entities(self, entity_ids: Iterable[str]) -> None:
        """Load the unresolved incident of each entity, locked against every other transaction."""
        wanted = list(entity_ids)
        lock_entities(self._tx, wanted)
        self._take(find_unresolved(self._tx, wanted).values())

    def load_numbers(self, numbers: Iterable[int]) -> None:
        """Load incidents by number, those that exist, locked."""
        self._take(find_incidents(self._tx, numbers).values())

    def take(self, incidents: Iterable[Incident]) -> None:
        """Take incidents that this transaction has loaded and locked already."""
        self._take(incidents)

    def _take(self, incidents: Iterable[Incident]) -> None:
        for incident in incidents:
            self._incidents[incident.number] = incident
            self._loaded.add(incident.number)
            self._escalations.add(incident.number)
            if incident.status is not Status.RESOLVED:
                self._unresolved[incident.entity_id] = incident.number

    def save(self) -> None:
        """Write everything that changed, each table once, lanes last of all."""
        wake_lanes(self._tx, self.write())

    def write(self) -> dict[int, int]:
        """Write everything that changed but the lanes, for who has others to wake as well.

        Returns since when each webhook has something to send. Units: microseconds since 1970.
        """
        tx, number_of = self._tx, self._incidents
        # Updates first: an entity's incident may have been resolved and a new one opened here.
        update_incidents(tx, [number_of[n] for n in sorted(self._changed - set(self._new))])
        insert_incidents(tx, [number_of[number] for number in self._new])
        if self._next_number is not None:
            save_number(tx, INCIDENT, self._next_number)
        self._escalations.write()
        waits = self._cancel_deliveries()
        add_to_timeline(tx, self._entries)
        if not self._occurrences:
            return waits
        return waits | make_follow_ups(
            tx,
            self._occurrences,
            configuration=self._context.configuration,
            now=self._now,
            ids=self._context.ids,
        )

    def _cancel_deliveries(self) -> dict[int, int]:
        """Return since when each webhook has something to send that a cancelled page held up."""
        if not self._silenced and not self._moved:
            return {}
        moved, waits = silence_escalations(self._tx, self._moved, now=self._now)
        in_flight = silence(self._tx, self._silenced, now=self._now)
        for entry in self._entries:
            if entry.kind is Kind.MOVED:
                entry.detail["in_flight"] = moved[entry.incident, entry.detail["escalation"]]
            elif "in_flight" in entry.detail:
                entry.detail["in_flight"] = in_flight[entry.incident]
        return waits

    # --- looking

    def unresolved(self, entity_id: str) -> Incident | None:
        """Return the unresolved incident of an entity that was loaded or opened here."""
        number = self._unresolved.get(entity_id)
        return None if number is None else self._incidents[number]

    def find(self, number: int) -> Incident | None:
        """Return an incident that was loaded or opened here, as it is by now."""
        return self._incidents.get(number)

    def removed_before(self) -> datetime | None:
        """Return before when what was over may have been removed; None: nothing was ever removed."""
        return find_removed_before(self._tx)

    # --- changing

    def open(self, alert: Alert, alert_id: int, *, actor: str, policies: Sequence[Policy]) -> int:
        """Open an incident for an alert and start its escalations; return its number."""
        number = self._take_number()
        self._new.append(number)
        self._unresolved[alert.entity_id] = number
        self._escalations.add_new(number)
        plan = self._plan(policies)
        detail = {"alert": alert_id, **plan.detail}
        if alert.routing_key and alert.routing_key.value not in self._context.configuration.routes:
            detail["routing_key_unknown"] = True
        self._note(number, Kind.OPENED, actor, detail)
        is_running = self._begin_round(number, 1, plan)
        self._incidents[number] = Incident(
            number=number,
            entity_id=alert.entity_id,
            status=Status.TRIGGERED,
            routing_key=alert.routing_key.value if alert.routing_key else "",
            opened_at=self._now,
            changed_at=self._now,
            alert_count=1,
            first_alert_id=alert_id,
            latest_alert_id=alert_id,
            raising_alert_id=alert_id,
            was_critical=alert.message_type is MessageType.CRITICAL,
            round=1,
            nobody_left_since=None if is_running else self._now,
        )
        return number

    def roll_up(self, number: int, alert: Alert, alert_id: int, *, actor: str, note: str) -> None:
        """Count an alert into its open incident.

        Its fields are what the next step sends, if the incident is triggered.
        """
        before = self._incidents[number]
        raises = before.status is Status.TRIGGERED
        self._change(
            number,
            alert_count=before.alert_count + 1,
            latest_alert_id=alert_id,
            raising_alert_id=alert_id if raises else before.raising_alert_id,
            was_critical=before.was_critical or alert.message_type is MessageType.CRITICAL,
        )
        self._note(
            number, Kind.ROLLED_UP, actor, {"alert": alert_id, **({"note": note} if note else {})}
        )

    def record(self, number: int, alert_id: int, *, actor: str) -> None:
        """Put an alert on the timeline that changes nothing."""
        self._note(number, Kind.RECORDED, actor, {"alert": alert_id})

    def acknowledge(self, number: int, *, actor: str, **facts: Any) -> None:
        """Stop every escalation until the incident is reopened. Raises: IllegalTransition."""
        status = next_status(self._incidents[number], Action.ACKNOWLEDGE)
        self._change(number, status=status, held_until=None, acknowledged_by=actor)
        self._note(number, Kind.ACKNOWLEDGED, actor, {"in_flight": 0, **facts}, tells=True)
        self._stop(number, EndReason.ACKNOWLEDGED)

    def hold(self, number: int, *, until: datetime, actor: str, **facts: Any) -> None:
        """Acknowledge until an instant; then it is triggered again. Raises: IllegalTransition."""
        status = next_status(self._incidents[number], Action.HOLD)
        self._change(number, status=status, held_until=until, acknowledged_by=actor)
        detail = {"until": until.isoformat(), "in_flight": 0, **facts}
        self._note(number, Kind.HELD, actor, detail, tells=True)
        self._stop(number, EndReason.HELD)
        self._tx.news.has_work_at(to_micros(until))

    def resolve(self, number: int, *, actor: str, **facts: Any) -> None:
        """End the incident. Raises: IllegalTransition."""
        before = self._incidents[number]
        self._change(number, status=next_status(before, Action.RESOLVE), held_until=None)
        if self._unresolved.get(before.entity_id) == number:
            del self._unresolved[before.entity_id]
        self._note(number, Kind.RESOLVED, actor, {"in_flight": 0, **facts}, tells=True)
        self._stop(number, EndReason.RESOLVED)

    def reopen(
        self, number: int, *, actor: str, raising_alert_id: int | None = None, **facts: Any
    ) -> None:
        """Trigger again and start the policies that were in force. Raises: IllegalTransition."""
        self._reopen(number, Kind.REOPENED, actor, raising_alert_id=raising_alert_id, facts=facts)

    def end_hold(self, number: int, *, actor: str) -> None:
        """Trigger a held incident again, because its hold is over."""
        planned_at = self._incidents[number].held_until
        self._reopen(number, Kind.HOLD_ENDED, actor, planned_at=planned_at, facts={})

    def _reopen(
        self,
        number: int,
        kind: Kind,
        actor: str,
        *,
        facts: dict[str, Any],
        raising_alert_id: int | None = None,
        planned_at: datetime | None = None,
    ) -> None:
        before = self._incidents[number]
        plan = self._plan(*self._policies_in_force(number))
        self._change(
            number,
            status=next_status(before, Action.REOPEN),
            held_until=None,
            acknowledged_by=None,
            raising_alert_id=raising_alert_id or before.raising_alert_id,
            # It triggers anew: for the alert that is named, which was CRITICAL, or for none.
            was_critical=raising_alert_id is not None,
        )
        detail = {**plan.detail, **facts}
        self._note(number, kind, actor, detail, planned_at=planned_at, tells=True)
        self._start(number, plan)

    def reroute(self, number: int, *, policies: Sequence[Policy], actor: str, **facts: Any) -> None:
        """Stop what runs, and start these policies instead. Raises: IllegalTransition."""
        before = self._incidents[number]
        status = next_status(before, Action.REROUTE)
        self._change(
            number, status=status, held_until=None, acknowledged_by=None, was_critical=False
        )
        plan = self._plan(policies)
        detail = {"in_flight": 0, **plan.detail, **facts}
        self._note(number, Kind.REROUTED, actor, detail, tells=before.status is not status)
        self._stop(number, EndReason.REROUTED)
        self._start(number, plan)

    def move(
        self, number: int, *, only_of: Sequence[Policy] | None, actor: str, **facts: Any
    ) -> None:
        """Let current versions of policies take over, each at step 1, in the same round.

        All else that runs goes on. Raises: IllegalTransition, VersionCannotStart.
        """
        before = self._incidents[number]
        status = next_status(before, Action.MOVE)
        running = self._escalations.running(number)
        versions = self._context.versions(self._tx, {each.policy_version_id for each in running})
        known = self._context.configuration
        for move in plan_moves(known, running, versions, only_of=only_of, now=self._now):
            self._change(number, status=status)
            version_id, due_at = move.policy.current.id, move.due_at
            started = self._escalations.start(number, before.round, version_id, due_at=due_at)
            self._escalations.stop(move.escalation, EndReason.MOVED)
            self._moved.append(move.escalation)
            self._note(number, Kind.MOVED, actor, {**move.detail(started), **facts})

    def note(self, number: int, text: str, *, actor: str) -> None:
        """Put on the timeline what somebody has to say. The incident stays as it is."""
        self._note(number, Kind.NOTED, actor, {"text": text})

    # --- escalations

    def _policies_in_force(self, number: int) -> tuple[list[Policy], list[int]]:
        """Return the policies of the current round, and versions whose policy was deleted."""
        incident, configuration = self._incidents[number], self._context.configuration
        current = [each for each in self._escalations.of(number) if each.counts_in(incident.round)]
        ids = [each.policy_version_id for each in current]
        versions = self._context.versions(self._tx, ids) if ids else {}
        return policies_in_force(configuration, incident, current, versions)

    def _plan(self, policies: Sequence[Policy], deleted: Sequence[int] = ()) -> StartPlan:
        return plan_start(self._context.configuration, policies, deleted=deleted, now=self._now)

    def _start(self, number: int, plan: StartPlan) -> None:
        """Begin a new round; the escalations of the one before must have ended."""
        round_ = self._incidents[number].round + 1
        is_running = self._begin_round(number, round_, plan)
        self._change(number, round=round_, nobody_left_since=None if is_running else self._now)

    def _begin_round(self, number: int, round_: int, plan: StartPlan) -> bool:
        """Start one escalation for each policy that can reach somebody; return whether any could."""
        for detail in plan.not_started:
            self._note(number, Kind.NOT_STARTED, ENGINE, detail)
        for policy, due_at in plan.starting:
            self._escalations.start(number, round_, policy.current.id, due_at=due_at)
        if plan.starting:
            return True
        self._note(number, Kind.NOBODY_LEFT, ENGINE, {"reason": "nothing_started"})
        return False

    def _stop(self, number: int, reason: EndReason) -> None:
        """End every running escalation, and whatever of the incident still waits to be sent."""
        for escalation in self._escalations.running(number):
            self._escalations.stop(escalation, reason)
        self._change(number, nobody_left_since=None)
        if number in self._loaded:
            # What a later change finds is cancelled already.
            self._silenced.setdefault(number, reason)

    def started_no_policy(self, number: int) -> bool:
        """Return whether nobody is left to page because no policy could start, and none has ended."""
        incident = self._incidents[number]
        if incident.nobody_left_since is None:
            return False
        return not any(each.counts_in(incident.round) for each in self._escalations.of(number))

    # --- bookkeeping

    def _take_number(self) -> int:
        if self._next_number is None:
            first = self._context.first_number
            self._next_number = max(next_number(self._tx, INCIDENT, first=first), first)
        self._next_number += 1
        return self._next_number - 1

    def _change(self, number: int, **changes: Any) -> None:
        self._incidents[number] = replace(self._incidents[number], changed_at=self._now, **changes)
        self._changed.add(number)

    def _note(
        self,
        number: int,
        kind: Kind,
        actor: str,
        detail: dict[str, Any],
        *,
        planned_at: datetime | None = None,
        tells: bool = False,
    ) -> None:
        """Put on the timeline what happened. `tells`: webhooks may want to be told of it."""
        (id_,) = self._context.ids.take(1, self._now)
        entry = TimelineEntry(number, id_, self._now, kind, actor, detail, planned_at)
        self._entries.append(entry)
        if tells and self._context.configuration.following:
            self._occurrences.append(Occurrence.of(entry, self._incidents[number]))
