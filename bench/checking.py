"""What a run left behind: every row read back and counted, a sample of requests verified."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bench.filling import AUTH_CODE
from tocsin.store.database import Database
from tocsin.store.schema import alerts, attempts, deliveries, escalations, incidents
from tocsin_receiver import read
from tocsin_receiver.standard import verify_standard


def check_deliveries(database: Database, received: Mapping[str, Any], *, fired: int) -> int:
    """Make sure that each of `fired` steps was sent once and is on record.

    Returns how many signatures were verified. Raises: SystemExit.
    """
    verified = check_none_lost(database, received, fired=fired)
    _all_are(
        fired,
        {
            "attempts": _count(database, sa.select(attempts)),
            "received": received["requests"],
        },
    )
    return verified


def check_none_lost(database: Database, received: Mapping[str, Any], *, fired: int) -> int:
    """Make sure that each of `fired` steps was answered with a success, and is on record as delivered.

    Returns how many signatures were verified. Raises: SystemExit.
    """
    delivered = deliveries.c.state == "delivered"
    succeeded = sa.select(attempts).where(attempts.c.outcome == "delivered")
    _all_are(
        fired,
        {
            "deliveries": _count(database, sa.select(deliveries.c.id)),
            "delivered": _count(database, sa.select(deliveries.c.id).where(delivered)),
            "attempts that delivered": _count(database, succeeded),
            "moved": _count(database, sa.select(escalations).where(escalations.c.next_step > 0)),
            "distinct ids": received["ids"],
        },
    )
    return verify_sample(received["sample"])


def check_alerts(database: Database, *, accepted: int, backlog: int) -> None:
    """Make sure that each alert that was answered 200 is there, and opened its own incident.

    Raises: SystemExit.
    """
    new = incidents.c.number > backlog
    entities = sa.select(incidents.c.entity_id).where(new).distinct()
    raised = alerts.join(incidents, alerts.c.id == incidents.c.raising_alert_id)
    started = sa.select(escalations).where(escalations.c.incident > backlog)
    _all_are(
        accepted,
        {
            "incidents": _count(database, sa.select(incidents.c.number).where(new)),
            "entities": _count(database, entities),
            "alerts": _count(database, sa.select(alerts.c.id).select_from(raised).where(new)),
            "escalations": _count(database, started),
        },
    )


def _all_are(expected: int, counts: Mapping[str, int]) -> None:
    if wrong := {name: count for name, count in counts.items() if count != expected}:
        raise SystemExit(f"there should be {expected} of each, but: {wrong}")


def _count(database: Database, rows: sa.Select[Any]) -> int:
    with database.read() as tx:
        return tx.core.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0


def verify_sample(requests: Sequence[str]) -> int:
    """Verify both signatures of raw requests, as a receiver would. Returns how many there were."""
    for request in requests:
        head, body = request.split("\r\n\r\n", 1)
        line, *rest = head.split("\r\n")
        headers = dict(each.split(": ", 1) for each in rest)
        url = f"http://{headers['Host']}{line.split()[1]}"
        form = body.encode("latin-1")
        read(url, headers, form, AUTH_CODE)
        verify_standard(AUTH_CODE, headers, form, now=time.time())
    return len(requests)
