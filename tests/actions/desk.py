"""A desk: the actions of one installation, each in a transaction of its own, at the test's instant."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from tests.behaviour.configuring import Steps, step_of
from tests.configuration.editing import NOW, Alice

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import Recorded, lease, record_attempts
from tocsin.actions.end_holds import end_holds
from tocsin.actions.escalate import Escalated, Sending, escalate
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import Changed, Result, only
from tocsin.actions.ingest import Receipt, ingest
from tocsin.actions.show_incidents import ShownIncident, show_incident
from tocsin.actions.show_timeline import Told, show_timeline
from tocsin.domain.alert import Alert, read_alert
from tocsin.domain.configuration import Configuration
from tocsin.domain.incident import Incident
from tocsin.domain.one_time_link import Links
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.ids import IdSource
from tocsin.store import schema
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database, News, Tx
from tocsin.store.deliveries import Lease
from tocsin.store.incident_reads import find_incident
from tocsin.store.lanes import wake_lanes
from tocsin.store.schema import to_micros

P = ParamSpec("P")
R = TypeVar("R")

ORGANISATION = "example-org"
LINKS = Links("https://tocsin.example", (b"k" * 32,))
SLOTS = 4
ROOM = 100
HAPPENINGS = (
    *(schema.alerts, schema.incidents, schema.escalations, schema.timeline),
    *(schema.deliveries, schema.bodies, schema.attempts, schema.lanes, schema.leases),
    *(schema.webhook_failures, schema.feed, schema.counters, schema.used_links),
)
"""The tables of what happens, rather than of what is configured."""
NEVER_SENT = (Outcome.CANCELLED, Outcome.CONNECTION_REFUSED, Outcome.WITHDRAWN)
"""What ends an attempt before its first byte."""


@dataclass
class Desk:
    """Somebody's Tocsin, worked by hand."""

    database: Database
    now: datetime = NOW
    run_id: int = 1
    first_number: int = 1
    news: News = field(default_factory=News)
    """Of the last transaction."""

    def __post_init__(self) -> None:
        self.alice = Alice(self.database)
        self._cache = ConfigurationCache(self.alice.vault)
        self._begin()

    def _begin(self) -> None:
        self._ids = IdSource(node=2)
        self._uuids = count(1)

    def begin_anew(self) -> None:
        """Forget all that has happened; what is configured stays."""
        with self.database.write() as tx:
            for table in HAPPENINGS:
                tx.core.execute(table.delete())
        self.now = NOW
        self._begin()

    # --- configuring

    def configure(
        self,
        policies: Mapping[str, Steps],
        *,
        keys: Mapping[str, Sequence[str]] | None = None,
        default: Sequence[str] = (),
        opening: str = "CRITICAL",
        repeat: Mapping[str, Any] | None = None,
        disabled: Iterable[str] = (),
        options: Mapping[str, Any] | None = None,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        prune: bool = False,
    ) -> None:
        """Put policies in force, `slug: [(delay, [webhook])]`, all of the team ops; keys lead to them.

        All webhooks have the same `options`, and each perhaps some of its `own`.
        """
        names = {name for steps in policies.values() for step in steps for name in step[1]}
        off = set(disabled)
        described: dict[str, Any] = {
            "webhooks": {
                name: {
                    "url": f"https://{name}.example/hook",
                    "enabled": name not in off,
                    **(options or {}),
                    **(own or {}).get(name, {}),
                }
                for name in sorted(names | off)
            },
            "teams": {
                "ops": {
                    "policies": {
                        slug: {
                            "steps": [step_of(*step) for step in steps],
                            **({"repeat": repeat} if repeat else {}),
                        }
                        for slug, steps in policies.items()
                    }
                }
            },
            "routing_keys": {
                key: {"policies": [f"ops/{slug}" for slug in slugs], "opens_on": opening.split()}
                for key, slugs in (keys or {}).items()
            },
        }
        if default:
            described["default_routing"] = {"policies": [f"ops/{slug}" for slug in default]}
        self.alice.apply(json.dumps(described), prune=prune)

    # --- transactions

    def context(self, tx: Tx) -> Context:
        return Context(
            configuration=self._cache.current(tx),
            versions=self._cache.versions,
            now=self.now,
            ids=self._ids,
            first_number=self.first_number,
            links=LINKS,
        )

    def do(
        self, action: Callable[Concatenate[Tx, Context, P], R], *args: P.args, **facts: P.kwargs
    ) -> R:
        """Do one thing in a transaction of its own."""
        with self.database.write() as tx:
            result = action(tx, self.context(tx), *args, **facts)
        self.news = tx.news
        return result

    def change(
        self,
        action: Callable[Concatenate[Tx, Context, Iterable[int], P], list[Result]],
        number: int,
        *args: P.args,
        **facts: P.kwargs,
    ) -> Changed:
        """Do something to one incident."""
        return only(self.do(action, [number], *args, **facts))

    def read(
        self, question: Callable[Concatenate[Tx, P], R], *args: P.args, **facts: P.kwargs
    ) -> R:
        """Ask in a reading transaction."""
        with self.database.read() as tx:
            return question(tx, *args, **facts)

    def ask(
        self,
        question: Callable[Concatenate[Tx, Configuration, P], R],
        *args: P.args,
        **facts: P.kwargs,
    ) -> R:
        """Ask something that depends on what is configured."""
        with self.database.read() as tx:
            return question(tx, self._cache.current(tx), *args, **facts)

    def wait(self, **by: float) -> None:
        self.now += timedelta(**by)

    # --- alerts

    def make(
        self,
        message_type: str = "CRITICAL",
        entity_id: str = "disk",
        *,
        key: str = "db",
        **fields: Any,
    ) -> Alert:
        """An alert as the REST endpoint would read it."""
        body = {"message_type": message_type, "entity_id": entity_id, **fields}
        return read_alert(
            json.dumps(body).encode(),
            routing_key=key,
            organisation=ORGANISATION,
            now=self.now,
            alert_uuid=self.uuid(),
            entity_uuid=self.uuid(),
        )

    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._uuids):012}"

    def ingest(self, *alerts: Alert) -> list[Receipt]:
        with self.database.write() as tx:
            receipts = ingest(tx, alerts, self.context(tx))
        self.news = tx.news
        return receipts

    def alert(
        self,
        message_type: str = "CRITICAL",
        entity_id: str = "disk",
        *,
        key: str = "db",
        **fields: Any,
    ) -> Receipt:
        """Take in one alert."""
        (receipt,) = self.ingest(self.make(message_type, entity_id, key=key, **fields))
        return receipt

    def opened(self, entity_id: str = "disk", *, key: str = "db") -> int:
        """Open an incident; return its number."""
        number = self.alert(entity_id=entity_id, key=key).incident
        assert number is not None
        return number

    # --- the engine

    def sending(self, *, room: int = ROOM, slots: int = SLOTS) -> Sending:
        return Sending(run_id=self.run_id, slots=slots, room=room)

    def fire(self, *, room: int = ROOM, slots: int = SLOTS, limit: int = 100) -> Escalated:
        """Fire what is due."""
        return self.do(escalate, limit=limit, sending=self.sending(room=room, slots=slots))

    def end_holds(self) -> int:
        """End the holds that are over; return how many there were."""

        def end(tx: Tx, context: Context) -> int:
            ended = end_holds(tx, context, limit=100)
            wake_lanes(tx, ended.waits)
            return ended.holds

        return self.do(end)

    def lease(self, *, room: int = ROOM, slots: int = SLOTS, limit: int = 100) -> list[Lease]:
        return self.do(lease, limit=limit, sending=self.sending(room=room, slots=slots))

    def result(
        self, lease_: Lease, outcome: Outcome, *, status: int | None = None
    ) -> AttemptResult:
        """How an attempt ends at the desk's instant."""
        with self.database.read() as tx:
            webhook = self._cache.current(tx).webhooks.get(lease_.webhook_id)
        timing: dict[str, Any] = {}
        if webhook is not None:
            timing = {"deadline": webhook.deadline, "retry_waits": webhook.retry_waits}
        return AttemptResult(
            **timing,
            lease=lease_,
            run_id=self.run_id,
            outcome=outcome,
            first_byte_at=None if outcome in NEVER_SENT else to_micros(self.now),
            ended_at=to_micros(self.now),
            status_code=status,
            detail=None,
        )

    def record(self, lease_: Lease, outcome: Outcome, *, status: int | None = None) -> Recorded:
        with self.database.write() as tx:
            result = self.result(lease_, outcome, status=status)
            recorded = record_attempts(tx, [result], self.context)
        self.news = tx.news
        return recorded

    # --- looking

    def incident(self, number: int) -> Incident:
        found = self.read(find_incident, number)
        assert found is not None
        return found

    def shown(self, number: int) -> ShownIncident:
        return self.read(show_incident, number)

    def timeline(self, number: int) -> list[Told]:
        return self.read(show_timeline, number)

    def kinds(self, number: int) -> list[Kind]:
        return [entry.kind for entry in self.timeline(number)]

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table, in order of its primary key."""
        with self.database.read() as tx:
            select = table.select().order_by(*table.primary_key.columns)
            return [dict(row) for row in tx.core.execute(select).mappings()]

    def deliveries(self) -> list[tuple[str, str, str | None]]:
        """Return (webhook, state, end reason) of each delivery, in the order of their making."""
        with self.database.read() as tx:
            names = {w.id: w.slug for w in self._cache.current(tx).webhooks.values()}
        return [
            (names[row["webhook_id"]], row["state"], row["end_reason"])
            for row in self.rows(schema.deliveries)
        ]
