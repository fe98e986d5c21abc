"""How a webhook is, from what is on record of its attempts: bounded work, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tocsin.actions.policies import list_policies
from tocsin.actions.webhook_state import WebhookState, find_states
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.spread import Spread, spread_of
from tocsin.domain.webhook import Webhook
from tocsin.store.database import Tx
from tocsin.store.delivery_walk import (
    EndedAttempt,
    count_waiting_of,
    latest_tried_of_each,
    list_ended_attempts,
    walk_deliveries,
)

STRIP: Final = 60
"""Attempts that are shown of one webhook."""
GLANCE: Final = 12
"""Attempts that are shown of each of many."""
MOST_WAITING: Final = 1000
"""Those that wait are counted no further."""
_LOOKED_AT_TOGETHER: Final = 5_000
"""Deliveries that are passed to find the latest of every webhook."""
_MOST_TOGETHER: Final = 10_000
"""Attempts that are looked at for all of them."""


@dataclass(frozen=True, slots=True)
class UseOfWebhook:
    """A policy that calls a webhook, and in which of its steps, counted from 1."""

    policy: str
    team: str
    slug: str
    name: str
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """How a webhook is. `attempts` are its latest, the earliest of them first."""

    webhook: Webhook
    state: WebhookState
    used_by: tuple[UseOfWebhook, ...]
    attempts: tuple[EndedAttempt, ...]
    is_called_now: bool
    """Whether there are attempts, none of which has ended."""
    took: Spread | None
    """How long those attempts took that were answered."""
    last_success: EndedAttempt | None
    waiting: int
    """Deliveries that wait for an attempt; `MOST_WAITING` or more are not counted."""
    older_unseen: bool
    """Whether older attempts may be on record, which nobody looked for."""


def look_at_health(tx: Tx, webhook: Webhook) -> WebhookHealth:
    """Return how one webhook is."""
    walked = walk_deliveries(tx, webhook_ids=[webhook.id], is_tried=True, limit=STRIP)
    attempts = list_ended_attempts(tx, walked.ids, limit=STRIP)
    return WebhookHealth(
        webhook=webhook,
        state=find_states(tx, [webhook])[webhook.id],
        used_by=uses_of_webhooks(tx).get(webhook.slug, ()),
        attempts=tuple(attempts),
        is_called_now=bool(walked.ids) and not attempts,
        took=_took(attempts),
        last_success=_last_success(tx, webhook, attempts, is_all=len(walked.ids) < STRIP),
        waiting=count_waiting_of(tx, webhook.id, most=MOST_WAITING),
        older_unseen=walked.unseen_below is not None and len(walked.ids) < STRIP,
    )


def look_at_all(
    tx: Tx, webhooks: Sequence[Webhook], *, within: int = _LOOKED_AT_TOGETHER
) -> list[WebhookHealth]:
    """Return how each of these webhooks is, at a glance: of the `within` latest deliveries of all."""
    ids, are_all = latest_tried_of_each(tx, each=GLANCE, within=within)
    states, used = find_states(tx, webhooks), uses_of_webhooks(tx)
    owner = {id_: webhook_id for webhook_id, some in ids.items() for id_ in some}
    of_each: dict[int, list[EndedAttempt]] = {}
    for attempt in list_ended_attempts(tx, owner, limit=_MOST_TOGETHER):
        of_each.setdefault(owner[attempt.delivery_id], []).append(attempt)
    found = []
    for webhook in webhooks:
        attempts = of_each.get(webhook.id, [])[-GLANCE:]
        found.append(
            WebhookHealth(
                webhook=webhook,
                state=states[webhook.id],
                used_by=used.get(webhook.slug, ()),
                attempts=tuple(attempts),
                is_called_now=webhook.id in owner.values() and not attempts,
                took=_took(attempts),
                last_success=_latest_delivered(attempts),
                waiting=count_waiting_of(tx, webhook.id, most=MOST_WAITING),
                older_unseen=not are_all and len(attempts) < GLANCE,
            )
        )
    return found


def uses_of_webhooks(tx: Tx) -> dict[str, tuple[UseOfWebhook, ...]]:
    """Return by which policies, as they are now, each webhook is called."""
    found: dict[str, list[UseOfWebhook]] = {}
    for each in list_policies(tx):
        described = each.described
        slugs = {slug for step in described.steps for slug in step.webhooks}
        for slug in slugs:
            steps = tuple(
                number for number, step in enumerate(described.steps, 1) if slug in step.webhooks
            )
            use = UseOfWebhook(
                described.path, described.team, described.slug, described.name, steps
            )
            found.setdefault(slug, []).append(use)
    return {slug: tuple(uses) for slug, uses in found.items()}


def _last_success(
    tx: Tx, webhook: Webhook, attempts: Sequence[EndedAttempt], *, is_all: bool
) -> EndedAttempt | None:
    """Return the latest attempt that was answered with 2xx, if it is not long ago.

    `is_all`: these are all that a walk could find.
    """
    found = _latest_delivered(attempts)
    if found is not None or is_all:
        return found
    state = DeliveryState.DELIVERED
    walked = walk_deliveries(tx, webhook_ids=[webhook.id], state=state, limit=1)
    return _latest_delivered(list_ended_attempts(tx, walked.ids, limit=STRIP))


def _latest_delivered(attempts: Sequence[EndedAttempt]) -> EndedAttempt | None:
    return next((each for each in reversed(attempts) if each.outcome.is_delivered), None)


def _took(attempts: Iterable[EndedAttempt]) -> Spread | None:
    return spread_of(_length(each) for each in attempts if each.status is not None)


def _length(attempt: EndedAttempt) -> timedelta:
    return attempt.ended_at - attempt.started_at
