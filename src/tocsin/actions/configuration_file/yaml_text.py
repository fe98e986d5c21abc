"""Writing a description as the YAML that reads back as the same."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedStep,
    DescribedWebhook,
    Description,
)
from tocsin.domain.configuration_file.reading_webhooks import FLAGS
from tocsin.domain.duration import format_duration
from tocsin.domain.instant import format_instant
from tocsin.domain.policy import format_if_undelivered
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT, format_opening_types
from tocsin.domain.webhook_options import BOUNDS, WebhookOptions

_AS_ONE_LINE: Final = 1 << 30
_KEYS_NOTE: Final = """\
# Keys are kept only as hashes and cannot be exported. Applied where they are in force, these stay as
# they are; anywhere else new ones are made, unless a 'key: ...' is written below the name.
"""
_CODES_NOTE: Final = """\
# Auth codes and client keys are left out. Applied where these webhooks are, they are kept; anywhere else
# new auth codes are made. 'tocsin export --secrets FILE' writes them, into a file that only you can read.
"""
_SECRET_NOTE: Final = (
    "# This file holds auth codes and client keys: whoever reads it can sign as this server.\n"
)


def yaml_text(description: Description, *, with_secrets: bool) -> str:
    """Return the file. Auth codes and client keys are in it only if asked for."""
    sections = _sections(description, with_secrets=with_secrets)
    return "\n".join(
        f"{note}{_dump({name: content})}" for name, content, note in sections if content
    )


def _sections(
    description: Description, *, with_secrets: bool
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    webhooks = {
        slug: _webhook(each, with_secrets=with_secrets)
        for slug, each in description.webhooks.items()
    }
    routing = {key: _routing(each) for key, each in description.routing.items()}
    default = routing.pop(DEFAULT_ROUTING, {})
    yield "webhooks", webhooks, _SECRET_NOTE if with_secrets else _CODES_NOTE
    yield "teams", _teams(description), ""
    yield "routing_keys", routing, ""
    yield "default_routing", default, ""
    yield "alert_keys", {name: {} for name in description.alert_keys}, _KEYS_NOTE
    heartbeats = {slug: _heartbeat(each) for slug, each in description.heartbeats.items()}
    yield "heartbeats", heartbeats, ""


class _Lines(str):
    """A text that is written line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes PEM as it stands in its own file."""


_Dumper.add_representer(
    _Lines,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"),
)


def _dump(content: Mapping[str, Any]) -> str:
    return yaml.dump(
        content,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=_AS_ONE_LINE,
    )


def _webhook(webhook: DescribedWebhook, *, with_secrets: bool) -> dict[str, Any]:
    options, usual = webhook.options, WebhookOptions()
    written: dict[str, Any] = {"name": webhook.name, "url": webhook.url}
    if with_secrets:
        written |= _auth_codes(webhook)
    if webhook.enabled is False:
        written["enabled"] = False
    if options.profile is not usual.profile:
        written["profile"] = options.profile.value
    for name, option in FLAGS.items():
        if getattr(options, option) is not getattr(usual, option):
            written[name] = getattr(options, option)
    if options.links:
        written["links"] = [action.value for action in options.links]
    if options.follow_up:
        written["follow_up"] = [each.value for each in options.follow_up]
    written |= _timing(options, usual) | _on_trouble(options)
    return written | _certificates(options, with_secrets=with_secrets)


def _timing(options: WebhookOptions, usual: WebhookOptions) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, _least, _most in BOUNDS:
        if getattr(options, name) != getattr(usual, name):
            written[name] = format_duration(getattr(options, name))
    if options.retry_waits != usual.retry_waits:
        written["retry_waits"] = list(map(format_duration, options.retry_waits))
    if options.slots is not None:
        written["slots"] = options.slots
    return written


def _on_trouble(options: WebhookOptions) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if options.skip_if_late is not None:
        written["skip_if_late"] = format_duration(options.skip_if_late)
    if options.when_failing is not None:
        written["when_failing"] = {"routing_key": options.when_failing}
    return written


def _auth_codes(webhook: DescribedWebhook) -> dict[str, str]:
    written = {}
    if webhook.auth_code:
        written["auth_code"] = webhook.auth_code.reveal()
    if webhook.pending:
        written["pending_auth_code"] = webhook.pending.code.reveal()
        if webhook.pending.promote_at:
            written["promote_at"] = format_instant(webhook.pending.promote_at)
    return written


def _certificates(options: WebhookOptions, *, with_secrets: bool) -> dict[str, Any]:
    client = options.client_certificate
    texts = {
        "ca_bundle": options.ca_bundle,
        "client_certificate": client and client.chain,
        "client_key": client.key.reveal() if with_secrets and client and client.key else None,
    }
    return {name: _Lines(text) for name, text in texts.items() if text}


def _teams(description: Description) -> dict[str, Any]:
    teams: dict[str, dict[str, Any]] = {
        slug: {"name": team.name, "policies": {}} for slug, team in description.teams.items()
    }
    for policy in description.policies.values():
        teams[policy.team]["policies"][policy.slug] = _policy(policy)
    return teams


def _policy(policy: DescribedPolicy) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": policy.name,
        "steps": [_step(step) for step in policy.steps],
    }
    if policy.repeat:
        after = format_duration(policy.repeat.after)
        written["repeat"] = {"times": policy.repeat.times, "after": after}
    return written


def _step(step: DescribedStep) -> dict[str, Any]:
    written: dict[str, Any] = {
        "after": format_duration(step.after),
        "webhooks": list(step.webhooks),
    }
    if step.if_undelivered is not None:
        written["if_undelivered"] = format_if_undelivered(step.if_undelivered)
    return written


def _routing(routing: DescribedRouting) -> dict[str, Any]:
    written: dict[str, Any] = {"policies": list(routing.policies)}
    if routing.opens_on != OPENING_TYPES_BY_DEFAULT:
        written["opens_on"] = format_opening_types(routing.opens_on).split(", ")
    return written


def _heartbeat(heartbeat: DescribedHeartbeat) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": heartbeat.name,
        "every": format_duration(heartbeat.every),
        "grace": format_duration(heartbeat.grace),
    }
    if heartbeat.routing_key:
        written["routing_key"] = heartbeat.routing_key
    if heartbeat.paused:
        written["paused"] = True
    return written
