"""A database as a busy server leaves it: configured, with many escalations that wait.

Incident n is of entity n and follows policy n % WEBHOOKS + 1, which calls the webhook of that number.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from bench.machine import say
from tocsin.actions.apply import apply, check, read_configuration_file
from tocsin.actions.editor import Editor
from tocsin.domain.alert import Alert, read_alert
from tocsin.domain.network import Networks
from tocsin.domain.policy import PolicyVersion
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.settings import Listen, Settings
from tocsin.store import schema
from tocsin.store.counters import INCIDENT, next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import Row, Statement, insert, raw
from tocsin.wiring.opening import Store, open_store

WEBHOOKS = 200
AUTH_CODE = "Zq8w~Xy1-Kk2Mm3Nn4Pp5Rr6Ss7Tt8Uu9Vv0"
ALERT_KEY = "7f3b1c52-9a0e-4d68-b1f4-25c6e8a90d13"
ROUTING_KEY = "k%d"
"""Routing key n leads to policy n: 1 to WEBHOOKS."""
ALERT = json.dumps(
    {
        "message_type": "CRITICAL",
        "entity_id": "db-17.example disk %08d",
        "entity_display_name": "Disk space low on db-17",
        "state_message": "Only 3%% left on /var/lib/postgresql; it was 9%% an hour ago",
        "state_start_time": 1795392000,
        "monitoring_tool": "prometheus",
        "host_name": "db-17.example",
        "severity": "high",
        "runbook": "https://wiki.example/runbooks/disk-space",
        "labels": {"team": "database", "site": "fra-2", "tier": "production"},
        "value": "0.031",
    }
)
"""What a monitoring system would send; `%08d` makes its entity another one."""
_LATER = timedelta(days=1)
"""When what waits is due: after the benchmark."""
_SLICE = 50_000


def settings_in(folder: Path, *, slots: int = 4) -> Settings:
    """Return the settings of a server whose home is `folder`."""
    return Settings(
        home=folder,
        database_url=Secret(f"sqlite:///{folder / 'tocsin.db'}"),
        listen=Listen("127.0.0.1", 0),
        webhook_networks=Networks.parse("loopback"),
        webhook_slots=slots,
    )


def prepare(
    settings: Settings,
    *,
    port: int,
    pending: int,
    first_step: str = "0s",
    repeat: bool = False,
    total_timeout: str = "15s",
) -> None:
    """Make the database: WEBHOOKS webhooks on `port`, and `pending` escalations that wait."""
    now = datetime.now(UTC)
    with open_store(settings, random_bytes=secrets.token_bytes) as store:
        configure(
            store, settings, _configuration(port, first_step, total_timeout, repeat=repeat), now
        )
        if pending:
            say(f"filling a database with {pending:,} pending escalations ...")
            fill(store, pending=pending, now=now)


def configure(store: Store, settings: Settings, text: str, now: datetime) -> None:
    """Put a configuration file in force."""
    file = read_configuration_file(text.encode(), name="bench.yaml")
    check(file)
    editor = Editor(
        actor="bench",
        now=now,
        ids=IdSource(node=1),
        random_bytes=secrets.token_bytes,
        vault=store.vault,
        networks=settings.webhook_networks,
    )
    with store.database.write() as tx:
        apply(tx, file, editor=editor)


def _configuration(port: int, first_step: str, total_timeout: str, *, repeat: bool) -> str:
    numbers = range(1, WEBHOOKS + 1)
    lines = ["webhooks:"]
    for n in numbers:
        url = f"http://127.0.0.1:{port}/hooks/{n}"
        limit = f"total_timeout: {total_timeout}"
        lines.append(f"  w{n}: {{url: '{url}', auth_code: '{AUTH_CODE}', {limit}}}")
    lines += ["teams:", "  bench:", "    policies:"]
    again = "repeat: {times: 100, after: 1h}, " if repeat else ""
    for n in numbers:
        steps = f"{{after: {first_step}, webhooks: [w{n}]}}, {{after: 1h, webhooks: [w{n}]}}"
        lines.append(f"      p{n}: {{{again}steps: [{steps}]}}")
    lines.append("routing_keys:")
    lines += [f"  {ROUTING_KEY % n}: {{policies: [bench/p{n}]}}" for n in numbers]
    lines += ["default_routing: {policies: [bench/p1]}"]
    lines += ["alert_keys:", f"  bench: {{key: {ALERT_KEY}}}"]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of incident n, for each table."""

    alert: Alert
    fields: str
    versions: tuple[int, ...]
    at: int
    later: int

    def incident(self, n: int) -> Row:
        entity_id, key = self._entity_id(n), ROUTING_KEY % (n % WEBHOOKS + 1)
        opened = (n, entity_id, "triggered", key, self.at, self.at)
        return (*opened, 1, n, n, n, True, 1, None, None, None)

    def raising_alert(self, n: int) -> Row:
        type_, key = self.alert.message_type.value, ROUTING_KEY % (n % WEBHOOKS + 1)
        return (n, self.at, n, self._entity_id(n), type_, key, self.fields, "[]", "opened")

    def escalation(self, n: int) -> Row:
        version = self.versions[n % WEBHOOKS]
        return (n, 1, 1, version, self.at, 0, self.later + n, 0, None, None)

    def _entity_id(self, n: int) -> str:
        return f"db-17.example backlog {n:08d}"


def fill(store: Store, *, pending: int, now: datetime) -> None:
    """Add incidents 1 to `pending`, each with an escalation whose first step is due much later."""
    with store.database.read() as tx:
        versions = versions_in_force(store, tx)
    rows = _rows(versions, now)
    numbers = iter(range(1, pending + 1))
    while part := list(islice(numbers, _SLICE)):
        with store.database.write() as tx:
            tx.run_many(_INCIDENT, [rows.incident(n) for n in part])
            tx.run_many(_ALERT, [rows.raising_alert(n) for n in part])
            tx.run_many(_ESCALATION, [rows.escalation(n) for n in part])
    with store.database.write() as tx:
        next_number(tx, INCIDENT)
        save_number(tx, INCIDENT, pending + 1)


_INCIDENT = insert(schema.incidents)
_ALERT = insert(schema.alerts)
_ESCALATION = insert(
    schema.escalations,
    *(each.name for each in schema.escalations.columns if each.name != "planned_at"),
)
_PLAN = Statement(
    schema.escalations.update()
    .values(due_at=raw("due_at"))
    .where(schema.escalations.c.incident == raw("incident")),
    *("due_at", "incident"),
)


def versions_in_force(store: Store, tx: Tx) -> tuple[PolicyVersion, ...]:
    """Return the version of each policy, that of policy n at n - 1."""
    policies = {policy.slug: policy for policy in store.cache.current(tx).policies.values()}
    return tuple(policies[f"p{n}"].current for n in range(1, WEBHOOKS + 1))


def plan(tx: Tx, due_at: Mapping[int, int]) -> None:
    """Let the steps of these incidents be due then. Units: microseconds since 1970."""
    tx.run_many(_PLAN, [(at, number) for number, at in due_at.items()])
    tx.news.has_work_at(min(due_at.values()))


def sample_alert(now: datetime) -> Alert:
    """Return the alert that all incidents of the backlog were raised by."""
    return read_alert(
        (ALERT % 0).encode(),
        routing_key=ROUTING_KEY % 1,
        organisation="bench",
        now=now,
        alert_uuid="c1f7a6de-0b42-4c8e-9e5d-3a60b7f1d294",
        entity_uuid="",
    )


def _rows(versions: tuple[PolicyVersion, ...], now: datetime) -> _Rows:
    alert = sample_alert(now)
    return _Rows(
        alert,
        json.dumps(alert.fields),
        tuple(version.id for version in versions),
        to_micros(now),
        to_micros(now + _LATER),
    )


def alert_path() -> str:
    """Return the path of alerts; `%d` in it is the number of a routing key."""
    return f"/integrations/generic/20131114/alert/{ALERT_KEY}/{ROUTING_KEY}"
