"""Many of what there are few of: the database copies its own rows, a statement a table, whatever columns it has by now.

Each copy lies further back in time. What names a row by its id names the copy's; instants of the past move with
the copy, those that are to come stay, so that nothing is overdue.
"""

import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from tocsin.ids import COUNT_BITS, NODE_BITS
from tocsin.store import schema, schema_configuration, schema_identity
from tocsin.store.schema import Instant, to_micros

STEP: Final = timedelta(minutes=7, seconds=13, milliseconds=337)
"""From each copy to the one before. No whole seconds: ids of two copies cannot meet within five days."""
_MICROS: Final = STEP // timedelta(microseconds=1)
_ID: Final = (STEP // timedelta(milliseconds=1)) << (COUNT_BITS + NODE_BITS)
_ID_IN_JSON: Final = re.compile(
    r'(?<!"webhook_id":)(?<!"policy_version":)\b[0-9]{15,}\b'
)  # numbers of incidents, seconds and the like are shorter; what is configured is not copied with them
_PLACE_IN_FEED: Final = re.compile(r'\["(\w+)",([0-9]+)')


@dataclass(frozen=True, slots=True)
class _Copied:
    """A table that is copied: which columns name a row that is copied, too, and which texts are unique."""

    table: sa.Table
    ids: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    other: Mapping[str, str] = field(default_factory=dict)
    """What some columns of the copy hold, in SQL."""
    where: str = "TRUE"


_INCIDENTS: Final = _Copied(
    schema.incidents, ("first_alert_id", "latest_alert_id", "raising_alert_id"), ("entity_id",)
)
_OF_INCIDENTS: Final = (
    _INCIDENTS,
    _Copied(schema.alerts, ("id",), ("entity_id",), where="incident IS NOT NULL"),
    _Copied(schema.escalations),
    _Copied(
        schema.deliveries,
        ("id", "waits_for", "resend_of", "cause"),
        where="incident IS NOT NULL",
    ),
    _Copied(
        schema.attempts,
        ("delivery_id",),
        where="delivery_id IN (SELECT id FROM deliveries WHERE incident IS NOT NULL)",
    ),
    _Copied(
        schema.timeline, ("id",), other={"detail": "copied_json(detail, k)"}, where="incident > 0"
    ),
)
_C = schema_configuration
_HASH: Final = {"hash": "another_hash()"}
_WEBHOOKS: Final = _Copied(_C.webhooks, ("id",), ("slug", "name"))
_OF_CONFIGURATION: Final = (
    # Together: a policy's copy belongs to the copy of its team.
    _Copied(_C.teams, ("id",), ("slug", "name")),
    _Copied(_C.policies, ("id", "team_id", "version_id"), ("slug", "name")),
    _Copied(
        _C.policy_versions, ("id", "policy_id"), other={"steps": "copied_json(steps, k)"}
    ),  # so that they call copies
    _WEBHOOKS,
    _Copied(_C.routing_keys, (), ("key",), where="key <> ''"),
    _Copied(_C.routing_policies, ("policy_id",), ("key",), where="key <> ''"),
    _Copied(_C.heartbeats, ("id",), ("slug", "name")),
)
_LISTED_ALONE: Final = (
    _Copied(_C.alert_keys, ("id",), ("name",), _HASH),
    _Copied(_C.tokens, ("id",), ("name",), _HASH, where="user_id IS NULL"),
    _Copied(schema_identity.users, ("id",), ("name",)),
    _Copied(_C.changes, ("id",)),
    _Copied(schema.refused_alerts, ("id",)),
)


def copy_incidents(database: Path, *, incidents: int, now: datetime) -> None:
    """Copy what has happened until there are at least so many incidents. Units: `now` is aware UTC."""
    with _changing(database) as connection:
        count = _count(connection, _INCIDENTS)
        copies = _copies(connection, _INCIDENTS, incidents)
        _number_copies(connection, copies)
        connection.create_function(
            "copied_entries", 2, lambda text, k: _entries(text, k, count), deterministic=True
        )
        _copy_feed(connection, copies)
        for each in _OF_INCIDENTS:
            _copy(connection, each, count=count, now=to_micros(now), copies=copies)


def copy_configuration(database: Path, *, webhooks: int, others: int, now: datetime) -> None:
    """Copy all that is configured until there are at least so many webhooks, and so many of each kind that
    nothing refers to: keys, tokens, changes, refusals. Units: `now` is aware UTC.
    """
    with _changing(database) as connection:
        connection.create_function("another_hash", 0, lambda: secrets.token_bytes(32))
        wanted = [(each, _WEBHOOKS, webhooks) for each in _OF_CONFIGURATION]
        wanted += [(each, each, others) for each in _LISTED_ALONE]
        copies = [_copies(connection, counted, count) for _, counted, count in wanted]
        _number_copies(connection, max(copies))
        for (each, *_), number in zip(wanted, copies, strict=True):
            _copy(connection, each, count=0, now=to_micros(now), copies=number)


def _copies(connection: sqlite3.Connection, what: _Copied, wanted: int) -> int:
    """Return how many copies of what is copied of a table make as many rows, or a few more."""
    return -(-wanted // _count(connection, what)) - 1


def _count(connection: sqlite3.Connection, what: _Copied) -> int:
    select = f"SELECT count(*) FROM {what.table.name} WHERE {what.where}"
    return int(connection.execute(select).fetchone()[0])


@contextmanager
def _changing(database: Path) -> Iterator[sqlite3.Connection]:
    """Change all at once, or leave a file that nobody wants."""
    with closing(sqlite3.connect(database)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {setting}")
        with connection:
            yield connection


def _number_copies(connection: sqlite3.Connection, copies: int) -> None:
    connection.create_function("copied_json", 2, _json, deterministic=True)
    connection.execute("CREATE TEMPORARY TABLE copies (k INTEGER PRIMARY KEY)")
    numbers = [(k,) for k in range(1, copies + 1)]
    connection.executemany("INSERT INTO copies VALUES (?)", numbers)


def _copy(
    connection: sqlite3.Connection, what: _Copied, *, count: int, now: int, copies: int
) -> None:
    columns = what.table.columns
    values = ", ".join(_value(column, what, count, now) for column in columns)
    names = ", ".join(columns.keys())
    connection.execute(
        f"INSERT INTO {what.table.name} ({names}) SELECT {values} FROM {what.table.name}, copies "
        f"WHERE {what.where} AND k <= {copies}"
    )


def _value(column: "sa.Column[object]", what: _Copied, count: int, now: int) -> str:
    """Return what a column of a copy holds."""
    name = f"{what.table.name}.{column.name}"
    if column.name in what.ids:
        return f"{name} - k * {_ID}"
    if column.name in what.unique:
        return f"{name} || '-' || k"
    if column.name in what.other:
        return what.other[column.name]
    if count and column.name == ("number" if what.table is schema.incidents else "incident"):
        return f"{name} - k * {count}"
    if isinstance(column.type, Instant):
        return f"CASE WHEN {name} > {now} THEN {name} ELSE {name} - k * {_MICROS} END"
    return name


def _json(text: str, k: int) -> str:
    return _ID_IN_JSON.sub(lambda found: str(int(found[0]) - k * _ID), text)


def _entries(text: str, k: int, count: int) -> str:
    """Return the feed's entries of a copy: about its own incident, and rows of its own."""
    moved = _PLACE_IN_FEED.sub(lambda found: f'["{found[1]}",{int(found[2]) - k * count}', text)
    return _json(moved, k)


def _copy_feed(connection: sqlite3.Connection, copies: int) -> None:
    """Let the copies come before what was there, in an order of their own."""
    rows = connection.execute("SELECT position, at, entries FROM feed ORDER BY position").fetchall()
    about_incidents = [row for row in rows if '",0,' not in row[2]]
    room = copies * len(about_incidents) + len(rows)
    connection.execute("UPDATE feed SET position = position + ?", (room,))
    connection.execute("UPDATE counters SET value = value + ? WHERE name = 'feed'", (room,))
    connection.execute("CREATE TEMPORARY TABLE about (place INTEGER PRIMARY KEY, at, entries)")
    places = ((place, *row[1:]) for place, row in enumerate(about_incidents, 1))
    connection.executemany("INSERT INTO about VALUES (?, ?, ?)", places)
    connection.execute(
        f"INSERT INTO feed (position, at, entries) SELECT ({copies} - k) * {len(about_incidents)} + place, "
        f"at - k * {_MICROS}, copied_entries(entries, k) FROM copies, about ORDER BY k DESC, place"
    )
