"""What is known of webhooks besides how they are configured: what attempts have shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tocsin.actions.certificates import find_shown
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_failures import Failures
from tocsin.store.database import Tx
from tocsin.store.webhook_failures import list_failures, list_open_breakers


@dataclass(frozen=True, slots=True)
class WebhookState:
    """The certificate that its receiver showed last, and what it has failed, if it is failing."""

    certificate: ReceiverCertificate | None = None
    failures: Failures | None = None
    open_for: Failures | None = None
    """What its breaker is open for, if it is."""


class Condition(StrEnum):
    """What a list of webhooks can be narrowed to without a look at their attempts."""

    TROUBLED = "troubled"
    """Failing, or held back by an open breaker."""
    DISABLED = "disabled"


def in_condition(tx: Tx, webhooks: Iterable[Webhook], condition: Condition) -> list[Webhook]:
    """Return those of the webhooks that are so. What is disabled is called no more, so nothing troubles it."""
    found = list(webhooks)
    if condition is Condition.DISABLED:
        return [webhook for webhook in found if webhook.disabled_at is not None]
    troubled = {*find_failing(tx, found), *list_open_breakers(tx)}
    return [each for each in found if each.id in troubled and each.disabled_at is None]


def find_states(tx: Tx, webhooks: Iterable[Webhook]) -> dict[int, WebhookState]:
    """Return what is known of each of these webhooks, by its id."""
    found = list(webhooks)
    shown = find_shown(tx, found)
    failing, open_for = find_failing(tx, found), list_open_breakers(tx)
    return {
        webhook.id: WebhookState(
            shown.get(webhook.id), failing.get(webhook.id), open_for.get(webhook.id)
        )
        for webhook in found
    }


def find_failing(tx: Tx, webhooks: Iterable[Webhook]) -> dict[int, Failures]:
    """Return the failures of those that fail again and again. One that is disabled is called no more."""
    failures = list_failures(tx)
    return {
        webhook.id: failures[webhook.id]
        for webhook in webhooks
        if webhook.disabled_at is None
        and webhook.id in failures
        and failures[webhook.id].is_failing
    }
