"""Sending deliveries again, because somebody wants them sent: one, several, or all of a choice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from tocsin.actions.incident_set import Context
from tocsin.actions.pause import is_paused
from tocsin.actions.send_test import NothingIsSent
from tocsin.actions.show_deliveries import DeliveryNotFound
from tocsin.domain.configuration import Configuration
from tocsin.domain.escalation import Stale
from tocsin.domain.send_again import Resending, decide_resending
from tocsin.domain.timeline import NO_INCIDENT, Kind, TimelineEntry
from tocsin.errors import TocsinError
from tocsin.ids import DELIVERY, id_text
from tocsin.store.changes import Change, note_deed
from tocsin.store.database import Tx
from tocsin.store.incidents import find_incidents
from tocsin.store.lanes import lock_lanes, wake_lanes
from tocsin.store.resends import (
    Candidate,
    Choice,
    bring_forward,
    find_candidate,
    incidents_of,
    insert_resends,
    list_candidates,
    lock_candidates,
    revive_deliveries,
)
from tocsin.store.schema import to_micros
from tocsin.store.timeline import add_to_timeline

MOST_AT_ONCE: Final = 100_000
SLICE: Final = 256
"""Deliveries in one transaction: acknowledgements come in between."""
READ_AT_ONCE: Final = 5_000


class StaleEscalation(TocsinError):
    """The delivery belongs to an escalation that was stopped: it does nothing any more."""

    code: ClassVar[str] = Stale.ESCALATION.value
    status_hint: ClassVar[int] = 409

    def __init__(self, *, delivery: str, incident: int) -> None:
        super().__init__(
            f"the escalation of {delivery} was stopped, so nothing of it is sent any more: to page again, "
            f"reopen incident {incident}, or reroute it",
            delivery=delivery,
            incident=incident,
        )


class StaleFollowUp(TocsinError):
    """The follow-up tells what is not so any more, or follows a page of which no byte left."""

    code: ClassVar[str] = Resending.STALE_FOLLOW_UP.value
    status_hint: ClassVar[int] = 409

    def __init__(self, *, delivery: str, incident: int) -> None:
        super().__init__(
            f"{delivery} follows a page of incident {incident}, which has changed since, or of which no byte "
            "left: the webhook is told of the next change",
            delivery=delivery,
            incident=incident,
        )


class DeletedWebhook(TocsinError):
    """The delivery's webhook was deleted, and nobody knows its URL any more."""

    code: ClassVar[str] = "webhook_deleted"
    status_hint: ClassVar[int] = 409

    def __init__(self, *, delivery: str) -> None:
        super().__init__(
            f"the webhook of {delivery} was deleted, so it cannot be sent: test the one that replaced it",
            delivery=delivery,
        )


class DisabledWebhook(TocsinError):
    """The delivery's webhook is disabled."""

    code: ClassVar[str] = "webhook_disabled"
    status_hint: ClassVar[int] = 409

    def __init__(self, *, delivery: str, webhook: str) -> None:
        super().__init__(
            f"the webhook {webhook} is disabled, so {delivery} is not sent: test it, enable it, "
            "and send the delivery again",
            delivery=delivery,
            webhook=webhook,
        )


class TooManyDeliveries(TocsinError):
    """More deliveries were chosen than can be sent again at once."""

    code: ClassVar[str] = "too_many_deliveries"
    status_hint: ClassVar[int] = 422

    def __init__(self, *, most: int) -> None:
        super().__init__(
            f"more than {most} deliveries would be sent again: choose fewer by webhook, since and until",
            most=most,
        )


class CountChanged(TocsinError):
    """Others would be sent again than were counted before."""

    code: ClassVar[str] = "count_changed"
    status_hint: ClassVar[int] = 409

    def __init__(self, *, expected: int, count: int) -> None:
        super().__init__(
            f"{count} deliveries would be sent again by now, and not {expected}: look at them, and send "
            "them with the new count",
            expected=expected,
            count=count,
        )


@dataclass(frozen=True, slots=True)
class SentAgain:
    """What became of the wish to send the delivery `asked`; `delivery` is the one that is sent."""

    asked: int
    delivery: int
    resending: Resending


@dataclass(frozen=True, slots=True)
class NotSentAgain:
    """Why a delivery is not sent again."""

    asked: int
    refusal: TocsinError


Result = SentAgain | NotSentAgain


@dataclass(slots=True)
class LeftOut:
    """How many deliveries are not sent again: as nothing would change, or by the code of the refusal."""

    unchanged: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, resending: Resending) -> None:
        if resending.is_refused:
            self.refused[resending.value] += 1
        else:
            self.unchanged += 1

    def count(self, results: Sequence[Result]) -> int:
        """Add those of the results that are none of sending; return how many of them are."""
        sent = 0
        for result in results:
            if isinstance(result, NotSentAgain):
                self.refused[result.refusal.code] += 1
            elif result.resending.changes:
                sent += 1
            else:
                self.unchanged += 1
        return sent


@dataclass(slots=True)
class Chosen:
    """What sending a choice again would do: the deliveries that are sent, and why others are not."""

    ids: list[int] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


def choose(
    tx: Tx,
    configuration: Configuration,
    choice: Choice,
    *,
    now: datetime,
    most: int = MOST_AT_ONCE,
) -> Chosen:
    """Return which deliveries of a choice would be sent again. Raises: TooManyDeliveries."""
    chosen, after, paused = Chosen(), 0, is_paused(tx)
    while True:
        found = list_candidates(tx, choice, after=after, limit=READ_AT_ONCE)
        for candidate in found:
            resending = _decide(candidate, configuration, now, paused=paused)
            if resending.changes:
                chosen.ids.append(candidate.id)
            else:
                chosen.left_out.add(resending)
        if len(chosen.ids) > most:
            raise TooManyDeliveries(most=most)
        if len(found) < READ_AT_ONCE:
            return chosen
        after = found[-1].id


def foresee(tx: Tx, configuration: Configuration, id_: int, *, now: datetime) -> Resending:
    """Return what would come of the wish to send a delivery again. Raises: DeliveryNotFound."""
    candidate = find_candidate(tx, id_)
    if candidate is None:
        raise DeliveryNotFound(delivery=id_text(DELIVERY, id_))
    return _decide(candidate, configuration, now, paused=is_paused(tx))


def send_again(tx: Tx, context: Context, ids: Sequence[int], *, actor: str) -> list[Result]:
    """Send deliveries again, and say on the timelines of their incidents who wanted it.

    One that cannot be sent spoils nothing for the others. Their incidents are locked first, so that an
    acknowledgement comes before or after.
    """
    find_incidents(tx, incidents_of(tx, ids))
    found = lock_candidates(tx, ids)
    paused = is_paused(tx)
    decided = {
        id_: _decide(each, context.configuration, context.now, paused=paused)
        for id_, each in found.items()
    }
    copies = [id_ for id_, each in decided.items() if each is Resending.NEW_DELIVERY]
    sent = {id_: id_ for id_ in found} | dict(
        zip(copies, context.ids.take(len(copies), context.now), strict=True)
    )
    changed = [found[id_] for id_, each in decided.items() if each.changes]
    _write(tx, context, changed, decided, sent)
    _note(tx, context, changed, decided, sent, actor=actor)
    return [
        SentAgain(id_, sent[id_], decided[id_])
        if id_ in found and not decided[id_].is_refused
        else NotSentAgain(id_, _refusal(id_, found.get(id_), decided.get(id_), context))
        for id_ in dict.fromkeys(ids)
    ]


def send_one_again(tx: Tx, context: Context, id_: int, *, actor: str) -> SentAgain:
    """Send one delivery again, and put on record who wanted it.

    Raises: DeliveryNotFound, StaleEscalation, StaleFollowUp, DeletedWebhook, DisabledWebhook, NothingIsSent.
    """
    (result,) = send_again(tx, context, [id_], actor=actor)
    if isinstance(result, NotSentAgain):
        raise result.refusal
    if result.resending.changes:
        facts = {"resending": result.resending.value}
        if result.delivery != id_:
            facts["new_delivery"] = id_text(DELIVERY, result.delivery)
        note_sent_again(tx, context, actor=actor, object_=id_text(DELIVERY, id_), facts=facts)
    return result


def note_sent_again(
    tx: Tx, context: Context, *, actor: str, object_: str, facts: Mapping[str, Any]
) -> None:
    """Put on record who wanted what sent again."""
    (id_,) = context.ids.take(1, context.now)
    change = Change(
        id=id_,
        at=context.now,
        actor=actor,
        action="delivery.sent_again",
        object=object_,
        after=dict(facts),
    )
    note_deed(tx, change)


def _decide(
    candidate: Candidate, configuration: Configuration, now: datetime, *, paused: bool
) -> Resending:
    return decide_resending(
        candidate.state,
        due_at=candidate.due_at,
        is_test=candidate.is_test,
        is_in_force=candidate.is_in_force,
        is_follow_up=candidate.is_follow_up,
        webhook=configuration.webhooks.get(candidate.webhook_id),
        is_paused=paused,
        now=now,
    )


def _write(
    tx: Tx,
    context: Context,
    changed: Sequence[Candidate],
    decided: Mapping[int, Resending],
    sent: Mapping[int, int],
) -> None:
    now = to_micros(context.now)

    def of(resending: Resending) -> list[Candidate]:
        return [each for each in changed if decided[each.id] is resending]

    revive_deliveries(tx, [each.id for each in of(Resending.PENDING_AGAIN)], now=now)
    bring_forward(tx, [each.id for each in of(Resending.BROUGHT_FORWARD)], now=now)
    copied = [(sent[each.id], each) for each in of(Resending.NEW_DELIVERY)]
    insert_resends(tx, copied, now=now)
    webhook_ids = {each.webhook_id for each in changed}
    if webhook_ids:
        lock_lanes(tx, webhook_ids)
        wake_lanes(tx, dict.fromkeys(webhook_ids, now))


def _note(
    tx: Tx,
    context: Context,
    changed: Sequence[Candidate],
    decided: Mapping[int, Resending],
    sent: Mapping[int, int],
    *,
    actor: str,
) -> None:
    ids = context.ids.take(len(changed), context.now)
    entries = []
    for id_, each in zip(ids, changed, strict=True):
        detail: dict[str, Any] = {
            "delivery": id_text(DELIVERY, each.id),
            "webhook_id": each.webhook_id,
            "resending": decided[each.id].value,
        }
        if sent[each.id] != each.id:
            detail["new_delivery"] = id_text(DELIVERY, sent[each.id])
        incident = each.incident or NO_INCIDENT
        entries.append(TimelineEntry(incident, id_, context.now, Kind.SENT_AGAIN, actor, detail))
    add_to_timeline(tx, entries)


def _refusal(
    id_: int, candidate: Candidate | None, resending: Resending | None, context: Context
) -> TocsinError:
    text = id_text(DELIVERY, id_)
    if candidate is None:
        return DeliveryNotFound(delivery=text)
    if resending is Resending.STALE_ESCALATION:
        return StaleEscalation(delivery=text, incident=candidate.incident or NO_INCIDENT)
    if resending is Resending.STALE_FOLLOW_UP:
        return StaleFollowUp(delivery=text, incident=candidate.incident or NO_INCIDENT)
    if resending is Resending.WEBHOOK_DISABLED:
        webhook = context.configuration.webhooks[candidate.webhook_id]
        return DisabledWebhook(delivery=text, webhook=webhook.slug)
    if resending is Resending.NOTHING_IS_SENT:
        return NothingIsSent()
    return DeletedWebhook(delivery=text)
