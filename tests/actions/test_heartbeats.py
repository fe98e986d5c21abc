"""Calls, judgements and edits of heartbeats: in batches, and at the same time."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.actions.desk import Desk
from tests.actions.test_races import while_open

from tocsin.actions.configured_heartbeats import delete_heartbeat, update_heartbeat
from tocsin.actions.heartbeats import Call, excuse_unheard, judge_due, take_calls
from tocsin.domain.heartbeat import Happening, Verdict
from tocsin.store import schema, schema_configuration
from tocsin.store.database import Tx
from tocsin.store.heartbeats import list_heartbeats
from tocsin.store.signs_of_life import newest_sign

FILE = "heartbeats: {a: {every: 5m, routing_key: db}, b: {every: 1h, grace: 0s, routing_key: db}}"
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]})
    desk.alice.apply(FILE)
    return desk


def call(slug: str = "a", happening: Happening = Happening.CALLED) -> Call:
    return Call(slug, happening, "")


def take(desk: Desk, *calls: Call) -> list[Verdict | None]:
    with desk.database.write() as tx:
        return take_calls(tx, calls, desk.context(tx))


def judge(desk: Desk, limit: int = 10) -> list[tuple[str, Verdict]]:
    with desk.database.write() as tx:
        judged = judge_due(tx, desk.context(tx), limit=limit)
    return [(each.slug, each.verdict) for each in judged]


def left(desk: Desk) -> list[Any]:
    """Return what is on record: heartbeats, incidents, and alerts by what they did."""
    with desk.database.read() as tx:
        beats = [(each.slug, each.condition, each.due_at) for each in list_heartbeats(tx)]
        incidents = schema.incidents.c
        columns = (incidents.number, incidents.entity_id, incidents.status, incidents.alert_count)
        found = tx.core.execute(sa.select(*columns).order_by(incidents.number)).all()
        effects = tx.core.scalars(sa.select(schema.alerts.c.effect).order_by(schema.alerts.c.id))
        return [beats, [tuple(row) for row in found], list(effects)]


CALLS = st.builds(
    Call,
    st.sampled_from(["a", "b", "unknown"]),
    st.sampled_from([Happening.CALLED, Happening.REPORTED_FAILURE]),
    st.just(""),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, min_size=2, max_size=6))
def test_a_batch_is_as_good_as_its_calls_one_by_one(desk: Desk, calls: list[Call]) -> None:
    """Folded in order of arrival: the same verdicts, heartbeats, incidents and alerts."""

    def begin() -> None:
        desk.begin_anew()
        with desk.database.write() as tx:
            tx.core.execute(schema_configuration.heartbeats.delete())
        desk.configure({"main": [("0s", ["pager"])]}, keys={"db": ["main"]})
        desk.alice.apply("heartbeats:", prune=True)
        desk.alice.apply(FILE)

    begin()
    together, after_together = take(desk, *calls), left(desk)
    begin()
    alone = [verdict for each in calls for verdict in take(desk, each)]
    assert together == alone
    assert after_together == left(desk)


def test_those_due_longest_are_judged_first_and_no_more_than_there_is_room(ops: Desk) -> None:
    """So that many of them hold up nothing else."""
    ops.wait(minutes=6)
    ops.alice.apply("heartbeats: {c: {every: 5m, grace: 55s}}")
    assert judge(ops, limit=1) == [("c", Verdict.FELL_SILENT)]
    assert judge(ops, limit=1) == [("a", Verdict.FELL_SILENT)]
    assert judge(ops, limit=1) == []


def test_an_outage_is_since_the_newest_sign_of_life(ops: Desk) -> None:
    """A call is a sign, too: somebody was there to note it."""
    take(ops, call())
    with ops.database.read() as tx:
        assert newest_sign(tx) == ops.now
    since = ops.now
    ops.wait(minutes=4)
    with ops.database.write() as tx:
        assert excuse_unheard(tx, since, ops.now) == ["a"]


def test_a_removed_heartbeat_is_gone_when_its_incident_is(ops: Desk) -> None:
    """The edit leaves it to the engine, which has something to do at once."""
    take(ops, call(happening=Happening.REPORTED_FAILURE))
    ops.wait(seconds=1)
    with ops.database.write() as tx:
        delete_heartbeat(tx, "a", editor=ops.alice.editor)
    assert tx.news.work_due_at is not None
    assert judge(ops) == [("a", Verdict.TAKEN_BACK)]
    (_, incidents, effects) = left(ops)
    assert [row[2] for row in incidents] == ["resolved"]
    assert effects == ["opened", "resolved"]


@ON_POSTGRESQL
def test_a_call_that_is_being_noted_is_not_judged_silent(ops: Desk) -> None:
    """Whoever judges waits for it, and then finds it not due any more."""
    ops.wait(minutes=6)
    with while_open(ops, lambda tx: take_calls(tx, [call()], ops.context(tx))) as second:
        judging = second.waits(lambda: judge(ops))
    assert judging.result(timeout=20) == []
    assert left(ops)[1:] == [[], []]


@ON_POSTGRESQL
def test_a_call_during_a_judgement_takes_it_back(ops: Desk) -> None:
    """It waits, finds that it was told of, and resolves the incident."""
    ops.wait(minutes=6)
    with while_open(ops, lambda tx: judge_due(tx, ops.context(tx), limit=9)) as second:
        calling = second.waits(lambda: take(ops, call()))
    assert calling.result(timeout=20) == [Verdict.RECOVERED]
    assert [row[2] for row in left(ops)[1]] == ["resolved"]


@ON_POSTGRESQL
def test_of_nodes_that_judge_at_once_one_tells(ops: Desk) -> None:
    """The other waits, and finds nothing to do."""
    ops.wait(minutes=6)
    with while_open(ops, lambda tx: judge_due(tx, ops.context(tx), limit=9)) as second:
        judging = second.waits(lambda: judge(ops))
    assert judging.result(timeout=20) == []
    assert left(ops)[2] == ["opened"]


def _pause(desk: Desk) -> Callable[[Tx], object]:
    return lambda tx: update_heartbeat(tx, "a", paused=True, editor=desk.alice.editor)


@ON_POSTGRESQL
def test_an_edit_and_a_call_wait_for_each_other_and_lose_nothing(ops: Desk) -> None:
    """A call during an edit goes by what was edited; an edit during a call keeps the call."""
    with while_open(ops, _pause(ops)) as second:
        calling = second.waits(lambda: take(ops, call()))
    assert calling.result(timeout=20) == [Verdict.NOTED_WHILE_PAUSED]

    def edit() -> None:
        with ops.database.write() as tx:
            update_heartbeat(tx, "b", name="B", editor=ops.alice.editor)

    ops.wait(seconds=5)
    with while_open(ops, lambda tx: take_calls(tx, [call("b")], ops.context(tx))) as second:
        editing = second.waits(edit)
    editing.result(timeout=20)
    with ops.database.read() as tx:
        (_, b) = list_heartbeats(tx)
    assert (b.name, b.last_call_at) == ("B", ops.now)
