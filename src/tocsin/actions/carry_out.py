"""Carrying out differences: what people and files configure is written here alone, and so always recorded."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.actions.editor import Editor
from tocsin.actions.heartbeat_writing import HeartbeatWriting
from tocsin.actions.in_force import InForce
from tocsin.actions.request_heads import with_request_head
from tocsin.actions.webhook_failures import close_breaker
from tocsin.domain.alert_key import key_hash, make_alert_key, masked
from tocsin.domain.auth_code import RANDOM_BYTES, make_auth_code
from tocsin.domain.breaker import Closing
from tocsin.domain.configuration import Policy
from tocsin.domain.configuration_file.description import (
    DescribedAlertKey,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedTeam,
    DescribedWebhook,
    ObjectKind,
)
from tocsin.domain.configuration_file.facts import changed_facts, changed_secrets
from tocsin.domain.configuration_file.merging import Difference
from tocsin.domain.configuration_file.report import effect_of
from tocsin.domain.policy import PolicyVersion, Step, WebhookTarget, check_policy
from tocsin.domain.team import Team
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.domain.webhook_options import with_options
from tocsin.secret import Secret
from tocsin.store import alert_keys, policies, routing, teams, webhooks
from tocsin.store.alert_keys import AlertKey
from tocsin.store.database import Tx
from tocsin.store.lanes import lock_lanes_in_use
from tocsin.store.routing import RoutingRow
from tocsin.store.webhook_failures import forget_failures, forgive_failures

_KEY_BYTES = 16


def carry_out(
    tx: Tx, in_force: InForce, differences: Sequence[Difference], *, editor: Editor
) -> dict[str, Secret]:
    """Make every difference real, and record each. Returns the alert keys that were made, by name.

    What is deleted goes first, dependants before what they need; then the rest, in its order. Lanes are
    locked before what webhooks failed, and together, as whoever records attempts does.
    """
    heartbeats = HeartbeatWriting(tx, differences, editor)  # locks its own, before lanes
    lock_lanes_in_use(tx, _webhooks_of(differences, in_force))
    writing = _Writing(tx, in_force, editor, heartbeats)
    for difference in reversed(differences):
        if difference.after is None:
            writing.delete(difference)
    writing.revoke_replaced_keys(differences)
    for difference in differences:
        if difference.after is not None:
            writing.write(difference)
    for difference in differences:
        _record(tx, difference, editor)
    return writing.made_keys


def _webhooks_of(differences: Sequence[Difference], in_force: InForce) -> list[int]:
    """Return the webhooks that exist and are changed or deleted."""
    keys = [each.was or each.key for each in differences if each.kind is ObjectKind.WEBHOOK]
    return [in_force.webhooks[key].id for key in keys if key in in_force.webhooks]


def _record(tx: Tx, difference: Difference, editor: Editor) -> None:
    before, after = changed_facts(difference.before, difference.after)
    if difference.was is not None:
        before, after = before | {"key": difference.was}, after | {"key": difference.key}
    editor.record(
        tx,
        _action(difference),
        difference.key or "default",
        before=before,
        after=after,
        secrets=changed_secrets(difference.before, difference.after),
    )


def _action(difference: Difference) -> str:
    effect = effect_of(difference)
    if difference.kind is ObjectKind.ALERT_KEY and effect == "deleted":
        effect = "revoked"  # its row stays, and is listed
    return f"{difference.kind.replace(' ', '_')}.{effect}"


class _Writing:
    """What exists while the differences are written, by the name it has by then."""

    def __init__(
        self, tx: Tx, in_force: InForce, editor: Editor, heartbeats: HeartbeatWriting
    ) -> None:
        self._tx = tx
        self._editor = editor
        self._webhooks = dict(in_force.webhooks)
        self._teams = dict(in_force.teams)
        self._policies = dict(in_force.policies)
        self._keys = dict(in_force.alert_keys)
        self._heartbeats = heartbeats
        self.made_keys: dict[str, Secret] = {}

    def delete(self, difference: Difference) -> None:
        key, now = difference.key, self._editor.now
        match difference.before:
            case DescribedWebhook():
                webhook = self._webhooks.pop(key)
                self._close_breaker(webhook, Closing.DELETED)
                webhooks.delete_webhook(self._tx, webhook.id, now=now)
                forget_failures(self._tx, [webhook.id])
            case DescribedTeam():
                teams.delete_team(self._tx, self._teams.pop(key).id, now=now)
            case DescribedPolicy():
                policies.delete_policy(self._tx, self._policies.pop(key).id, now=now)
            case DescribedRouting():
                routing.delete_routing(self._tx, key)
            case DescribedAlertKey():
                alert_keys.revoke_alert_key(self._tx, self._keys.pop(key), now=now)
            case DescribedHeartbeat():
                self._heartbeats.delete(key)

    def revoke_replaced_keys(self, differences: Sequence[Difference]) -> None:
        """Free the hashes first: a key may pass from one name to another."""
        for difference in differences:
            match difference.before, difference.after:
                case DescribedAlertKey(hash=old), DescribedAlertKey(hash=new) if old != new:
                    known = self._keys.pop(difference.was or difference.key)
                    alert_keys.revoke_alert_key(self._tx, known, now=self._editor.now)

    def write(self, difference: Difference) -> None:
        was = difference.was or difference.key
        match difference.after:
            case DescribedWebhook() as webhook:
                self._write_webhook(webhook, was)
            case DescribedTeam() as team:
                self._write_team(team, was)
            case DescribedPolicy() as policy:
                self._write_policy(policy, was)
            case DescribedRouting() as described:
                self._write_routing(described)
            case DescribedAlertKey() as key:
                self._write_alert_key(key, was)
            case DescribedHeartbeat() as heartbeat:
                self._heartbeats.write(heartbeat)

    def _write_webhook(self, described: DescribedWebhook, was: str) -> None:
        known = self._webhooks.pop(was, None)
        disabled_at, reason = self._disabled(described, known)
        made = Webhook(
            id=known.id if known else self._editor.new_id(),
            slug=described.slug,
            name=described.name,
            url=described.url,
            auth_code=described.auth_code or make_auth_code(self._random(RANDOM_BYTES)),
            disabled_at=disabled_at,
            disabled_reason=reason,
            head_id=known.head_id if known else None,
            pending=described.pending,
        )
        webhook = with_request_head(
            self._tx, with_options(made, described.options), editor=self._editor
        )
        self._webhooks[described.slug] = webhook
        save = webhooks.update_webhook if known else webhooks.insert_webhook
        save(self._tx, webhook, self._editor.vault)
        if known and disabled_at and not known.disabled_at:
            self._close_breaker(webhook, Closing.DISABLED)
        if known and (webhook.url != known.url or (known.disabled_at and not disabled_at)):
            self._close_breaker(webhook, Closing.CHANGED)
            forgive_failures(self._tx, webhook.id)  # or they were another receiver's

    def _close_breaker(self, webhook: Webhook, closing: Closing) -> None:
        editor = self._editor
        actor, id_ = editor.actor, editor.new_id()
        close_breaker(self._tx, webhook, closing, entry_id=id_, now=editor.now, actor=actor)

    def _disabled(
        self, described: DescribedWebhook, known: Webhook | None
    ) -> tuple[datetime | None, DisabledReason | None]:
        """Return since when it is disabled, and why; one that was keeps both."""
        if described.enabled:
            return None, None
        if known and known.disabled_at:
            return known.disabled_at, known.disabled_reason
        return self._editor.now, DisabledReason.BY_HAND

    def _write_team(self, described: DescribedTeam, was: str) -> None:
        known = self._teams.pop(was, None)
        team = Team(known.id if known else self._editor.new_id(), described.slug, described.name)
        self._teams[team.slug] = team
        (teams.update_team if known else teams.insert_team)(self._tx, team)
        for path in [path for path in self._policies if path.startswith(f"{was}/")]:
            policy = self._policies.pop(path)
            self._policies[f"{team.slug}/{policy.slug}"] = policy

    def _write_policy(self, described: DescribedPolicy, was: str) -> None:
        known = self._policies.pop(was, None)
        policy_id = known.id if known else self._editor.new_id()
        version = self._version(described, known, policy_id)
        policy = Policy(
            id=policy_id,
            team_slug=described.team,
            slug=described.slug,
            name=described.name,
            current=version,
        )
        self._policies[policy.path] = policy
        now = self._editor.now
        if known is None:
            team_id = self._teams[described.team].id
            policies.insert_policy(self._tx, policy, team_id=team_id, now=now)
            return
        policies.update_policy(self._tx, policy)
        if version is not known.current:
            policies.add_version(self._tx, version, now=now)

    def _version(
        self, described: DescribedPolicy, known: Policy | None, policy_id: int
    ) -> PolicyVersion:
        """Return the version that says what is described: the current one, if it does."""
        steps = tuple(
            Step(
                step.after,
                tuple(WebhookTarget(self._webhooks[slug].id) for slug in step.webhooks),
                step.if_undelivered,
            )
            for step in described.steps
        )
        check_policy(steps, described.repeat)
        current = known.current if known else None
        if current and (current.steps, current.repeat) == (steps, described.repeat):
            return current
        return PolicyVersion(
            id=self._editor.new_id(),
            policy_id=policy_id,
            number=current.number + 1 if current else 1,
            steps=steps,
            repeat=described.repeat,
        )

    def _write_routing(self, described: DescribedRouting) -> None:
        ids = tuple(self._policies[path].id for path in described.policies)
        routing.put_routing(self._tx, RoutingRow(described.key, ids, described.opens_on))

    def _write_alert_key(self, described: DescribedAlertKey, was: str) -> None:
        known = self._keys.pop(was, None)
        if known:
            alert_keys.rename_alert_key(self._tx, known.id, name=described.name)
            return
        key = described.key or make_alert_key(self._random(_KEY_BYTES))
        if described.key is None:
            self.made_keys[described.name] = key
        made = AlertKey(
            id=self._editor.new_id(),
            name=described.name,
            hash=key_hash(key),
            hint=masked(key),
            created_at=self._editor.now,
        )
        alert_keys.insert_alert_key(self._tx, made)

    def _random(self, count: int) -> bytes:
        return self._editor.random_bytes(count)


def users_of(kind: ObjectKind, key: str, in_force: InForce) -> list[str]:
    """Return the names of what needs a webhook, a policy or a team, so that it cannot be deleted."""
    description = in_force.description
    match kind:
        case ObjectKind.WEBHOOK:
            return sorted(
                policy.path
                for policy in description.policies.values()
                if any(key in step.webhooks for step in policy.steps)
            )
        case ObjectKind.POLICY:
            return sorted(
                each.key or "the default routing"
                for each in description.routing.values()
                if key in each.policies
            )
        case ObjectKind.TEAM:
            return sorted(path for path in description.policies if path.startswith(f"{key}/"))
        case ObjectKind.ROUTING_KEY | ObjectKind.ALERT_KEY | ObjectKind.HEARTBEAT:
            return []
