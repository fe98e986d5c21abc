"""Alert keys, for the API and the command line."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.actions.editor import Editor
from tocsin.actions.one_object import begin_edit, create_one, delete_one
from tocsin.domain.alert_key import key_hash, parse_alert_key
from tocsin.domain.configuration_file.description import DescribedAlertKey, ObjectKind
from tocsin.domain.fate import PAGED_NOBODY, Fate
from tocsin.domain.slug import parse_slug
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store import alert_keys
from tocsin.store.alert_keys import AlertKey
from tocsin.store.database import Tx
from tocsin.store.fates import is_any_counted, list_fates, sum_fates

COUNTED_DAYS: Final = 30


class AlertKeyInForce(TocsinError):
    """Another name has this very key."""

    code: ClassVar[str] = "alert_key_in_force"
    status_hint: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class CreatedAlertKey:
    """An alert key, and the secret that is shown this once."""

    alert_key: AlertKey
    secret: Secret


@dataclass(frozen=True, slots=True)
class ShownAlertKey:
    """An alert key, and what came by it in the last 30 days."""

    alert_key: AlertKey
    fates: Mapping[Fate, int]
    """How many alerts had which fate; those that none had are left out."""
    last_day: datetime | None
    """When the day began on which the latest of them came; None: none did."""

    @property
    def alerts(self) -> int:
        """How many alerts came by it."""
        return sum(self.fates.values())

    @property
    def paged_nobody(self) -> int:
        """How many of them paged nobody, and joined nothing that did."""
        return sum(self.fates.get(fate, 0) for fate in PAGED_NOBODY)


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in the last 30 days by any key."""

    keys: int
    """How many are in force."""
    alerts: int
    paged_nobody: int


def list_alert_keys(tx: Tx, *, now: datetime) -> list[ShownAlertKey]:
    """Return the keys in force by name, then those that were revoked, without their secrets."""
    keys = alert_keys.list_alert_keys(tx) + alert_keys.list_revoked_keys(tx)
    return _with_fates(tx, keys, now=now)


def list_keys_in_force(tx: Tx, *, now: datetime, after: str, limit: int) -> list[ShownAlertKey]:
    """Return at most so many of the keys in force, by name, those that come after a name."""
    keys = alert_keys.list_alert_keys(tx, after=after, limit=limit)
    return _with_fates(tx, keys, now=now, key_ids=[key.id for key in keys])


def list_keys_revoked_last(tx: Tx, *, now: datetime, limit: int) -> list[ShownAlertKey]:
    """Return at most so many of the keys that were revoked, the latest first."""
    keys = alert_keys.list_revoked_keys(tx, limit=limit)
    return _with_fates(tx, keys, now=now, key_ids=[key.id for key in keys])


def has_taken_in(tx: Tx, *, now: datetime) -> bool:
    """Return whether an alert came by any key in the last 30 days."""
    return is_any_counted(tx, since=_since(now))


def sum_up(tx: Tx, *, now: datetime) -> Intake:
    """Return how much came by all keys."""
    fates = sum_fates(tx, since=_since(now))
    nobody = sum(fates.get(fate, 0) for fate in PAGED_NOBODY)
    return Intake(alert_keys.count_alert_keys(tx), sum(fates.values()), nobody)


def _since(now: datetime) -> datetime:
    return now - timedelta(days=COUNTED_DAYS - 1)


def _with_fates(
    tx: Tx, keys: list[AlertKey], *, now: datetime, key_ids: Collection[int] | None = None
) -> list[ShownAlertKey]:
    fates: dict[int, Counter[Fate]] = {}
    last_days: dict[int, datetime] = {}
    for each in list_fates(tx, since=_since(now), until=now, key_ids=key_ids):
        fates.setdefault(each.key_id, Counter())[each.fate] += each.alerts
        last_days[each.key_id] = each.day
    return [ShownAlertKey(key, fates.get(key.id, {}), last_days.get(key.id)) for key in keys]


def create_alert_key(
    tx: Tx, *, name: str, editor: Editor, key: str | None = None
) -> CreatedAlertKey:
    """Make a key, or take one brought from elsewhere, so that senders keep their URL.

    Raises: InvalidSlug, InvalidAlertKey, AlreadyConfigured, AlertKeyInForce.
    """
    in_force = begin_edit(tx, editor)
    slug = parse_slug(name)
    given = parse_alert_key(key) if key is not None else None
    hash_ = key_hash(given) if given else None
    holder = next((each.name for each in in_force.alert_keys.values() if each.hash == hash_), None)
    if holder:
        raise AlertKeyInForce(
            f"This is the key of {holder!r}; give each sender its own", name=holder
        )
    described = DescribedAlertKey(slug, hash_, given)
    made = create_one(tx, in_force, ObjectKind.ALERT_KEY, slug, described, editor=editor)
    found = next(each for each in alert_keys.list_alert_keys(tx) if each.name == slug)
    return CreatedAlertKey(found, given or made[slug])


def revoke_alert_key(tx: Tx, name: str, *, editor: Editor) -> None:
    """Let nobody in by a key any more. Raises: NotConfigured."""
    delete_one(tx, ObjectKind.ALERT_KEY, name, editor=editor)
