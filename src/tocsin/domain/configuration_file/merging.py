"""What will be in force once a file is applied to what is in force now. Pure: names, no ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tocsin.domain.auth_code import PendingAuthCode
from tocsin.domain.configuration_file.clashes import former_key
from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    Described,
    DescribedAlertKey,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedWebhook,
    Description,
    ObjectKind,
    Section,
    place_of,
)
from tocsin.domain.configuration_file.mistakes import Mistake
from tocsin.domain.configuration_file.reading import ConfigurationFile
from tocsin.domain.webhook_options import WebhookOptions
from tocsin.secret import Secret

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that changes: `before` is None when it is made, `after` when it is deleted.

    `key` names it afterwards; `was` is the key it had, if it is renamed.
    """

    kind: ObjectKind
    key: str
    before: Described | None
    after: Described | None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """`before` is what is in force, already under its new names; `after` is what will be."""

    before: Description
    after: Description
    renamed: Mapping[ObjectKind, Mapping[str, str]]
    """The new key of what is renamed, by its old one."""
    mistakes: tuple[Mistake, ...] = ()

    def differences(self) -> tuple[Difference, ...]:
        """Return what changes, in an order in which it can be made."""
        return tuple(difference for kind in ObjectKind for difference in self._differences_of(kind))

    def _differences_of(self, kind: ObjectKind) -> list[Difference]:
        before, after = self.before.of(kind), self.after.of(kind)
        former = {new: old for old, new in self.renamed.get(kind, {}).items()}
        return [
            Difference(kind, key, before.get(key), after.get(key), former.get(key))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key) or key in former
        ]


@dataclass(slots=True)
class _Renames:
    """Old keys to new ones, and what is wrong with them."""

    file: ConfigurationFile
    by_kind: dict[ObjectKind, dict[str, str]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def find(self, kind: ObjectKind, existing: Mapping[str, _T]) -> dict[str, str]:
        """Note what the file renames among what exists. One that has its new name already stays."""
        found = self.by_kind.setdefault(kind, {})
        for key, described in self.file.description.of(kind).items():
            was = former_key(described)
            if was is None or was not in existing:
                continue
            if key in existing:
                place = f"{place_of(kind, key)}.was"
                message = f"both {was!r} and {key!r} exist; leave was out, or delete one first"
                self.mistakes.append(self.file.mistake(place, message))
            else:
                found[was] = key
        return found


def merge(current: Description, file: ConfigurationFile, *, prune: bool = False) -> Merged:
    """Return what applying `file` makes of `current`.

    1. Objects that the file renames get their new names, and so does what refers to them.
    2. What the file describes becomes what it says; secrets that it omits are kept.
    3. What it does not mention stays; with `prune` it goes, in those parts that the file has.
    """
    renames = _Renames(file)
    before = _renamed(current, renames)
    base = _kept(before, file.sections) if prune else before
    described = file.description
    after = Description(
        webhooks={
            **base.webhooks,
            **{slug: _webhook(before, each) for slug, each in described.webhooks.items()},
        },
        teams={**base.teams, **described.teams},
        policies={**base.policies, **described.policies},
        routing={**base.routing, **described.routing},
        alert_keys={
            **base.alert_keys,
            **{name: _alert_key(before, each) for name, each in described.alert_keys.items()},
        },
        heartbeats={
            **base.heartbeats,
            **{slug: _heartbeat(before, each) for slug, each in described.heartbeats.items()},
        },
    )
    return Merged(before, after, renames.by_kind, tuple(renames.mistakes))


def _renamed(current: Description, renames: _Renames) -> Description:
    webhooks = renames.find(ObjectKind.WEBHOOK, current.webhooks)
    teams = renames.find(ObjectKind.TEAM, current.teams)
    keys = renames.find(ObjectKind.ALERT_KEY, current.alert_keys)
    moved = {
        path: _in_team(each, teams.get(each.team, each.team), webhooks)
        for path, each in current.policies.items()
    }
    slugs = renames.find(ObjectKind.POLICY, {each.path: each for each in moved.values()})
    policies = {path: _with_path(each, slugs) for path, each in moved.items()}
    paths = {path: each.path for path, each in policies.items()}
    # A policy of a renamed team is not renamed itself: only what the file says of it counts.
    return Description(
        webhooks=_rekeyed(current.webhooks, webhooks, "slug"),
        teams=_rekeyed(current.teams, teams, "slug"),
        policies={each.path: each for each in policies.values()},
        routing={key: _rerouted(each, paths) for key, each in current.routing.items()},
        alert_keys=_rekeyed(current.alert_keys, keys, "name"),
        heartbeats=current.heartbeats,
    )


def _rekeyed(objects: Mapping[str, _T], names: Mapping[str, str], attribute: str) -> dict[str, _T]:
    return {
        names.get(key, key): replace(each, **{attribute: names.get(key, key)})  # type: ignore[type-var]
        for key, each in objects.items()
    }


def _in_team(policy: DescribedPolicy, team: str, webhooks: Mapping[str, str]) -> DescribedPolicy:
    steps = tuple(
        replace(step, webhooks=tuple(webhooks.get(slug, slug) for slug in step.webhooks))
        for step in policy.steps
    )
    return replace(policy, team=team, steps=steps)


def _with_path(policy: DescribedPolicy, paths: Mapping[str, str]) -> DescribedPolicy:
    path = paths.get(policy.path, policy.path)
    return replace(policy, slug=path.partition("/")[2])


def _rerouted(routing: DescribedRouting, paths: Mapping[str, str]) -> DescribedRouting:
    return replace(routing, policies=tuple(paths[path] for path in routing.policies))


def _kept(before: Description, sections: frozenset[Section]) -> Description:
    """Return what pruning leaves alone: the parts that the file does not have."""
    routing = {key: each for key, each in before.routing.items() if _section(key) not in sections}
    has_teams = Section.TEAMS in sections
    return Description(
        webhooks={} if Section.WEBHOOKS in sections else before.webhooks,
        teams={} if has_teams else before.teams,
        policies={} if has_teams else before.policies,
        routing=routing,
        alert_keys={} if Section.ALERT_KEYS in sections else before.alert_keys,
        heartbeats={} if Section.HEARTBEATS in sections else before.heartbeats,
    )


def _section(routing_key: str) -> Section:
    is_default = routing_key == DEFAULT_ROUTING
    return Section.DEFAULT_ROUTING if is_default else Section.ROUTING_KEYS


def _webhook(before: Description, described: DescribedWebhook) -> DescribedWebhook:
    known = before.webhooks.get(described.slug)
    enabled = described.enabled
    if enabled is None:
        enabled = known is None or known.enabled is not False
    auth_code, pending = _auth_codes(known, described)
    options = _with_known_key(described.options, known)
    return replace(
        described, auth_code=auth_code, pending=pending, enabled=enabled, options=options
    )


def _with_known_key(options: WebhookOptions, known: DescribedWebhook | None) -> WebhookOptions:
    client = options.client_certificate
    before = known.options.client_certificate if known else None
    if client is None or client.key is not None or before is None:
        return options
    return replace(options, client_certificate=replace(client, key=before.key))


def _auth_codes(
    known: DescribedWebhook | None, described: DescribedWebhook
) -> tuple[Secret | None, PendingAuthCode | None]:
    """Return the auth code that a webhook will have, and the pending one.

    A file whose pending code was promoted meanwhile may stay as it is: it says what has been done.
    """
    if known is None:
        return described.auth_code, described.pending
    if described.pending and described.pending.code == known.auth_code:
        return known.auth_code, known.pending
    auth_code = described.auth_code or known.auth_code
    pending = described.pending or known.pending
    return auth_code, None if pending and pending.code == auth_code else pending


def _alert_key(before: Description, described: DescribedAlertKey) -> DescribedAlertKey:
    known = before.alert_keys.get(described.name)
    return replace(described, hash=described.hash or (known.hash if known else None))


def _heartbeat(before: Description, described: DescribedHeartbeat) -> DescribedHeartbeat:
    known = before.heartbeats.get(described.slug)
    paused = described.paused
    if paused is None:
        paused = known is not None and known.paused is True
    return replace(described, paused=paused)
