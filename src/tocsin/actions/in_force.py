"""What is in force now, described in the words of a configuration file."""

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.domain.configuration import Policy
from tocsin.domain.configuration_file.description import (
    DescribedAlertKey,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedStep,
    DescribedTeam,
    DescribedWebhook,
    Description,
)
from tocsin.domain.heartbeat import Heartbeat
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.team import Team
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_options import options_of
from tocsin.store.alert_keys import AlertKey, list_alert_keys
from tocsin.store.database import Tx
from tocsin.store.heartbeats import list_heartbeats
from tocsin.store.policies import list_policies
from tocsin.store.routing import RoutingRow, list_routing
from tocsin.store.teams import list_teams
from tocsin.store.webhooks import find_webhook_names, list_webhooks
from tocsin.vault import Vault


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force: described by name, and the objects behind the names."""

    description: Description
    webhooks: Mapping[str, Webhook]
    teams: Mapping[str, Team]
    policies: Mapping[str, Policy]
    alert_keys: Mapping[str, AlertKey]
    heartbeats: Mapping[str, Heartbeat]


def read_in_force(tx: Tx, vault: Vault) -> InForce:
    """Read everything that is configured. Lock it first if something is to be decided by it."""
    webhooks = {webhook.slug: webhook for webhook in list_webhooks(tx, vault)}
    teams = {team.slug: team for team in list_teams(tx)}
    policies = {policy.path: policy for policy in list_policies(tx)}
    keys = {key.name: key for key in list_alert_keys(tx)}
    heartbeats = {each.slug: each for each in list_heartbeats(tx)}
    names = find_webhook_names(tx)
    paths = {policy.id: path for path, policy in policies.items()}
    description = Description(
        webhooks={slug: _webhook(webhook) for slug, webhook in webhooks.items()},
        teams={slug: DescribedTeam(slug, team.name) for slug, team in teams.items()},
        policies={path: describe_policy(policy, names) for path, policy in policies.items()},
        routing={row.key: _routing(row, paths) for row in list_routing(tx)},
        alert_keys={name: DescribedAlertKey(name, key.hash) for name, key in keys.items()},
        heartbeats={slug: describe_heartbeat(each) for slug, each in heartbeats.items()},
    )
    return InForce(description, webhooks, teams, policies, keys, heartbeats)


def _webhook(webhook: Webhook) -> DescribedWebhook:
    return DescribedWebhook(
        slug=webhook.slug,
        name=webhook.name,
        url=webhook.url,
        auth_code=webhook.auth_code,
        options=options_of(webhook),
        enabled=webhook.disabled_at is None,
        pending=webhook.pending,
    )


def describe_policy(policy: Policy, webhook_names: Mapping[int, str]) -> DescribedPolicy:
    """Return a policy's current version, its webhooks by slug."""
    return DescribedPolicy(
        team=policy.team_slug,
        slug=policy.slug,
        name=policy.name,
        steps=describe_steps(policy.current, webhook_names),
        repeat=policy.current.repeat,
    )


def describe_steps(
    version: PolicyVersion, webhook_names: Mapping[int, str]
) -> tuple[DescribedStep, ...]:
    """Return the steps of a version, their webhooks by slug."""
    return tuple(
        DescribedStep(
            step.delay,
            tuple(webhook_names[target.webhook_id] for target in step.targets),
            step.if_undelivered,
        )
        for step in version.steps
    )


def describe_heartbeat(heartbeat: Heartbeat) -> DescribedHeartbeat:
    """Return what is configured of a heartbeat."""
    return DescribedHeartbeat(
        slug=heartbeat.slug,
        name=heartbeat.name,
        every=heartbeat.every,
        grace=heartbeat.grace,
        routing_key=heartbeat.routing_key,
        paused=heartbeat.paused_at is not None,
    )


def _routing(row: RoutingRow, paths: Mapping[int, str]) -> DescribedRouting:
    policies = tuple(paths[policy_id] for policy_id in row.policy_ids)
    return DescribedRouting(row.key, policies, row.opening_types)
