"""Alert keys, kept as hashes."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx

_K = schema.alert_keys


@dataclass(frozen=True, slots=True)
class AlertKey:
    """A key as it is kept and listed: without the key itself, which only its maker saw."""

    id: int
    name: str
    hash: bytes
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


def list_alert_keys(tx: Tx, *, after: str = "", limit: int | None = None) -> list[AlertKey]:
    """Return the keys in force, by name, those that come after a name."""
    select = sa.select(_K).where(_K.c.revoked_at.is_(None)).order_by(_K.c.name).limit(limit)
    if after:
        select = select.where(_K.c.name > after)
    return [_key(row) for row in tx.core.execute(select).mappings()]


def count_alert_keys(tx: Tx) -> int:
    """Return how many keys are in force."""
    select = sa.select(sa.func.count()).select_from(_K).where(_K.c.revoked_at.is_(None))
    return int(tx.core.scalar(select) or 0)


def list_revoked_keys(tx: Tx, *, limit: int | None = None) -> list[AlertKey]:
    """Return the keys that were revoked, the latest first."""
    latest_first = (_K.c.revoked_at.desc(), _K.c.id.desc())
    select = sa.select(_K).where(_K.c.revoked_at.is_not(None)).order_by(*latest_first).limit(limit)
    return [_key(row) for row in tx.core.execute(select).mappings()]


def insert_alert_key(tx: Tx, key: AlertKey) -> None:
    tx.core.execute(
        _K.insert(),
        {
            "id": key.id,
            "name": key.name,
            "hash": key.hash,
            "hint": key.hint,
            "created_at": key.created_at,
        },
    )
    tx.news.alert_keys.append((key.hash, True))


def rename_alert_key(tx: Tx, key_id: int, *, name: str) -> None:
    tx.core.execute(_K.update().where(_K.c.id == key_id).values(name=name))


def revoke_alert_key(tx: Tx, key: AlertKey, *, now: datetime) -> None:
    """Let nobody in by this key from the commit on."""
    tx.core.execute(_K.update().where(_K.c.id == key.id).values(revoked_at=now))
    tx.news.alert_keys.append((key.hash, False))


def _key(row: sa.RowMapping) -> AlertKey:
    return AlertKey(**row)
