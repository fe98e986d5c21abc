"""How webhooks do, for who is about to rely on them."""

from tocsin.domain.configuration import Configuration
from tocsin.domain.configuration_file.policy_advice import Condition
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_failures import Failures
from tocsin.store.database import Tx
from tocsin.store.webhook_failures import list_failures


def find_conditions(tx: Tx, configuration: Configuration) -> dict[str, Condition]:
    """Return the condition of every webhook, by slug."""
    failures = list_failures(tx)
    webhooks = configuration.webhooks.values()
    return {each.slug: _condition(each, failures.get(each.id)) for each in webhooks}


def _condition(webhook: Webhook, failures: Failures | None) -> Condition:
    if webhook.disabled_at is not None:
        return Condition.DISABLED
    if failures is None:
        return Condition.WORKS
    if failures.breaker is not None:
        return Condition.BREAKER_OPEN
    return Condition.FAILING if failures.is_failing else Condition.WORKS
