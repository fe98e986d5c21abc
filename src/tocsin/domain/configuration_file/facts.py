"""What may be told about an object: everything but its secrets, as JSON has it."""

from hashlib import sha256
from typing import Any, Final

from tocsin.domain.configuration_file.description import (
    Described,
    DescribedAlertKey,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedStep,
    DescribedTeam,
    DescribedWebhook,
)
from tocsin.domain.duration import format_duration
from tocsin.domain.instant import format_instant
from tocsin.domain.policy import format_if_undelivered
from tocsin.domain.routing import format_opening_types
from tocsin.domain.wording import counted
from tocsin.secret import Secret

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
Facts = dict[str, Any]


def facts_of(described: Described | None) -> Facts:  # noqa: PLR0911 - one arm for each kind
    """Return what an object is like; nothing for one that is not there."""
    match described:
        case None:
            return {}
        case DescribedWebhook():
            return _webhook(described)
        case DescribedTeam():
            return {"slug": described.slug, "name": described.name}
        case DescribedPolicy():
            return _policy(described)
        case DescribedRouting():
            return {
                "policies": list(described.policies),
                "opens_on": format_opening_types(described.opens_on),
            }
        case DescribedAlertKey():
            return {"name": described.name}
        case DescribedHeartbeat():
            return _heartbeat(described)


def changed_facts(before: Described | None, after: Described | None) -> tuple[Facts, Facts]:
    """Return the facts that differ, as they were and as they are."""
    old, new = facts_of(before), facts_of(after)
    differing = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return (
        {name: value for name, value in old.items() if name in differing},
        {name: value for name, value in new.items() if name in differing},
    )


def changed_secrets(before: Described | None, after: Described | None) -> tuple[str, ...]:
    """Return the names of the secrets that differ between two states of an object that stays."""
    match before, after:
        case DescribedWebhook(), DescribedWebhook():
            secrets = {
                "url": before.url != after.url,
                "auth_code": before.auth_code != after.auth_code,
                "client_key": _client_key(before) != _client_key(after),
                "pending_auth_code": _pending_code(before) != _pending_code(after),
            }
        case DescribedAlertKey(), DescribedAlertKey():
            secrets = {"key": before.hash != after.hash}
        case _:
            return ()
    return tuple(name for name, differs in secrets.items() if differs)


def _webhook(webhook: DescribedWebhook) -> Facts:
    options, client = webhook.options, webhook.options.client_certificate
    promote_at = webhook.pending.promote_at if webhook.pending else None
    return {
        "slug": webhook.slug,
        "name": webhook.name,
        "enabled": webhook.enabled is not False,
        "profile": options.profile.value,
        "summary": options.with_summary,
        "sender_headers": options.with_sender_headers,
        "standard_signature": options.with_standard_signature,
        "answer_may_act": options.answer_may_act,
        "links": list(options.links),
        "follow_up": list(options.follow_up),
        "connect_timeout": format_duration(options.connect_timeout),
        "total_timeout": format_duration(options.total_timeout),
        "deadline": format_duration(options.deadline),
        "retry_waits": list(map(format_duration, options.retry_waits)),
        "slots": options.slots,
        "skip_if_late": None
        if options.skip_if_late is None
        else format_duration(options.skip_if_late),
        "when_failing": options.when_failing,
        "ca_bundle": _certificates(options.ca_bundle),
        "client_certificate": _certificates(client.chain if client else None),
        "promote_at": format_instant(promote_at) if promote_at else None,
    }


def _certificates(pem: str | None) -> str | None:
    """Return how many there are, and a word by which two lists are told apart."""
    if pem is None:
        return None
    return f"{counted(pem.count(_BEGIN), 'certificate')} ({sha256(pem.encode()).hexdigest()[:12]})"


def _client_key(webhook: DescribedWebhook) -> Secret | None:
    client = webhook.options.client_certificate
    return client.key if client else None


def _pending_code(webhook: DescribedWebhook) -> Secret | None:
    return webhook.pending.code if webhook.pending else None


def _heartbeat(heartbeat: DescribedHeartbeat) -> Facts:
    return {
        "slug": heartbeat.slug,
        "name": heartbeat.name,
        "every": format_duration(heartbeat.every),
        "grace": format_duration(heartbeat.grace),
        "routing_key": heartbeat.routing_key or None,
        "paused": heartbeat.paused is True,
    }


def _policy(policy: DescribedPolicy) -> Facts:
    repeat = policy.repeat
    return {
        "team": policy.team,
        "slug": policy.slug,
        "name": policy.name,
        "steps": [_step(step) for step in policy.steps],
        "repeat": repeat and {"times": repeat.times, "after": format_duration(repeat.after)},
    }


def _step(step: DescribedStep) -> Facts:
    facts: Facts = {"after": format_duration(step.after), "webhooks": list(step.webhooks)}
    if step.if_undelivered is not None:
        facts["if_undelivered"] = format_if_undelivered(step.if_undelivered)
    return facts
