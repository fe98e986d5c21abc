"""Ingesting n alerts at once leaves exactly what n batches of one leave, on either database."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.actions.desk import Desk
from tests.actions.model import Model, ModelIncident

from tocsin.actions.incidents import acknowledge, hold, reopen, reroute, resolve
from tocsin.domain.alert import Alert
from tocsin.domain.incident import Status
from tocsin.domain.outcome import Outcome
from tocsin.store import schema, schema_configuration
from tocsin.store.database import Database
from tocsin.store.deliveries import Lease

HOUR = timedelta(hours=1)
MAIN = {"main": [("0s", ["a"]), ("0s", ["b"]), ("10m", ["a"])], "other": [("1m", ["c"])]}
SPEECH = st.tuples(
    st.sampled_from(["CRITICAL", "CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY"]),
    st.sampled_from(["disk", "cpu"]),
    st.sampled_from(["db", "warn", "both", "empty", "nowhere"]),
)
OUTCOMES = st.sampled_from([Outcome.DELIVERED, Outcome.REJECTED, Outcome.GONE, Outcome.UNKNOWN])


def picture(desk: Desk) -> dict[str, Any]:
    """Everything that is stored, with the order of ids in the place of ids."""
    alerts = desk.rows(schema.alerts)
    order = {row["id"]: place for place, row in enumerate(alerts)}
    forms = {row["id"]: bytes(row["form"]) for row in desk.rows(schema.bodies)}
    incidents = desk.rows(schema.incidents)
    for row in incidents:
        for name in ("first_alert_id", "latest_alert_id", "raising_alert_id"):
            row[name] = order[row[name]]
    deliveries = desk.rows(schema.deliveries)
    places = {row["id"]: place for place, row in enumerate(deliveries)}
    attempts = desk.rows(schema.attempts)
    timeline = desk.rows(schema.timeline)
    for row in timeline:
        row["detail"] = json.loads(row["detail"])
        if "alert" in row["detail"]:
            row["detail"]["alert"] = order[row["detail"]["alert"]]
    return {
        "alerts": [_without(row, "id") for row in alerts],
        "incidents": incidents,
        "escalations": desk.rows(schema.escalations),
        "timeline": [_without(row, "id") for row in timeline],
        "deliveries": [
            _without(row, "id", "body_id") | {"form": forms[row["body_id"]]} for row in deliveries
        ],
        "attempts": [row | {"delivery_id": places[row["delivery_id"]]} for row in attempts],
        "lanes": desk.rows(schema.lanes),
        "failures": desk.rows(schema.webhook_failures),
        "disabled": [row["disabled_at"] for row in desk.rows(schema_configuration.webhooks)],
    }


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


class Batches(RuleBasedStateMachine):
    """Three desks that do the same: one takes alerts in together, one in turn, one on PostgreSQL."""

    def __init__(self, databases: Callable[[], list[Database]]) -> None:
        super().__init__()
        self.desks = [Desk(database) for database in databases()]
        for desk in self.desks:
            desk.configure(
                {**MAIN, "empty": []},
                keys={"db": ["main"], "both": ["main", "other"], "empty": ["empty"]},
            )
            desk.configure(MAIN, keys={"warn": ["main"]}, opening="CRITICAL WARNING")
        self.model = Model()
        self.leases: list[list[Lease]] = []

    @property
    def together(self) -> Desk:
        return self.desks[0]

    @rule(speeches=st.lists(SPEECH, min_size=1, max_size=8))
    def ingest(self, speeches: list[tuple[str, str, str]]) -> None:
        alerts = [self.together.make(type_, entity, key=key) for type_, entity, key in speeches]
        expected = [self.model.alert(*speech) for speech in speeches]
        for desk in self.desks:
            receipts = [
                receipt for part in self._parts(desk, alerts) for receipt in desk.ingest(*part)
            ]
            assert [receipt.effect for receipt in receipts] == expected

    def _parts(self, desk: Desk, alerts: list[Alert]) -> list[list[Alert]]:
        return [[alert] for alert in alerts] if desk is self.desks[1] else [alerts]

    @precondition(lambda self: self.model.incidents)
    @rule(data=st.data(), action=st.sampled_from([acknowledge, hold, reopen, reroute, resolve]))
    def act(self, data: st.DataObject, action: Any) -> None:
        number = data.draw(st.integers(1, len(self.model.incidents)))
        incident = self.model.incidents[number - 1]
        if incident.status is Status.RESOLVED:
            return
        facts: dict[Any, Any] = {hold: {"until": HOUR}, reroute: {"policies": ["ops/other"]}}
        for desk in self.desks:
            desk.change(action, number, actor="token:alice", **facts.get(action, {}))
        self._act_on_model(incident, action)

    def _act_on_model(self, incident: ModelIncident, action: Any) -> None:
        if action in (acknowledge, hold):
            until = self.together.now + HOUR if action is hold else None
            self.model.acknowledge(incident, until=until)
        elif action is resolve:
            self.model.resolve(incident)
        else:
            self.model.trigger(incident)

    @rule(room=st.sampled_from([0, 1, 100]))
    def work(self, room: int) -> None:
        self._sent([desk.fire(room=room, slots=2).leases for desk in self.desks])
        self._sent([desk.lease(room=room, slots=2) for desk in self.desks])

    def _sent(self, leases: list[list[Lease]]) -> None:
        self.leases += [list(same) for same in zip(*leases, strict=True)]

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), outcome=OUTCOMES)
    def end_an_attempt(self, data: st.DataObject, outcome: Outcome) -> None:
        same = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        recorded = [
            desk.record(leased, outcome) for desk, leased in zip(self.desks, same, strict=True)
        ]
        assert recorded[1:] == recorded[:-1]

    @rule(minutes=st.sampled_from([0, 1, 10, 60]))
    def wait(self, minutes: int) -> None:
        for desk in self.desks:
            desk.wait(minutes=minutes)
            desk.end_holds()
        self.model.end_holds(self.together.now)

    @invariant()
    def all_left_the_same(self) -> None:
        first, *others = [picture(desk) for desk in self.desks]
        for other in others:
            assert other == first

    @invariant()
    def incidents_are_as_the_model_says(self) -> None:
        stored = self.together.rows(schema.incidents)
        assert [(row["entity_id"], row["status"], row["alert_count"]) for row in stored] == [
            (each.entity_id, each.status, each.alerts) for each in self.model.incidents
        ]

    @invariant()
    def only_what_is_triggered_runs(self) -> None:
        statuses = {row["number"]: row["status"] for row in self.together.rows(schema.incidents)}
        for row in self.together.rows(schema.escalations):
            if row["due_at"] is not None:
                assert statuses[row["incident"]] == Status.TRIGGERED
        for row in self.together.rows(schema.deliveries):
            if row["state"] == "pending":
                assert statuses[row["incident"]] == Status.TRIGGERED

    def teardown(self) -> None:
        for desk in self.desks:
            desk.database.close()


# Shrinking a failure of three stores would take minutes; the steps are short enough to read.
_QUICK = settings(
    max_examples=10,
    stateful_step_count=14,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_batch_is_as_good_as_its_alerts_one_by_one(
    database: Database, postgresql_url: str, tmp_path: Path
) -> None:
    """Whatever else people and the engine do in between; and what is left is what the model says."""
    made = 0

    def databases() -> list[Database]:
        nonlocal made
        made += 1
        files = [tmp_path / f"{name}{made}.db" for name in ("together", "in-turn")]
        on_sqlite = [Database(f"sqlite:///{file}") for file in files]
        for each in on_sqlite:
            with each.write() as tx:
                schema.metadata.create_all(tx.core)
        with database.write() as tx:
            for table in schema.metadata.sorted_tables:
                tx.core.execute(table.delete())
        return [*on_sqlite, Database(postgresql_url)]

    class Here(Batches):
        def __init__(self) -> None:
            super().__init__(databases)

    run_state_machine_as_test(Here, settings=_QUICK)
