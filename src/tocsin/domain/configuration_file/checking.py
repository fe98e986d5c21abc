"""Whether everything that is named will exist, and what will not do what people expect."""

from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.domain.configuration_file.advice import Advice, Concern
from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    Description,
    ObjectKind,
    place_of,
)
from tocsin.domain.configuration_file.merging import Merged
from tocsin.domain.configuration_file.mistakes import Mistake, nearest
from tocsin.domain.configuration_file.policy_advice import described_conditions, policy_advice
from tocsin.domain.configuration_file.reading import ConfigurationFile
from tocsin.domain.message_type import MessageType


def find_missing(merged: Merged, file: ConfigurationFile) -> Iterator[Mistake]:
    """Yield every name that leads nowhere, and every key that two senders would share."""
    for policy in merged.after.policies.values():
        for place, slug in _calls(policy):
            if slug not in merged.after.webhooks:
                yield _missing(merged, file, place, _Reference(ObjectKind.WEBHOOK, slug))
    for routing in merged.after.routing.values():
        for place, path in _leads(routing):
            if path not in merged.after.policies:
                yield _missing(merged, file, place, _Reference(ObjectKind.POLICY, path))
    yield from _shared_keys(merged, file)


@dataclass(frozen=True, slots=True)
class _Reference:
    kind: ObjectKind
    key: str


def _calls(policy: DescribedPolicy) -> Iterator[tuple[str, str]]:
    place = place_of(ObjectKind.POLICY, policy.path)
    for number, step in enumerate(policy.steps, start=1):
        for position, slug in enumerate(step.webhooks, start=1):
            yield f"{place}.steps[{number}].webhooks[{position}]", slug


def _leads(routing: DescribedRouting) -> Iterator[tuple[str, str]]:
    place = place_of(ObjectKind.ROUTING_KEY, routing.key)
    for position, path in enumerate(routing.policies, start=1):
        yield f"{place}.policies[{position}]", path


def _missing(merged: Merged, file: ConfigurationFile, place: str, reference: _Reference) -> Mistake:
    kind, key = reference.kind, reference.key
    if key in merged.before.of(kind):
        return file.mistake(
            place,
            f"pruning would delete the {kind} {key!r}, which is still needed here; describe it in "
            "the file too",
        )
    renamed = merged.renamed.get(kind, {}).get(key)
    if renamed:
        return file.mistake(place, f"the {kind} {key!r} is now called {renamed!r}; write that")
    hint = nearest(key, merged.after.of(kind)) or "; describe it in the file too"
    return file.mistake(place, f"there is no {kind} {key!r}{hint}")


def _shared_keys(merged: Merged, file: ConfigurationFile) -> Iterator[Mistake]:
    described = file.description.alert_keys
    holders = {
        key.hash: name for name, key in merged.after.alert_keys.items() if name not in described
    }
    for name, key in described.items():
        if key.hash is not None and key.hash in holders:
            holder = holders[key.hash]
            yield file.mistake(
                f"{place_of(ObjectKind.ALERT_KEY, name)}.key",
                f"this is the key of {holder!r}, which is in force; write 'was: {holder}' to rename it",
            )


def find_advice(description: Description) -> Iterator[Advice]:
    """Yield what deserves a warning in a configuration that is, or will be, in force."""
    if DEFAULT_ROUTING not in description.routing:
        yield Advice(
            "default_routing",
            "there is none, so an alert with an unknown routing key pages nobody; name a policy",
            Concern.NO_DEFAULT_ROUTING,
        )
    if not description.alert_keys:
        yield Advice(
            "alert_keys",
            "there is none, so nothing can send alerts; add one",
            Concern.NO_ALERT_KEY,
        )
    reached = {path for routing in description.routing.values() for path in routing.policies}
    called = {slug for policy in description.policies.values() for slug in _webhooks_of(policy)}
    conditions = described_conditions(description)
    for path, policy in sorted(description.policies.items()):
        found = policy_advice(policy, conditions, is_reached=path in reached)
        yield from (advice for advice in found if not advice.is_as_meant)
    for slug, webhook in sorted(description.webhooks.items()):
        key = webhook.options.when_failing
        if key is not None and key not in description.routing:
            yield Advice(
                f"{place_of(ObjectKind.WEBHOOK, slug)}.when_failing",
                f"the routing key {key!r} is not configured, so the default routing takes the alert",
                Concern.UNKNOWN_ROUTING_KEY,
            )
    for slug in sorted(description.webhooks.keys() - called):
        place = place_of(ObjectKind.WEBHOOK, slug)
        yield Advice(place, "no policy calls it", Concern.NEVER_CALLED)
    for _, heartbeat in sorted(description.heartbeats.items()):
        yield from _heartbeat_advice(heartbeat, description)


def _heartbeat_advice(heartbeat: DescribedHeartbeat, description: Description) -> Iterator[Advice]:
    place, key = place_of(ObjectKind.HEARTBEAT, heartbeat.slug), heartbeat.routing_key
    if key and key not in description.routing:
        yield Advice(
            f"{place}.routing_key",
            f"the routing key {key!r} is not configured, so the default routing takes the alert",
            Concern.UNKNOWN_ROUTING_KEY,
        )
    route = description.routing.get(key) or description.routing.get(DEFAULT_ROUTING)
    if route is not None and MessageType.CRITICAL not in route.opens_on:
        yield Advice(
            f"{place}.routing_key",
            "its alert is CRITICAL, which opens no incident there; add CRITICAL to opens_on",
            Concern.OPENS_NOTHING,
        )


def _webhooks_of(policy: DescribedPolicy) -> Iterator[str]:
    for step in policy.steps:
        yield from step.webhooks
