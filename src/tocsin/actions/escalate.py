"""What is due in: steps fired, deliveries made, and those leased that found a free slot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from tocsin.actions.incident_set import Context
from tocsin.actions.reach import hurried_entry, look
from tocsin.actions.too_late import late_entry
from tocsin.domain.delivery_order import Line, Turn
from tocsin.domain.escalation import Advance, EndReason, Firing, Hurry, advance
from tocsin.domain.payload import Body, PayloadProfile, make_body
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.domain.webhook import Webhook
from tocsin.store.database import Tx
from tocsin.store.deliveries import (
    Lease,
    NewDelivery,
    insert_bodies,
    insert_deliveries,
)
from tocsin.store.delivery_line import find_in_line, hurry_deliveries, note_awaited
from tocsin.store.escalations import (
    Due,
    claim_due,
    incidents_running,
    move_escalations,
)
from tocsin.store.incidents import mark_silent
from tocsin.store.lanes import free_slots, take_slots, wake_lanes
from tocsin.store.late_deliveries import LateDelivery, insert_late_deliveries
from tocsin.store.leases import note_leased
from tocsin.store.schema import from_micros, micros_or_none, to_micros
from tocsin.store.statement import Row
from tocsin.store.timeline import add_to_timeline
from tocsin.stored_json import from_json

_NO_BODY_YET = (0, Body(b"", ""))


@dataclass(frozen=True, slots=True)
class Sending:
    """Who may send, and how much at once."""

    run_id: int
    slots: int
    """Attempts under way for one webhook at the most."""
    room: int
    """How many more attempts this process may begin now."""


@dataclass(slots=True)
class Escalated:
    """What became of a batch: how many escalations moved, how late, and what is to be sent now."""

    claimed: int
    stale: int = 0
    """How many of those that were claimed had been stopped or moved by then: they did nothing."""
    leases: list[Lease] = field(default_factory=list)
    lateness: list[timedelta] = field(default_factory=list)
    exhausted: list[int] = field(default_factory=list)


class _Planned(NamedTuple):
    """A delivery to be made. Units: microseconds since 1970."""

    due: Due
    firing: Firing
    webhook: Webhook
    body_id: int
    body: Body


class _WithLinks(NamedTuple):
    """A delivery whose body has links, and so is its own: it is made once its id is known."""

    place: int
    fields: Mapping[str, str]


def escalate(tx: Tx, context: Context, *, limit: int, sending: Sending) -> Escalated:
    """Fire every step that is due, oldest first, at most `limit` escalations.

    1. Claim the escalations; their incidents are locked.
    2. Let each fire its step, and those that follow without delay.
    3. Move them on, each only from the step at which it was.
    4. Make bodies and deliveries; those with a free slot begin their first attempt at once.
    5. Mark the incidents that have nobody left to page.
    """
    return fire(tx, context, claim_due(tx, to_micros(context.now), limit=limit), sending=sending)


def fire(tx: Tx, context: Context, claimed: Sequence[Due], *, sending: Sending) -> Escalated:
    """Fire the steps that were claimed; one whose escalation is not where it was does nothing.

    That cannot be while the claim's locks are held, which on SQLite is the one writer's transaction.
    """
    if not claimed:
        return Escalated(0)
    batch = _Batch(tx, context)
    batch.fire(claimed)
    batch.save(sending)
    return batch.result


class _Batch:
    """One pass of `escalate`, from what was claimed to what is written."""

    def __init__(self, tx: Tx, context: Context) -> None:
        self._tx = tx
        self._context = context
        self._webhooks: Mapping[int, Webhook] = context.configuration.webhooks
        self._now = to_micros(context.now)
        self._bodies: list[tuple[int, bytes]] = []
        self._planned: list[_Planned] = []
        self._with_links: list[_WithLinks] = []
        self._entries: list[TimelineEntry] = []
        self._late: list[NewDelivery] = []
        self._hurried: set[int] = set()
        self.result = Escalated(0)

    def fire(self, claimed: Sequence[Due]) -> None:
        """Decide what each escalation does, move it on, and plan what it sends."""
        versions = self._context.versions(self._tx, {due.policy_version_id for due in claimed})
        claimed = [due if due.planned_at is None else self._by_plan(due) for due in claimed]
        advances = [self._advance(due, versions[due.policy_version_id]) for due in claimed]
        stale = move_escalations(self._tx, list(map(self._move, claimed, advances)))
        self.result.claimed, self.result.stale = len(claimed), len(stale)
        for place, (due, ahead) in enumerate(zip(claimed, advances, strict=True)):
            if place not in stale:
                self._fire(due, ahead, versions[due.policy_version_id])

    def _by_plan(self, due: Due) -> Due:
        """Return what is due; a step whose planned instant has come needs no look at the one before."""
        assert due.planned_at is not None
        if due.planned_at > self._now:
            return due
        return due._replace(due_at=due.planned_at, planned_at=None)

    def _advance(self, due: Due, version: PolicyVersion) -> Advance:
        hurry = None
        if due.planned_at is not None:
            hurry, again_at = look(self._tx, self._context, due, version)
            planned_at = from_micros(due.planned_at)
            if again_at is not None:
                return Advance((), due.next_step, min(again_at, planned_at), planned_at)
            if hurry is None:
                return Advance((), due.next_step, planned_at)
        return advance(
            version,
            next_step=due.next_step,
            due_at=from_micros(due.due_at),
            now=self._context.now,
            late_after=self._context.late_after,
            hurry=hurry,
            calls_nobody=self._calls_nobody,
        )

    def _calls_nobody(self, firing: Firing) -> bool:
        """Return whether a step that fires now passes over all of its webhooks."""
        return not any(
            (webhook := self._webhooks.get(target.webhook_id)) is not None
            and webhook.disabled_at is None
            and not webhook.is_too_late(planned_at=firing.planned_at, now=self._context.now)
            for target in firing.step.targets
        )

    def _move(self, due: Due, ahead: Advance) -> Row:
        due_at = micros_or_none(ahead.due_at)
        ended = (self._now, EndReason.EXHAUSTED.value) if due_at is None else (None, None)
        planned_at = micros_or_none(ahead.planned_at)
        place = (due.incident, due.number, due.next_step)
        return (ahead.next_step, due_at, *ended, planned_at, *place)

    def _fire(self, due: Due, ahead: Advance, version: PolicyVersion) -> None:
        if ahead.due_at is None:
            self.result.exhausted.append(due.incident)
        else:
            self._tx.news.has_work_at(to_micros(ahead.due_at))
        fields: dict[str, str] = from_json(due.alert_fields)
        bodies: dict[tuple[PayloadProfile, bool, bool], tuple[int, Body]] = {}
        for firing in ahead.firings:
            if firing.hurry is not None:
                self._entries.append(hurried_entry(self._tx, self._context, due, version, firing))
                if firing.hurry is Hurry.ALL_SKIPPED:
                    due = due._replace(due_at=self._now)
            self.result.lateness.append(firing.lateness)
            self._tx.news.feed.append(("paged", due.incident, due.number, firing.position))
            for target in firing.step.targets:
                self._plan(due, firing, target.webhook_id, fields, bodies)

    def _plan(
        self,
        due: Due,
        firing: Firing,
        webhook_id: int,
        fields: dict[str, str],
        bodies: dict[tuple[PayloadProfile, bool, bool], tuple[int, Body]],
    ) -> None:
        webhook = self._webhooks.get(webhook_id)
        if webhook is None or webhook.disabled_at is not None:
            self._skip(due, firing, webhook)
            return
        if webhook.is_too_late(planned_at=firing.planned_at, now=self._context.now):
            self._skip_late(due, firing, webhook, fields)
            return
        if webhook.links and self._context.links is not None:
            self._with_links.append(_WithLinks(len(self._planned), fields))
            self._planned.append(_Planned(due, firing, webhook, *_NO_BODY_YET))
            return
        kind = (webhook.profile, webhook.with_summary, webhook.with_sender_headers)
        if kind not in bodies:
            (body_id,) = self._context.ids.take(1, self._context.now)
            bodies[kind] = body_id, self._body(body_id, due, webhook, fields)
        self._planned.append(_Planned(due, firing, webhook, *bodies[kind]))

    def _body(
        self,
        body_id: int,
        due: Due,
        webhook: Webhook,
        fields: Mapping[str, str],
        delivery_id: int | None = None,
    ) -> Body:
        """Make a body to keep. With `delivery_id` it is that delivery's own, and has its links."""
        links = None
        if delivery_id is not None and webhook.links and self._context.links is not None:
            links = self._context.links.urls(delivery_id, webhook.links, now=self._context.now)
        body = make_body(
            webhook.profile,
            incident=due.incident,
            alert=fields,
            with_headers=webhook.with_sender_headers,
            empty_texts=not webhook.with_summary,
            links=links,
        )
        self._bodies.append((body_id, body.form))
        return body

    def _skip_late(
        self, due: Due, firing: Firing, webhook: Webhook, fields: Mapping[str, str]
    ) -> None:
        """Make a delivery that has ended: nobody wants it so late, unless somebody sends it by hand."""
        id_, body_id = self._context.ids.take(2, self._context.now)
        self._body(body_id, due, webhook, fields, id_)
        place = (due.incident, due.number, firing.position, webhook.id)
        self._late.append(NewDelivery(id_, *place, body_id, due.due_at))
        late = LateDelivery(id_, *place, due.due_at)
        self._entries.append(late_entry(self._context, late, webhook))

    def _skip(self, due: Due, firing: Firing, webhook: Webhook | None) -> None:
        detail = {
            "escalation": due.number,
            "step": firing.position,
            "webhook": webhook.slug if webhook else None,
            "reason": "webhook_disabled" if webhook else "webhook_deleted",
        }
        if webhook is not None and webhook.disabled_reason is not None:
            detail["disabled_reason"] = webhook.disabled_reason.value
        (id_,) = self._context.ids.take(1, self._context.now)
        self._entries.append(
            TimelineEntry(
                due.incident,
                id_,
                self._context.now,
                Kind.TARGET_SKIPPED,
                ENGINE,
                detail,
                firing.planned_at,
            )
        )

    def save(self, sending: Sending) -> None:
        """Write what was planned, each table once."""
        tx = self._tx
        lease_id, *ids = self._context.ids.take(1 + len(self._planned), self._context.now)
        if self._with_links:
            self._make_links(ids)
        insert_bodies(tx, self._bodies)
        self._insert_deliveries(sending, lease_id, ids)
        insert_late_deliveries(tx, self._late, now=self._now)
        add_to_timeline(tx, self._entries)
        self._mark_silence()

    def _make_links(self, ids: Sequence[int]) -> None:
        """Make the bodies that have links to their own delivery."""
        body_ids = self._context.ids.take(len(self._with_links), self._context.now)
        for body_id, (place, fields) in zip(body_ids, self._with_links, strict=True):
            planned = self._planned[place]
            body = self._body(body_id, planned.due, planned.webhook, fields, ids[place])
            self._planned[place] = planned._replace(body_id=body_id, body=body)

    def _insert_deliveries(self, sending: Sending, lease_id: int, ids: Sequence[int]) -> None:
        made = self._in_line(ids)
        # After the deliveries: lanes are locked last of all.
        free = free_slots(
            self._tx, (each.webhook.id for each in self._planned), slots=sending.slots
        )
        room = sending.room
        waiting, leased = [], []
        for new, planned in zip(made, self._planned, strict=True):
            if room > 0 and free[new.webhook_id] > 0 and new.waits_for is None:
                room -= 1
                free[new.webhook_id] -= 1
                leased.append(new)
                self.result.leases.append(self._lease(lease_id, new.id, planned))
            else:
                waiting.append(new)
        insert_deliveries(
            self._tx, waiting=waiting, leased=leased, now=self._now, run_id=sending.run_id
        )
        note_leased(
            self._tx,
            id_=lease_id,
            run_id=sending.run_id,
            delivery_ids=[new.id for new in leased],
        )
        take_slots(self._tx, (new.webhook_id for new in leased))
        hurried = {each.webhook_id for each in waiting if each.waits_for in self._hurried}
        due = {new.webhook_id for new in waiting if new.waits_for is None}
        wake_lanes(self._tx, dict.fromkeys(due | hurried, self._now))

    def _in_line(self, ids: Sequence[int]) -> list[NewDelivery]:
        """Return the deliveries to be made, each behind the unfinished one before it."""
        later = {each.due.incident for each in self._planned if not _is_first(each)}
        receivers = {(each.due.incident, each.webhook.id) for each in self._planned}
        if not later and len(receivers) == len(self._planned):
            return [
                _new_delivery(id_, planned, None)
                for id_, planned in zip(ids, self._planned, strict=True)
            ]
        line = Line(find_in_line(self._tx, later))
        new, due_already = [], []
        for id_, planned in zip(ids, self._planned, strict=True):
            receiver = (planned.due.incident, planned.webhook.id)
            turn, earlier = line.join(id_, receiver, now=self._context.now)
            waits_for = None if turn is Turn.AT_ONCE or earlier is None else earlier.id
            if turn is Turn.AFTER_A_HURRIED_ATTEMPT and waits_for is not None:
                self._hurried.add(waits_for)
            elif waits_for is not None and earlier is not None and earlier.due_at is not None:
                due_already.append(waits_for)
            new.append(_new_delivery(id_, planned, waits_for))
        hurry_deliveries(self._tx, sorted(self._hurried), now=self._now)
        note_awaited(self._tx, due_already)
        return new

    def _lease(self, lease_id: int, id_: int, planned: _Planned) -> Lease:
        return Lease(
            id=lease_id,
            delivery_id=id_,
            webhook_id=planned.webhook.id,
            incident=planned.due.incident,
            attempt=1,
            started_at=self._now,
            first_attempt_at=self._now,
            planned_at=planned.due.due_at,
            body_id=planned.body_id,
            form=planned.body.form,
            signed_text=planned.body.signed_text,
        )

    def _mark_silence(self) -> None:
        if not self.result.exhausted:
            return
        silent = set(self.result.exhausted) - incidents_running(self._tx, self.result.exhausted)
        for number in mark_silent(self._tx, silent, self._context.now):
            _note(self._tx, self._context, number, Kind.NOBODY_LEFT, {"reason": "last_step_fired"})


def _is_first(planned: _Planned) -> bool:
    """Return whether nothing of its incident can have been sent before.

    Policies start in order, so what the first of them fires without a delay is the first of all.
    """
    firing = planned.firing
    return firing.position == 0 and planned.due.number == 1 and not firing.step.delay


def _new_delivery(id_: int, planned: _Planned, waits_for: int | None) -> NewDelivery:
    return NewDelivery(
        id_,
        planned.due.incident,
        planned.due.number,
        planned.firing.position,
        planned.webhook.id,
        planned.body_id,
        planned.due.due_at,
        waits_for,
    )


def _note(tx: Tx, context: Context, incident: int, kind: Kind, detail: dict[str, object]) -> None:
    (id_,) = context.ids.take(1, context.now)
    add_to_timeline(tx, [TimelineEntry(incident, id_, context.now, kind, ENGINE, detail)])
