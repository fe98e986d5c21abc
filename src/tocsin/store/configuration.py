"""The configuration as the pipelines see it: read once for each revision, then kept in memory."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock
from typing import Final

from tocsin.domain.configuration import Configuration, Policy, Route
from tocsin.domain.masking import KnownSecrets, secrets_of
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT
from tocsin.secret import Secret
from tocsin.store.alert_keys import AlertKey, list_alert_keys, list_revoked_keys
from tocsin.store.changes import revision
from tocsin.store.database import Tx
from tocsin.store.heartbeats import any_heartbeat
from tocsin.store.policies import find_versions, list_policies
from tocsin.store.routing import DEFAULT, RoutingRow, list_routing
from tocsin.store.webhooks import list_webhooks
from tocsin.vault import Vault

_NO_DEFAULT: Final = RoutingRow(DEFAULT, (), OPENING_TYPES_BY_DEFAULT)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    configuration: Configuration
    alert_keys: Mapping[bytes, AlertKey]
    revoked_keys: Mapping[bytes, AlertKey]

    def secrets(self, others: Iterable[Secret]) -> KnownSecrets:
        webhooks = self.configuration.webhooks.values()
        texts = (
            text for each in webhooks for text in secrets_of(each.url, each.auth_code, each.pending)
        )
        return KnownSecrets(
            (*texts, *(each.reveal() for each in others)),
            self.alert_keys.keys() | self.revoked_keys.keys(),
        )


class ConfigurationCache:
    """One for each process, shared by its threads: a revision is read by whoever sees it first."""

    def __init__(
        self,
        vault: Vault,
        *,
        kept_versions: int = 4096,
        more_secrets: Sequence[Secret] = (),
    ) -> None:
        """`more_secrets` are those of the installation, which no log or refusal may tell either."""
        self._vault = vault
        self._more_secrets = more_secrets
        self._kept_versions = kept_versions
        self._snapshot: _Snapshot | None = None
        self._secrets: tuple[_Snapshot | None, KnownSecrets] = (None, KnownSecrets())
        self._versions: OrderedDict[int, PolicyVersion] = OrderedDict()
        self._lock = Lock()

    def current(self, tx: Tx) -> Configuration:
        """Return the configuration as this transaction sees it. One cheap select when it is known."""
        return self._current(tx).configuration

    def alert_keys(self, tx: Tx) -> Mapping[bytes, AlertKey]:
        """Return the alert keys in force, by their hash."""
        return self._current(tx).alert_keys

    def revoked_keys(self, tx: Tx) -> Mapping[bytes, AlertKey]:
        """Return the alert keys that were in force, by their hash; of one that was so twice the latest."""
        return self._current(tx).revoked_keys

    def mask(self, text: str) -> str:
        """Return a text without the secrets of the configuration that was seen last.

        For what leaves by a log or a refusal; reads nothing.
        """
        snapshot = self._snapshot
        of, secrets = self._secrets
        if of is not snapshot and snapshot is not None:
            secrets = snapshot.secrets([*self._vault.lines, *self._more_secrets])
            self._secrets = snapshot, secrets
        return secrets.mask(text)

    def versions(self, tx: Tx, ids: Iterable[int]) -> dict[int, PolicyVersion]:
        """Return policy versions, also of deleted policies; those used most lately are kept."""
        wanted = set(ids)
        with self._lock:
            found = {number: self._versions[number] for number in wanted & self._versions.keys()}
        missing = wanted - found.keys()
        read = {version.id: version for version in find_versions(tx, missing)} if missing else {}
        self._keep({**found, **read})
        return found | read

    def _keep(self, versions: Mapping[int, PolicyVersion]) -> None:
        with self._lock:
            for number, version in versions.items():
                self._versions[number] = version
                self._versions.move_to_end(number)
            while len(self._versions) > self._kept_versions:
                self._versions.popitem(last=False)

    def _current(self, tx: Tx) -> _Snapshot:
        snapshot, seen = self._snapshot, revision(tx)
        if snapshot is None or snapshot.configuration.revision != seen:
            snapshot = self._snapshot = self._read(tx, seen)
        return snapshot

    def _read(self, tx: Tx, seen: int) -> _Snapshot:
        # PostgreSQL lets a statement see what was committed since the one before it; a snapshot made
        # of two revisions could name a webhook that it does not hold.
        while True:
            snapshot = _Snapshot(
                read_configuration(tx, self._vault, revision=seen),
                {key.hash: key for key in list_alert_keys(tx)},
                {key.hash: key for key in reversed(list_revoked_keys(tx))},
            )
            again = revision(tx)
            if again == seen:
                return snapshot
            seen = again


def read_configuration(tx: Tx, vault: Vault, *, revision: int) -> Configuration:
    """Read all that is configured."""
    policies = {policy.id: policy for policy in list_policies(tx)}
    rows = {row.key: row for row in list_routing(tx)}
    default = rows.pop(DEFAULT, _NO_DEFAULT)
    webhooks = list_webhooks(tx, vault)
    pending = (webhook.pending for webhook in webhooks if webhook.pending)
    planned = (each.promote_at for each in pending if each.promote_at)
    return Configuration(
        revision=revision,
        webhooks={webhook.id: webhook for webhook in webhooks},
        policies=policies,
        routes={key: _route(row, policies, is_default=False) for key, row in rows.items()},
        default_route=_route(default, policies, is_default=True),
        following=tuple(
            sorted((each for each in webhooks if each.follow_up), key=attrgetter("id"))
        ),
        next_promotion_at=min(planned, default=None),
        has_heartbeats=any_heartbeat(tx),
    )


def _route(row: RoutingRow, policies: Mapping[int, Policy], *, is_default: bool) -> Route:
    # One that is not there yet was committed a moment ago; whoever reads will read again.
    reached = (policies[number] for number in row.policy_ids if number in policies)
    return Route(row.key, tuple(reached), row.opening_types, is_default)
