"""Ingesting n alerts at once leaves exactly what n batches of one leave, on either database."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine as conjecture
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.actions.desk import HAPPENINGS, Desk
from tests.actions.model import Model, ModelIncident
from tests.databases import on_sqlite

from tocsin.actions.incidents import acknowledge, hold, reopen, reroute, resolve
from tocsin.domain.alert import Alert
from tocsin.domain.incident import Status
from tocsin.domain.outcome import Outcome
from tocsin.ids import DELIVERY, parse_id
from tocsin.store import schema_configuration
from tocsin.store.database import Database
from tocsin.store.deliveries import Lease
from tocsin.store.statement import Statement

IN_LINE = {("pending", "pending"), ("pending", "sending")}
HOUR = timedelta(hours=1)
FOLLOW = {"follow_up": ["acknowledged", "resolved", "reopened"]}
MAIN = {"main": [("0s", ["a"]), ("0s", ["b"]), ("10m", ["a"])], "other": [("1m", ["c"])]}
SPEECH = st.tuples(
    st.sampled_from(["CRITICAL", "CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY"]),
    st.sampled_from(["disk", "cpu"]),
    st.sampled_from(["db", "warn", "both", "empty", "nowhere"]),
)
OUTCOMES = st.sampled_from(
    [
        *(Outcome.DELIVERED, Outcome.REJECTED, Outcome.GONE, Outcome.UNKNOWN),
        *(Outcome.CANCELLED, Outcome.CONNECTION_REFUSED),
    ]
)


Tables = dict[str, list[dict[str, Any]]]
# By the driver, and in one transaction: this is done some hundred times, and thousands to shrink a failure.
SELECTS = {
    table: Statement(table.select().order_by(*table.primary_key.columns))
    for table in (*HAPPENINGS, schema_configuration.webhooks)
}


def tables(desk: Desk) -> Tables:
    """Everything that is stored of what happened, as the driver gives it."""
    with desk.database.read() as tx:
        return {
            table.name: [
                dict(zip(table.columns.keys(), row, strict=True)) for row in tx.rows(select)
            ]
            for table, select in SELECTS.items()
        }


def picture(stored: Tables) -> dict[str, Any]:
    """The same with the order of ids in the place of ids."""
    order = {row["id"]: place for place, row in enumerate(stored["alerts"])}
    places = {row["id"]: place for place, row in enumerate(stored["deliveries"])}
    causes = {row["id"]: place for place, row in enumerate(stored["timeline"])}
    forms = {row["id"]: bytes(row["form"]) for row in stored["bodies"]}
    of_alerts = ("first_alert_id", "latest_alert_id", "raising_alert_id")
    return {
        "alerts": [_without(row, "id") for row in stored["alerts"]],
        "incidents": [
            row | {name: order[row[name]] for name in of_alerts} for row in stored["incidents"]
        ],
        "escalations": stored["escalations"],
        "timeline": [
            _without(row, "id") | {"detail": _detail(row, order, places)}
            for row in stored["timeline"]
        ],
        "deliveries": [
            _without(row, "id", "body_id")
            | {
                "form": forms[row["body_id"]],
                "waits_for": places.get(row["waits_for"]),
                "cause": causes.get(row["cause"]),
            }
            for row in stored["deliveries"]
        ],
        "attempts": [
            row | {"delivery_id": places[row["delivery_id"]]} for row in stored["attempts"]
        ],
        "lanes": stored["lanes"],
        "failures": stored["webhook_failures"],
        "disabled": [row["disabled_at"] for row in stored["webhooks"]],
    }


def _detail(entry: dict[str, Any], order: dict[int, int], places: dict[int, int]) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(entry["detail"])
    if "delivery" in detail:
        detail["delivery"] = places[parse_id(DELIVERY, detail["delivery"])]
    return detail | {"alert": order[detail["alert"]]} if "alert" in detail else detail


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


class Batches(RuleBasedStateMachine):
    """Three desks that do the same: one takes alerts in together, one in turn, one on PostgreSQL."""

    def __init__(self, desks: list[Desk]) -> None:
        super().__init__()
        self.desks = desks
        for desk in desks:
            desk.begin_anew()
            if any(row["disabled_at"] for row in desk.rows(schema_configuration.webhooks)):
                desk.configure(MAIN, options=FOLLOW)
        self.model = Model()
        self.leases: list[list[Lease]] = []
        self.stored: list[Tables] = []

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
        elif action is reroute or incident.status is not Status.TRIGGERED:
            self.model.trigger(incident)  # to reopen what is triggered changes nothing

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
        self.stored = [tables(desk) for desk in self.desks]
        first, *others = map(picture, self.stored)
        for other in others:
            assert other == first

    @invariant()
    def incidents_are_as_the_model_says(self) -> None:
        stored = self.stored[0]["incidents"]
        assert [(row["entity_id"], row["status"], row["alert_count"]) for row in stored] == [
            (each.entity_id, each.status, each.alerts) for each in self.model.incidents
        ]

    @invariant()
    def only_what_is_triggered_runs(self) -> None:
        stored = self.stored[0]
        statuses = {row["number"]: row["status"] for row in stored["incidents"]}
        for row in stored["escalations"]:
            if row["due_at"] is not None:
                assert statuses[row["incident"]] == Status.TRIGGERED
        for row in stored["deliveries"]:
            if row["state"] == "pending" and row["follow_up"] not in ("acknowledged", "resolved"):
                assert statuses[row["incident"]] == Status.TRIGGERED

    @invariant()
    def follow_ups_follow_pages(self) -> None:
        """What was told was told behind a page that began before, and nobody waits for what is over."""
        deliveries = self.stored[0]["deliveries"]
        states = {row["id"]: row["state"] for row in deliveries}
        for row in deliveries:
            if row["waits_for"] is not None:
                assert (row["state"], states[row["waits_for"]]) in IN_LINE
            if row["follow_up"] and row["attempts"]:
                assert any(
                    page["attempts"] and page["id"] < row["id"]
                    for page in deliveries
                    if page["step"] is not None
                    and page["webhook_id"] == row["webhook_id"]
                    and page["incident"] == row["incident"]
                )


_QUICK = settings(max_examples=20, stateful_step_count=14, report_multiple_bugs=False)
_SHRINKING_SECONDS = 45


def configured(database: Database) -> Desk:
    desk = Desk(database)
    desk.configure(
        {**MAIN, "empty": []},
        keys={"db": ["main"], "both": ["main", "other"], "empty": ["empty"]},
        options=FOLLOW,
    )
    desk.configure(MAIN, keys={"warn": ["main"]}, opening="CRITICAL WARNING", options=FOLLOW)
    return desk


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_batch_is_as_good_as_its_alerts_one_by_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else people and the engine do in between; and what is left is what the model says."""
    # Hypothesis would take up to five minutes to make a failure a little smaller still.
    monkeypatch.setattr(conjecture, "MAX_SHRINKING_SECONDS", _SHRINKING_SECONDS)
    files = [on_sqlite(tmp_path / f"{name}.db") for name in ("together", "in-turn")]
    desks = [configured(each) for each in (*files, database)]

    class Here(Batches):
        def __init__(self) -> None:
            super().__init__(desks)

    try:
        run_state_machine_as_test(Here, settings=_QUICK)
    finally:
        for each in files:
            each.close()
