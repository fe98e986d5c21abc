"""What attempts tell about their webhooks: failures are counted, and a receiver that is gone is left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.incident_set import Context, ContextSource
from tocsin.actions.webhook_turns import TurnedWebhook, tell_anew, tell_turns
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.webhook_failures import Failures, count_attempt, decide_disabling, decide_turn
from tocsin.store.changes import Change, add_change, lock_configuration
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros
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


@dataclass(slots=True)
class _Judged:
    """Failures by webhook, before a batch and after it, and what is to be disabled."""

    before: dict[int, Failures]
    after: dict[int, Failures] = field(default_factory=dict)
    to_disable: dict[int, DisabledWebhook] = field(default_factory=dict)
    turned: list[TurnedWebhook] = field(default_factory=list)


class JudgedWebhooks(NamedTuple):
    """The webhooks that were disabled because of a batch, and those that began or ceased to fail."""

    disabled: tuple[DisabledWebhook, ...] = ()
    turned: tuple[TurnedWebhook, ...] = ()


def judge_webhooks(
    tx: Tx, results: Sequence[AttemptResult], context_source: ContextSource
) -> JudgedWebhooks:
    """Count what webhooks have failed since their last 2xx, tell of those that fail again and again, and
    disable those that are gone.

    The lanes of these webhooks must be locked. One that works costs a look, for the whole batch.
    """
    judged = _judge(tx, results)
    if judged.to_disable:
        # Whoever changed a webhook meanwhile has done so now, and nobody else can before this ends.
        lock_configuration(tx)
        judged = _judge(tx, results)
    changed = {id_: each for id_, each in judged.after.items() if judged.before.get(id_) != each}
    put_failures(tx, changed)
    forget_failures(tx, judged.before.keys() - judged.after.keys())
    failing = {id_: each for id_, each in changed.items() if each.is_failing}
    if not judged.to_disable and not judged.turned and not failing:
        return JudgedWebhooks()
    context = context_source(tx)
    turned = tell_turns(tx, context, judged.turned)
    told = {each.webhook_id: each.failures.told for each in turned}
    told |= tell_anew(tx, context, {id_: failing[id_] for id_ in failing.keys() - told.keys()})
    after = judged.after
    put_failures(
        tx, {id_: replace(after[id_], told=told[id_]) for id_ in told.keys() & after.keys()}
    )
    disabled = (_disable(tx, context, id_, each) for id_, each in judged.to_disable.items())
    return JudgedWebhooks(tuple(each for each in disabled if each is not None), tuple(turned))


def _judge(tx: Tx, results: Sequence[AttemptResult]) -> _Judged:
    """Fold the attempts in the order in which they ended: a batch is as good as its attempts alone."""
    before = find_failures(tx, {result.lease.webhook_id for result in results})
    judged = _Judged(before, dict(before))
    for result in results:
        webhook_id, outcome = result.lease.webhook_id, result.outcome
        known = judged.after.get(webhook_id)
        if (outcome.is_delivered and known is None) or result.at_once:
            continue  # nothing that anybody knew; or an old connection, and no answer at all
        at = from_micros(result.ended_at)
        counted = count_attempt(known, outcome, at=at, status=result.status_code)
        turn = decide_turn(known, counted)
        if turn is not None:
            failures = counted or known
            assert failures is not None
            judged.turned.append(TurnedWebhook(webhook_id, turn, failures))
        if counted is None:
            judged.after.pop(webhook_id, None)
            continue
        judged.after[webhook_id] = counted
        reason = decide_disabling(counted, outcome, at=at)
        if reason is not None and webhook_id not in judged.to_disable:
            incident = result.lease.incident
            judged.to_disable[webhook_id] = DisabledWebhook(reason, counted, incident)
    return judged


def _disable(
    tx: Tx, context: Context, webhook_id: int, disabled: DisabledWebhook
) -> DisabledWebhook | None:
    """Disable it and say so everywhere; None: it was disabled, or deleted, already."""
    reason = disabled.reason
    slug = disable_webhook(tx, webhook_id, at=context.now, reason=reason)
    if slug is None:
        return None
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
