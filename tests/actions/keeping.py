"""A desk's retention, worked by hand as the engine works it, and what then refers to what."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from tests.actions.desk import Desk

from tocsin.actions.retention import find_old, horizon_of, remove_old
from tocsin.ids import DELIVERY, parse_id
from tocsin.store import schema, schema_configuration
from tocsin.store.retention.part import Horizon, Part
from tocsin.store.retention.schedule import PARTS
from tocsin.stored_json import from_json

KEEP = timedelta(days=10)
Rows = dict[str, list[dict[str, Any]]]
# From a column, or several, to those that it refers to. Null refers to nothing.
_NAMES = {
    "alerts.incident": "incidents.number",
    "incidents.first_alert_id": "alerts.id",
    "incidents.latest_alert_id": "alerts.id",
    "incidents.raising_alert_id": "alerts.id",
    "escalations.incident": "incidents.number",
    "escalations.policy_version_id": "policy_versions.id",
    "deliveries.incident": "incidents.number",
    "deliveries.incident+escalation": "escalations.incident+number",
    "deliveries.incident+cause": "timeline.incident+id",
    "deliveries.webhook_id": "webhooks.id",
    "deliveries.body_id": "bodies.id",
    "deliveries.resend_of": "deliveries.id",
    "deliveries.waits_for": "deliveries.id",
    "deliveries.run_id": "runs.id",
    "bodies.id": "deliveries.body_id",
    "attempts.delivery_id": "deliveries.id",
    "attempts.run_id": "runs.id",
    "attempts.head_id": "request_heads.id",
    "leases.run_id": "runs.id",
    "used_links.delivery_id": "deliveries.id",
    "policies.version_id": "policy_versions.id",
    "policies.team_id": "teams.id",
    "policy_versions.policy_id": "policies.id",
    "routing_policies.policy_id": "policies.id",
    "webhooks.head_id": "request_heads.id",
    "request_heads.webhook_id": "webhooks.id",
    "lanes.webhook_id": "webhooks.id",
    "webhook_failures.webhook_id": "webhooks.id",
    "receiver_certificates.webhook_id": "webhooks.id",
    "certificate_warnings.webhook_id": "webhooks.id",
}


def keep_only(
    desk: Desk,
    *,
    keep: timedelta = KEEP,
    limit: int = 256,
    after_each: Callable[[], object] = lambda: None,
) -> Counter[str]:
    """Remove all that is over for longer; return how many of each part, and how many transactions."""
    horizon = horizon_of(desk.now, keep=keep)
    done: Counter[str] = Counter()
    for part in PARTS:
        for lot in _lots(desk, part, horizon, limit):
            is_done = False
            while not is_done:
                with desk.database.write() as tx:
                    removed = remove_old(tx, part, horizon, lot, limit=limit)
                assert removed is not None
                assert removed.is_done or removed.rows, "it would never end"
                done.update({part.name: removed.things, "transactions": 1})
                is_done = removed.is_done
                after_each()
    return +done


def _lots(desk: Desk, part: Part, horizon: Horizon, limit: int) -> Iterator[Any]:
    on_from: int | None = None
    while True:
        found = desk.read(find_old, part, horizon, on_from=on_from, limit=limit)
        yield from found.lots
        if found.on_from is None:
            return
        on_from = found.on_from


def all_rows(desk: Desk) -> Rows:
    return {table.name: desk.rows(table) for table in schema.metadata.sorted_tables}


def keys(rows: Rows) -> dict[str, set[tuple[Any, ...]]]:
    """The primary keys of all rows."""
    tables = schema.metadata.tables
    return {
        name: {tuple(row[column.name] for column in tables[name].primary_key) for row in found}
        for name, found in rows.items()
    }


def dangling(rows: Rows) -> list[str]:
    """Return what refers to what is not there."""
    found = [
        f"{name} = {value}"
        for name, target in _NAMES.items()
        for value in _values(rows, name) - _values(rows, target)
    ]
    for table, parts in (("timeline", _in_entries), ("policy_versions", _in_versions)):
        found += [
            f"{table}: {target} = {value}"
            for target, value in parts(rows)
            if value not in _values(rows, target)
        ]
    return found


def _values(rows: Rows, name: str) -> set[Any]:
    table, _, columns = name.partition(".")
    values = {tuple(row[column] for column in columns.split("+")) for row in rows[table]}
    return {value for value in values if None not in value}


def _in_entries(rows: Rows) -> Iterator[tuple[str, Any]]:
    targets = {"alert": "alerts.id", "policy_version": "policy_versions.id"}
    for entry in rows["timeline"]:
        if entry["incident"]:
            yield "incidents.number", (entry["incident"],)
        detail = from_json(entry["detail"])
        for name, target in {**targets, "webhook_id": "webhooks.id"}.items():
            if name in detail:
                yield target, (detail[name],)


def _in_versions(rows: Rows) -> Iterator[tuple[str, Any]]:
    for version in rows["policy_versions"]:
        for step in from_json(version["steps"]):
            for target in step["targets"]:
                yield "webhooks.id", (target["webhook"],)


def deliveries_told_of(rows: Rows) -> set[int]:
    """Return the deliveries that timelines name."""
    details = [from_json(entry["detail"]) for entry in rows["timeline"]]
    names = ("delivery", "new_delivery", "link")
    return {
        parse_id(DELIVERY, detail[name]) for detail in details for name in names if name in detail
    }


def edit_now(desk: Desk) -> None:
    """Let whoever configures do so at the desk's instant."""
    desk.alice.editor = replace(desk.alice.editor, now=desk.now)


def rows_of(desk: Desk, table: sa.Table) -> int:
    return len(desk.rows(table))


assert schema_configuration.webhooks.metadata is schema.metadata
