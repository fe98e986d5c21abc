"""Heartbeats as they live: calls that come in, those that fall due, and outages of our own.

Whoever changes one because of a call or of its time holds the lock of its entity, which comes before all other
locks; edits lock the row alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tocsin.actions.incident_set import Context
from tocsin.actions.ingest import ingest
from tocsin.actions.own_alerts import make_own_alert
from tocsin.domain.alert import Alert
from tocsin.domain.heartbeat import (
    Decision,
    Happening,
    Heartbeat,
    Verdict,
    decide_call,
    decide_due,
    entity_of,
    excuse,
    may_have_called,
)
from tocsin.domain.heartbeat_sentence import facts_of_alert, sentence_of, title_of
from tocsin.store.database import Failed, Tx
from tocsin.store.heartbeats import (
    forget_heartbeats,
    list_due_slugs,
    lock_all_heartbeats,
    lock_due,
    lock_heartbeats,
    put_off,
    save_heartbeats,
)
from tocsin.store.incidents import lock_entities

AGAIN_AFTER: Final = timedelta(minutes=1)


class Call(NamedTuple):
    """One call of a job: which heartbeat, what it reports, and what it says."""

    slug: str
    happening: Happening
    message: str


class Judged(NamedTuple):
    """What became of a heartbeat that was due."""

    slug: str
    verdict: Verdict
    error: Exception | None = None
    """Why it could not be judged."""


def take_calls(tx: Tx, calls: Sequence[Call], context: Context) -> list[Verdict | None]:
    """Note calls in order, and tell of what they change. None: there is no such heartbeat."""
    slugs = {call.slug for call in calls}
    lock_entities(tx, map(entity_of, slugs))
    known = {each.slug: each for each in lock_heartbeats(tx, slugs)}
    verdicts: list[Verdict | None] = []
    alerts: list[Alert] = []
    for call in calls:
        before = known.get(call.slug)
        if before is None:
            verdicts.append(None)
            continue
        decision = decide_call(before, call.happening, call.message, context.now)
        known[call.slug] = decision.heartbeat
        verdicts.append(decision.verdict)
        alerts += _alerts(context, before, decision)
    save_heartbeats(tx, list(known.values()))
    _send(tx, context, alerts)
    return verdicts


def judge_due(tx: Tx, context: Context, *, limit: int) -> list[Judged]:
    """Judge the heartbeats that are due, and take back what was told of those that nobody watches.

    One that cannot be judged while others can waits a minute, and holds nobody up.
    """
    slugs = list_due_slugs(tx, context.now, limit=limit)
    judged = tx.apart(lambda: _judge(tx, context, slugs))
    if not isinstance(judged, Failed):
        return judged
    return [each for slug in slugs for each in _judge_alone(tx, context, slug)]


def _judge_alone(tx: Tx, context: Context, slug: str) -> list[Judged]:
    judged = tx.apart(lambda: _judge(tx, context, [slug]))
    if not isinstance(judged, Failed):
        return judged
    put_off(tx, slug, now=context.now, until=context.now + AGAIN_AFTER)
    return [Judged(slug, Verdict.NOT_JUDGED, judged.error)]


def _judge(tx: Tx, context: Context, slugs: Sequence[str]) -> list[Judged]:
    lock_entities(tx, map(entity_of, slugs))
    due = lock_due(tx, slugs, context.now)
    decided = [(before, decide_due(before, context.now)) for before in due]
    save_heartbeats(tx, [decision.heartbeat for _, decision in decided])
    forget_heartbeats(tx, [before.id for before, _ in decided if before.deleted_at is not None])
    _send(
        tx,
        context,
        [alert for before, decision in decided for alert in _alerts(context, before, decision)],
    )
    return [Judged(before.slug, decision.verdict) for before, decision in decided]


def excuse_unheard(tx: Tx, deaf_from: datetime | None, now: datetime) -> list[str]:
    """Let the interval begin again of those that may have called while nobody was there to hear it.

    `deaf_from` None: nobody knows since when nobody was. Returns their slugs.
    """
    unheard = [each for each in lock_all_heartbeats(tx) if may_have_called(each, deaf_from, now)]
    save_heartbeats(tx, [excuse(each, now).heartbeat for each in unheard])
    return [each.slug for each in unheard]


def _alerts(context: Context, before: Heartbeat, decision: Decision) -> list[Alert]:
    """Return the alert that tells of a decision, if one does."""
    if decision.tells is None:
        return []
    after, verdict = decision.heartbeat, decision.verdict
    return [
        make_own_alert(
            context,
            decision.tells,
            routing_key=before.routing_key,
            entity_id=before.entity_id,
            title=title_of(before, verdict),
            message=sentence_of(before, after, verdict, context.now),
            annotations=facts_of_alert(before),
        )
    ]


def _send(tx: Tx, context: Context, alerts: Sequence[Alert]) -> None:
    if alerts:
        ingest(tx, alerts, context)
