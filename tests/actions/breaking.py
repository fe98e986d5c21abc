"""Webhooks whose breaker opens, for tests."""

import json
from typing import Any

from tests.actions.desk import Desk

from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin.store.lanes import next_lane_due_at
from tocsin.store.schema import from_micros
from tocsin.store.webhook_failures import list_open_breakers

FAILED, OK = Outcome.TIMED_OUT, Outcome.DELIVERED
SLOW_RETRIES = {"retry_waits": ["1h"], "deadline": "24h"}


def fired(desk: Desk, *entity_ids: str) -> list[Lease]:
    """What may be sent at once for new incidents."""
    for entity_id in entity_ids:
        desk.opened(entity_id)
    return [*desk.fire().leases, *desk.lease()]


def break_it(desk: Desk, entity_id: str = "first") -> None:
    """Let five attempts fail over ten seconds, the last one now."""
    for each in range(4):
        (lease,) = fired(desk, f"{entity_id}-{each}")
        desk.record(lease, FAILED)
    (last,) = fired(desk, f"{entity_id}-last")
    desk.wait(seconds=10)
    assert not breakers(desk)
    desk.record(last, FAILED)
    assert breakers(desk)


def breakers(desk: Desk) -> list[tuple[float, int, float]]:
    """Of each that is open: for how long, how many probes were made, and in how long the next may be."""
    found = desk.read(list_open_breakers)
    return [
        (
            (desk.now - each.breaker.opened_at).total_seconds(),
            each.breaker.probes,
            (each.breaker.probe_at - desk.now).total_seconds(),
        )
        for each in found.values()
        if each.breaker is not None
    ]


def next_look(desk: Desk) -> float | None:
    """In how long the runner comes again for a delivery."""
    due_at = desk.read(next_lane_due_at, slots=4)
    return None if due_at is None else (from_micros(due_at) - desk.now).total_seconds()


def lane(desk: Desk) -> dict[str, Any]:
    (row,) = desk.rows(schema.lanes)
    return row


def entries(desk: Desk, kind: Kind) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (row["incident"], row["actor"], json.loads(row["detail"]))
        for row in desk.rows(schema.timeline)
        if row["kind"] == kind
    ]
