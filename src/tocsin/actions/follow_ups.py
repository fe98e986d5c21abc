"""Deliveries that tell of a change to the webhooks that were paged, in the transaction of the change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from tocsin.domain.configuration import Configuration
from tocsin.domain.delivery_order import Earlier, Line, Receiver, Turn
from tocsin.domain.follow_up import (
    Chance,
    FollowUp,
    Occurrence,
    decide_chance,
    follow_up_fields,
)
from tocsin.domain.payload import PayloadProfile, make_body
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.domain.webhook import Webhook
from tocsin.ids import IdSource
from tocsin.store.alert_reads import find_alerts
from tocsin.store.database import Tx
from tocsin.store.deliveries import cancel_deliveries, insert_bodies
from tocsin.store.delivery_line import find_in_line, hurry_deliveries, note_awaited
from tocsin.store.follow_ups import NewFollowUp, find_pages, insert_follow_ups
from tocsin.store.schema import to_micros
from tocsin.store.timeline import add_to_timeline


class _Asked(NamedTuple):
    """A webhook that asks to be told of an occurrence."""

    occurrence: Occurrence
    webhook: Webhook

    @property
    def receiver(self) -> Receiver:
        return self.occurrence.incident, self.webhook.id


def make_follow_ups(
    tx: Tx,
    occurrences: Sequence[Occurrence],
    *,
    configuration: Configuration,
    now: datetime,
    ids: IdSource,
) -> dict[int, int]:
    """Make the follow-ups of changes, in their order, for every webhook that asks and was paged.

    Call it when all else of the changes is written. One whose page is under way waits for the end of
    that attempt. What a later one of the changes undoes is made all the same, and ended.

    Returns since when each webhook has some to send. Units: microseconds since 1970.
    """
    wanted = [
        _Asked(occurrence, webhook)
        for occurrence in occurrences
        for webhook in configuration.following
        if occurrence.follow_up in webhook.follow_up
    ]
    if not wanted:
        return {}
    numbers = {each.occurrence.incident for each in wanted}
    line = Line(find_in_line(tx, numbers))
    pages = find_pages(tx, numbers, {each.webhook.id for each in wanted})
    asked = [
        each for each in wanted if decide_chance(pages.get(each.receiver, ()))[0] is not Chance.NONE
    ]
    if not asked:
        return {}
    alerts = find_alerts(tx, {each.occurrence.raising_alert_id for each in asked})
    fields = {id_: alert.fields for id_, alert in alerts.items()}
    batch = _Batch(tx, line, fields, now=now, ids=ids)
    for occurrence in occurrences:
        batch.end_undone(occurrence)
        for each in asked:
            if each.occurrence is occurrence:
                batch.tell(each)
    return batch.save()


_BodyKind = tuple[int, PayloadProfile, bool, bool]


class _Batch:
    """Follow-ups of one transaction, from who asked to what is written."""

    def __init__(
        self,
        tx: Tx,
        line: Line,
        fields: Mapping[int, Mapping[str, str]],
        *,
        now: datetime,
        ids: IdSource,
    ) -> None:
        self._tx = tx
        self._line = line
        self._fields = fields
        self._now = now
        self._ids = ids
        self._new: list[NewFollowUp] = []
        self._bodies: dict[_BodyKind, tuple[int, bytes]] = {}
        self._hurried: set[int] = set()
        self._awaited: set[int] = set()
        self._due: set[int] = set()
        self._reopened: dict[Receiver, tuple[int, Earlier | None]] = {}
        """The latest of those that a later change would undo, and the one before it in line."""
        self._undone: dict[str, list[int]] = {}
        """Those that a later change has undone, by its reason."""
        self._skipped: list[TimelineEntry] = []

    def end_undone(self, occurrence: Occurrence) -> None:
        """End what was made before, and is not true any more."""
        if occurrence.follow_up is FollowUp.REOPENED:
            return
        for receiver in [each for each in self._reopened if each[0] == occurrence.incident]:
            id_, before = self._reopened.pop(receiver)
            self._line.leave(receiver, before)
            self._undone.setdefault(occurrence.kind.value, []).append(id_)

    def tell(self, asked: _Asked) -> None:
        """Let a follow-up join its line."""
        occurrence, webhook = asked.occurrence, asked.webhook
        if webhook.disabled_at is not None:
            self._skip(occurrence, webhook)
            return
        (id_,) = self._ids.take(1, self._now)
        turn, earlier = self._line.join(id_, asked.receiver, now=self._now)
        if occurrence.follow_up is FollowUp.REOPENED:
            self._reopened[asked.receiver] = id_, earlier
        waits_for = None if turn is Turn.AT_ONCE or earlier is None else earlier.id
        if turn is Turn.AFTER_A_HURRIED_ATTEMPT and waits_for is not None:
            self._hurried.add(waits_for)
        elif waits_for is not None and earlier is not None and earlier.due_at is not None:
            self._awaited.add(waits_for)
        if turn is Turn.AFTER_A_HURRIED_ATTEMPT or waits_for is None:
            self._due.add(webhook.id)
        new = NewFollowUp(
            id=id_,
            incident=occurrence.incident,
            webhook_id=webhook.id,
            body_id=self._body(occurrence, webhook),
            waits_for=waits_for,
            follow_up=occurrence.follow_up,
            cause=occurrence.cause,
        )
        self._new.append(new)

    def _body(self, occurrence: Occurrence, webhook: Webhook) -> int:
        kind = (
            *(occurrence.cause, webhook.profile),
            *(webhook.with_summary, webhook.with_sender_headers),
        )
        if kind not in self._bodies:
            body = make_body(
                webhook.profile,
                incident=occurrence.incident,
                alert=follow_up_fields(self._fields[occurrence.raising_alert_id], occurrence),
                with_headers=webhook.with_sender_headers,
                empty_texts=not webhook.with_summary,
                headline=occurrence.follow_up.headline,
            )
            (body_id,) = self._ids.take(1, self._now)
            self._bodies[kind] = body_id, body.form
        return self._bodies[kind][0]

    def _skip(self, occurrence: Occurrence, webhook: Webhook) -> None:
        assert webhook.disabled_reason is not None
        detail = {
            "follow_up": occurrence.follow_up.value,
            "webhook": webhook.slug,
            "reason": "webhook_disabled",
            "disabled_reason": webhook.disabled_reason.value,
        }
        (id_,) = self._ids.take(1, self._now)
        entry = TimelineEntry(
            occurrence.incident, id_, self._now, Kind.TARGET_SKIPPED, ENGINE, detail
        )
        self._skipped.append(entry)

    def save(self) -> dict[int, int]:
        """Write what was made; return since when each webhook has some to send."""
        tx, now = self._tx, to_micros(self._now)
        insert_bodies(tx, list(self._bodies.values()))
        insert_follow_ups(tx, self._new, now=now)
        hurry_deliveries(tx, sorted(self._hurried), now=now)
        note_awaited(tx, sorted(self._awaited))
        for reason, undone in self._undone.items():
            cancel_deliveries(tx, undone, reason=reason, now=now)
        add_to_timeline(tx, self._skipped)
        return dict.fromkeys(self._due, now)
