"""What attempts tell about their webhooks: failures are counted, a breaker opens, one that is gone is left alone."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.incident_set import Context, ContextSource
from tocsin.actions.webhook_turns import TurnedWebhook, tell_anew, tell_turns
from tocsin.domain.breaker import Closing
from tocsin.domain.configuration import Configuration
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.domain.webhook_failures import Failures, count_attempt, decide_disabling, decide_turn
from tocsin.store.changes import Change, add_change
from tocsin.store.database import Tx
from tocsin.store.lanes import hold_lanes, hold_less, open_lanes
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.timeline import add_to_timeline
from tocsin.store.webhook_failures import find_failures, forget_failures, put_failures
from tocsin.store.webhooks import disable_webhook


@dataclass(frozen=True, slots=True)
class DisabledWebhook:
    """A webhook that the engine disabled after an attempt."""

    reason: DisabledReason
    failures: Failures
    incident: int | None
    """Whose delivery it was; None: a test's."""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class TurnedBreaker:
    """A breaker that opened, or closed for a reason; `failures` are those that it opened, or was open, for."""

    webhook_id: int
    at: datetime
    failures: Failures
    closing: Closing | None
    """None: it opened."""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of attempts for their webhooks, in order."""

    disabled: tuple[DisabledWebhook, ...] = ()
    turned: tuple[TurnedWebhook, ...] = ()
    """Those that began or ceased to fail."""
    breakers: tuple[TurnedBreaker, ...] = ()


@dataclass(slots=True)
class _Judging:
    """Failures by webhook, before a batch and after it, what is to be disabled, and what has turned."""

    before: dict[int, Failures]
    after: dict[int, Failures] = field(default_factory=dict)
    to_disable: dict[int, DisabledWebhook] = field(default_factory=dict)
    turned: list[TurnedWebhook] = field(default_factory=list)
    breakers: list[TurnedBreaker] = field(default_factory=list)

    def keep_closed(self, configuration: Configuration) -> None:
        """Open none of a webhook that is disabled or deleted, or what waits for it could not be given up."""
        for id_ in {each.webhook_id for each in self.breakers if each.closing is None}:
            webhook = configuration.webhooks.get(id_)
            if webhook is None or webhook.disabled_at is not None:
                self.breakers = [each for each in self.breakers if each.webhook_id != id_]
                if failures := self.after.get(id_):
                    self.after[id_] = replace(failures, breaker=None)


_NOTHING = Judged()


def judge_webhooks(
    tx: Tx, results: Sequence[AttemptResult], context_source: ContextSource
) -> Judged:
    """Count what webhooks have failed since their last 2xx, open and close breakers, and disable what is gone.

    The lanes of these webhooks must be locked, and with an answer of 410 among them the configuration before
    that. A webhook that works costs a look, for the whole batch.
    """
    judging = _judge(tx, results)
    context = context_source(tx) if judging.breakers else None
    if context is not None:
        judging.keep_closed(context.configuration)
    changed = {id_: each for id_, each in judging.after.items() if judging.before.get(id_) != each}
    put_failures(tx, changed)
    forget_failures(tx, judging.before.keys() - judging.after.keys())
    failing = {id_: each for id_, each in changed.items() if each.is_failing}
    if not (judging.to_disable or judging.turned or judging.breakers or failing):
        return _NOTHING
    context = context or context_source(tx)
    breakers = _turn(tx, context, judging)
    turned = tell_turns(tx, context, judging.turned)
    told = {each.webhook_id: each.failures.told for each in turned}
    told |= tell_anew(tx, context, {id_: failing[id_] for id_ in failing.keys() - told.keys()})
    after = judging.after
    put_failures(
        tx, {id_: replace(after[id_], told=told[id_]) for id_ in told.keys() & after.keys()}
    )
    disabled = (_disable(tx, context, id_, each) for id_, each in judging.to_disable.items())
    return Judged(tuple(each for each in disabled if each is not None), tuple(turned), breakers)


def _judge(tx: Tx, results: Sequence[AttemptResult]) -> _Judging:
    """Fold the attempts in the order in which they ended: a batch is as good as its attempts alone."""
    before = find_failures(tx, {result.lease.webhook_id for result in results})
    judging = _Judging(before, dict(before))
    for result in results:
        webhook_id, outcome = result.lease.webhook_id, result.outcome
        known = judging.after.get(webhook_id)
        if (outcome.is_delivered and known is None) or result.at_once:
            continue  # nothing that anybody knew; or an old connection, and no answer at all
        at = from_micros(result.ended_at)
        counted = count_attempt(known, outcome, at=at, status=result.status_code)
        turn = decide_turn(known, counted)
        if turn is not None and (failures := counted or known):
            judging.turned.append(TurnedWebhook(webhook_id, turn, failures))
        if counted is None:
            judging.after.pop(webhook_id, None)
            if known is not None and known.breaker:
                judging.breakers.append(TurnedBreaker(webhook_id, at, known, Closing.DELIVERED))
            continue
        judging.after[webhook_id] = counted
        if counted.breaker and (known is None or not known.breaker):
            judging.breakers.append(TurnedBreaker(webhook_id, at, counted, None))
        reason = decide_disabling(counted, outcome, at=at)
        if reason is not None and webhook_id not in judging.to_disable:
            incident = result.lease.incident
            judging.to_disable[webhook_id] = DisabledWebhook(reason, counted, incident)
    return judging


def _turn(tx: Tx, context: Context, judging: _Judging) -> tuple[TurnedBreaker, ...]:
    """Hold the lanes of breakers that are open now, let the others go, and say what turned."""
    open_now = {
        each.webhook_id: failures.breaker
        for each in judging.breakers
        if (failures := judging.after.get(each.webhook_id)) and failures.breaker
    }
    hold_lanes(tx, {id_: to_micros(each.probe_at) for id_, each in open_now.items()})
    open_lanes(tx, {each.webhook_id for each in judging.breakers} - open_now.keys())
    webhooks = context.configuration.webhooks
    told = tuple(
        replace(each, slug=webhooks[each.webhook_id].slug)
        for each in judging.breakers
        if each.webhook_id in webhooks
    )
    add_to_timeline(tx, [_turning(context, each) for each in told])
    return told


def _turning(context: Context, turned: TurnedBreaker) -> TimelineEntry:
    """Where no incident is: it is about all that the webhook is called for."""
    (id_,) = context.ids.take(1, context.now)
    kind = Kind.BREAKER_OPENED if turned.closing is None else Kind.BREAKER_CLOSED
    detail = _breaker_detail(turned.slug, turned.failures, turned.closing)
    return TimelineEntry(NO_INCIDENT, id_, context.now, kind, ENGINE, detail)


def close_breaker(
    tx: Tx, webhook: Webhook, closing: Closing, *, entry_id: int, now: datetime, actor: str
) -> None:
    """Close a webhook's breaker if it is open, and say who did it. What it has failed still counts."""
    failures = find_failures(tx, [webhook.id]).get(webhook.id)
    if failures is None or failures.breaker is None:
        return
    put_failures(tx, {webhook.id: replace(failures, breaker=None)})
    open_lanes(tx, [webhook.id])
    detail = _breaker_detail(webhook.slug, failures, closing)
    add_to_timeline(
        tx, [TimelineEntry(NO_INCIDENT, entry_id, now, Kind.BREAKER_CLOSED, actor, detail)]
    )


def probe_at_once(tx: Tx, webhook_ids: AbstractSet[int], *, now: datetime) -> None:
    """Let those of these breakers that are open make their next probe now. Their lanes must be locked."""
    if not webhook_ids:
        return
    probes = {
        id_: replace(each, breaker=replace(each.breaker, probe_at=min(each.breaker.probe_at, now)))
        for id_, each in find_failures(tx, webhook_ids).items()
        if each.breaker is not None
    }
    put_failures(tx, probes)
    hold_less(tx, dict.fromkeys(probes, to_micros(now)))


def _breaker_detail(
    slug: str, failures: Failures, closing: Closing | None = None
) -> dict[str, Any]:
    """Return the facts of a breaker that opened, or closed for a reason."""
    detail = {
        "webhook": slug,
        "failures": failures.count,
        "since": failures.since.isoformat(),
    }
    if closing is not None and failures.breaker:
        detail["opened_at"] = failures.breaker.opened_at.isoformat()
        detail["reason"] = closing.value
    return detail


def _disable(
    tx: Tx, context: Context, webhook_id: int, disabled: DisabledWebhook
) -> DisabledWebhook | None:
    """Disable it and say so everywhere; None: it was disabled, or deleted, already."""
    reason = disabled.reason
    slug = disable_webhook(tx, webhook_id, at=context.now, reason=reason)
    if slug is None:
        return None
    if webhook := context.configuration.webhooks.get(webhook_id):
        (id_,) = context.ids.take(1, context.now)
        close_breaker(tx, webhook, Closing.DISABLED, entry_id=id_, now=context.now, actor=ENGINE)
    done = replace(disabled, slug=slug)
    _write_down(tx, context, done)
    return done


def _write_down(tx: Tx, context: Context, disabled: DisabledWebhook) -> None:
    """In the audit, and on the timeline: of the incident concerned, and where no incident is."""
    failures = disabled.failures
    since = failures.gone_since or failures.since
    facts: dict[str, Any] = {
        "reason": disabled.reason.value,
        "gone": failures.gone,
        "since": since.isoformat(),
    }
    change = Change(
        id=context.ids.take(1, context.now)[0],
        at=context.now,
        actor=ENGINE,
        action="webhook.disabled",
        object=disabled.slug,
        before={"enabled": True},
        after={"enabled": False, **facts},
    )
    add_change(tx, change)
    detail = {"webhook": disabled.slug, **facts}
    if disabled.incident is not None:
        _note(tx, context, disabled.incident, detail)
        detail["incident"] = disabled.incident
    _note(tx, context, NO_INCIDENT, detail)


def _note(tx: Tx, context: Context, incident: int, detail: Mapping[str, Any]) -> None:
    (id_,) = context.ids.take(1, context.now)
    entry = TimelineEntry(incident, id_, context.now, Kind.WEBHOOK_DISABLED, ENGINE, dict(detail))
    add_to_timeline(tx, [entry])
