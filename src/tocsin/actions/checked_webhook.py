"""What came of looking at a webhook's receiver, explained: what would fail and what to do, or what soon will."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tocsin.actions.certificates import Whose, endings, own_certificate, used_as
from tocsin.domain.webhook import Webhook
from tocsin.transport.inspector import Inspection


@dataclass(frozen=True, slots=True)
class CheckedWebhook:
    """How far an attempt would come. `explanation` is None when it would be sent."""

    found: Inspection
    explanation: str | None
    warnings: tuple[str, ...]
    """What is to be done though an attempt is sent."""


def explain_inspection(webhook: Webhook, found: Inspection, now: datetime) -> CheckedWebhook:
    """Return what was found, with its likely cause and what to do."""
    explanation = found.outcome.sentence if found.outcome else None
    if found.refusals:
        explanation = found.refusals[0].text
    return CheckedWebhook(found, explanation, tuple(_warnings(webhook, found, now)))


def _warnings(webhook: Webhook, found: Inspection, now: datetime) -> Iterator[str]:
    if webhook.disabled_at is not None:
        yield "The webhook is disabled: no step calls it. Enable it when it is ready."
    chain = found.handshake.chain if found.handshake and found.outcome is None else ()
    shown = [used_as(Whose.RECEIVER, webhook, each) for each in chain[:1]]
    yield from endings([*own_certificate(webhook), *shown], now)
