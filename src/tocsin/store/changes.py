"""Who changed what is configured; and the revision, by which readers see that something changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from tocsin.store import schema, schema_configuration
from tocsin.store.database import Tx
from tocsin.store.statement import Statement
from tocsin.stored_json import from_json, to_json

_CHANGES = schema_configuration.changes
_COUNTERS = schema.counters
_REVISION = "configuration_revision"
_SELECT_REVISION = Statement(
    sa.select(_COUNTERS.c.value).where(_COUNTERS.c.name == sa.literal(_REVISION))
)
# Any number that nothing else locks will do.
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7210001)")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `before` and `after` hold what differs, and never a secret.

    `secrets` names the fields whose values changed but must not be told.
    """

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


class Searched(NamedTuple):
    """The changes found, and below which id nobody has looked; None: there are no more."""

    changes: list[Change]
    unseen_below: int | None


def lock_configuration(tx: Tx) -> None:
    """Let nobody else change the configuration until this transaction ends.

    SQLite has one writer. Taken before anything else is read, so that what is decided still holds.
    """
    if not tx.is_sqlite:
        tx.core.execute(_LOCK)


def revision(tx: Tx) -> int:
    """Return a number that differs whenever the configuration does; 0 while nothing is configured."""
    rows = tx.rows(_SELECT_REVISION)
    return int(rows[0][0]) if rows else 0


def note_deed(tx: Tx, change: Change) -> None:
    """Record what somebody did that changes nothing which is configured."""
    detail = {"before": change.before, "after": change.after, "secrets": change.secrets}
    tx.core.execute(
        _CHANGES.insert(),
        {
            "id": change.id,
            "at": change.at,
            "actor": change.actor,
            "action": change.action,
            "object": change.object,
            "detail": to_json({name: part for name, part in detail.items() if part}),
        },
    )


def add_change(tx: Tx, change: Change) -> None:
    """Record a change, and make its id the revision.

    The id, and not a count: a transaction that is rolled back must not leave a revision behind that
    another one, with other content, would take again.
    """
    note_deed(tx, change)
    update = _COUNTERS.update().where(_COUNTERS.c.name == _REVISION).values(value=change.id)
    if not tx.core.execute(update).rowcount:
        tx.core.execute(_COUNTERS.insert(), {"name": _REVISION, "value": change.id})


def list_changes(tx: Tx, *, limit: int, before: int | None = None) -> list[Change]:
    """Return changes, the latest first; `before` is the id to go on after."""
    select = sa.select(_CHANGES).order_by(_CHANGES.c.id.desc()).limit(limit)
    if before is not None:
        select = select.where(_CHANGES.c.id < before)
    return [_change(row) for row in tx.core.execute(select)]


def search_changes(
    tx: Tx,
    *,
    limit: int,
    within: int,
    before: int | None = None,
    actor: str | None = None,
    about: str | None = None,
) -> Searched:
    """Return at most `limit` changes that are like this, of the `within` latest below `before`.

    `actor`: only what this one did; `about`: only what was done to the object of this name, or of a
    kind (`webhook`, of which `webhook.changed` is one). No index: an audit log is searched a few times a year.
    """
    columns = (_CHANGES.c.id, _CHANGES.c.actor, _CHANGES.c.action, _CHANGES.c.object)
    recent = sa.select(*columns).order_by(_CHANGES.c.id.desc())
    if before is not None:
        recent = recent.where(_CHANGES.c.id < before)
    part = recent.limit(within).subquery()
    wanted = sa.select(part.c.id).order_by(part.c.id.desc()).limit(limit + 1)
    if actor is not None:
        wanted = wanted.where(part.c.actor == actor)
    if about is not None:
        of_kind = part.c.action.startswith(f"{about}.", autoescape=True)
        wanted = wanted.where(sa.or_(part.c.object == about, of_kind))
    ids = list(tx.core.scalars(wanted))
    if len(ids) > limit:
        unseen_below: int | None = ids[limit - 1]
    else:
        first_unseen = tx.core.scalar(
            recent.with_only_columns(_CHANGES.c.id).offset(within).limit(1)
        )
        unseen_below = None if first_unseen is None else first_unseen + 1
    found = sa.select(_CHANGES).where(_CHANGES.c.id.in_(ids[:limit])).order_by(_CHANGES.c.id.desc())
    return Searched([_change(row) for row in tx.core.execute(found)], unseen_below)


def _change(row: Any) -> Change:
    detail = from_json(row.detail)
    return Change(
        id=row.id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object=row.object,
        before=detail.get("before", {}),
        after=detail.get("after", {}),
        secrets=tuple(detail.get("secrets", ())),
    )
