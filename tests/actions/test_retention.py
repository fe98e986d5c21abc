"""What is over for longer than it is kept is removed, a few rows at a time; everything else stays."""

from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.desk import Desk
from tests.actions.histories import History
from tests.actions.keeping import (
    KEEP,
    all_rows,
    dangling,
    deliveries_told_of,
    keep_only,
    rows_of,
)

from tocsin.actions.idempotency import Repeatable, once
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import acknowledge, reopen, resolve
from tocsin.actions.retention import find_old, horizon_of, look_at_retention, remove_old
from tocsin.actions.send_again import send_again
from tocsin.actions.send_test import send_test
from tocsin.domain.fate import Fate
from tocsin.domain.incident import Effect
from tocsin.domain.outcome import Outcome
from tocsin.domain.refusal import Refusal
from tocsin.store import schema, schema_configuration
from tocsin.store.alerts import RefusedAlert, replace_refused_alerts
from tocsin.store.database import Tx
from tocsin.store.fates import save_fates
from tocsin.store.feed import publish
from tocsin.store.newest_id import find_newest_id
from tocsin.store.retention.incidents import INCIDENTS
from tocsin.store.retention.progress import find_removed_before, note_removed
from tocsin.store.runs import begin_run

MAIN: dict[str, Any] = {"main": [("0s", ["a", "b"]), ("10m", ["a"])]}
OF_INCIDENTS = (
    *(schema.incidents, schema.alerts, schema.escalations, schema.timeline),
    *(schema.deliveries, schema.bodies, schema.attempts),
)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(MAIN, keys={"db": ["main"]})
    with desk.database.write() as tx:
        begin_run(tx, id_=desk.run_id, node="node", version="1", now=desk.now)
    return desk


def paged(desk: Desk, entity: str = "disk") -> int:
    """Open an incident whose first step is sent; return its number."""
    number = desk.opened(entity)
    for lease in desk.fire().leases:
        desk.record(lease, Outcome.DELIVERED)
    return number


def over(desk: Desk, entity: str = "disk") -> int:
    """The same, resolved."""
    number = paged(desk, entity)
    desk.change(resolve, number, actor="token:alice")
    return number


def of_others(desk: Desk, number: int) -> dict[sa.Table, list[dict[str, Any]]]:
    """All rows but those of one incident."""
    others = [row for row in desk.rows(schema.deliveries) if row["incident"] != number]
    theirs = {
        schema.attempts: ("delivery_id", {row["id"] for row in others}),
        schema.bodies: ("id", {row["body_id"] for row in others}),
        schema.incidents: ("number", set(numbers(desk)) - {number}),
    }
    by_incident = ("incident", set(numbers(desk)) - {number})
    found = {}
    for table in OF_INCIDENTS:
        column, values = theirs.get(table, by_incident)
        found[table] = [row for row in desk.rows(table) if row[column] in values]
    return found


def numbers(desk: Desk) -> list[int]:
    return [row["number"] for row in desk.rows(schema.incidents)]


def test_an_incident_goes_with_all_that_is_its(ops: Desk) -> None:
    """And with nothing of others: the alerts, escalations, deliveries, attempts, bodies and its timeline."""
    over(ops, "disk")
    paged(ops, "cpu")
    ops.wait(days=11)
    over(ops, "ram")
    theirs = of_others(ops, 1)
    assert keep_only(ops)["incidents"] == 1
    assert numbers(ops) == [2, 3]
    assert {table: ops.rows(table) for table in OF_INCIDENTS} == theirs
    assert not dangling(all_rows(ops))


def test_what_is_not_resolved_stays_however_old(ops: Desk) -> None:
    """Triggered or acknowledged: nothing of it is touched, and nothing that it goes by."""
    paged(ops, "disk")
    ops.change(acknowledge, paged(ops, "cpu"), actor="token:alice")
    before = all_rows(ops)
    ops.wait(days=4000)
    keep_only(ops)
    after = all_rows(ops)
    for table in (*OF_INCIDENTS, schema_configuration.policy_versions):
        assert after[table.name] == before[table.name]


def test_the_time_counts_from_the_resolution(ops: Desk) -> None:
    """An incident that was open for a year is not forgotten the day it is resolved."""
    number = paged(ops)
    ops.wait(days=365)
    ops.change(resolve, number, actor="token:alice")
    ops.wait(days=9)
    assert not keep_only(ops)["incidents"]
    ops.wait(days=2)
    assert keep_only(ops)["incidents"] == 1


def test_one_with_a_delivery_that_has_not_ended_stays(ops: Desk) -> None:
    """Whoever resolved it: something of it is still under way, or is made again and again."""
    number = ops.opened()
    lease, other = ops.fire().leases
    ops.record(other, Outcome.DELIVERED)
    ops.change(resolve, number, actor="token:alice")
    ops.wait(days=11)
    horizon = horizon_of(ops.now, keep=KEEP)
    assert ops.read(find_old, INCIDENTS, horizon).lots == [], "nor is it looked at in vain"
    assert not keep_only(ops)["incidents"]
    ops.record(lease, Outcome.DELIVERED)
    assert not keep_only(ops)["incidents"], "it ended only now"
    ops.wait(days=11)
    assert keep_only(ops)["incidents"] == 1


def test_one_of_which_something_was_sent_again_lately_stays(ops: Desk) -> None:
    """Somebody wanted it, and may look what became of it."""
    over(ops)
    ops.wait(days=9)
    first = ops.rows(schema.deliveries)[0]["id"]
    ops.do(send_again, [first], actor="token:alice")
    for lease in ops.lease():
        ops.record(lease, Outcome.DELIVERED)
    ops.wait(days=9)
    assert not keep_only(ops)["incidents"]
    ops.wait(days=2)
    assert keep_only(ops)["incidents"] == 1


def test_what_somebody_sends_again_between_the_look_and_the_removal_stays(ops: Desk) -> None:
    """What was found is looked at again by who removes it."""
    number = over(ops)
    ops.wait(days=11)
    horizon = horizon_of(ops.now, keep=KEEP)
    assert ops.read(find_old, INCIDENTS, horizon).lots == [[number]]
    ops.do(send_again, [ops.rows(schema.deliveries)[0]["id"]], actor="token:alice")
    with ops.database.write() as tx:
        remove_old(tx, INCIDENTS, horizon, [number])
    assert numbers(ops) == [number]
    assert ops.read(find_removed_before) is None
    assert not dangling(all_rows(ops))


def test_in_parts_or_at_once_the_end_is_the_same(ops: Desk) -> None:
    """On both stores: after each transaction of a row or two all that is left can be looked at."""
    story = History(ops)
    story.begin()
    for entity in ("disk", "cpu"):
        story.go_through(
            [
                *(
                    ("alert", "CRITICAL", entity, "both"),
                    ("end", 0, Outcome.DELIVERED),
                    ("link", 0),
                ),
                *(("wait", 10), ("again", 0), ("act", 0, acknowledge), ("test",), ("restart",)),
                *(("alert", "RECOVERY", entity, "db"), ("edit", 1), ("alert", "INFO", "x", "db")),
            ]
        )
    story.come_to_rest()
    ops.wait(days=40)

    def nothing_dangles() -> None:
        assert not dangling(all_rows(ops))

    done = keep_only(ops, limit=1, after_each=nothing_dangles)
    assert done["incidents"] == 2
    assert done["tests"] == 2
    assert {table: rows for table in OF_INCIDENTS if (rows := ops.rows(table))} == {}
    assert rows_of(ops, schema_configuration.policy_versions) == 1
    assert rows_of(ops, schema.runs) == 1
    assert [row["slug"] for row in ops.rows(schema_configuration.webhooks)] == ["a", "d"]
    assert keep_only(ops) == {}


def test_an_alert_that_is_told_of_twice_goes_with_the_first_entry(ops: Desk) -> None:
    """One that was rolled up and reopened its incident; the entries go one by one."""
    number = paged(ops)
    for action in (acknowledge, reopen, acknowledge):
        ops.change(action, number, actor="token:alice")
    for expected in (Effect.REOPENED, Effect.ROLLED_UP, Effect.RESOLVED):
        kind = "RECOVERY" if expected is Effect.RESOLVED else "CRITICAL"
        assert ops.alert(kind).effect is expected
    for lease in (*ops.fire().leases, *ops.lease()):
        ops.record(lease, Outcome.DELIVERED)
    ops.wait(days=11)
    slices: list[list[str]] = []
    done = keep_only(ops, limit=1, after_each=lambda: slices.append(dangling(all_rows(ops))))
    assert done["incidents"] == 1
    assert not any(slices)
    assert len(slices) > 10


def test_what_tells_of_a_delivery_goes_before_it(ops: Desk) -> None:
    """Also when a transaction is full of attempts, and takes fewer deliveries than it wanted."""
    over(ops)
    first = ops.rows(schema.deliveries)[0]["id"]
    for _ in range(2):
        ops.do(send_again, [first], actor="token:alice")
        for outcome in (Outcome.REJECTED, Outcome.REJECTED, Outcome.REJECTED, Outcome.DELIVERED):
            (lease,) = ops.lease()
            ops.record(lease, outcome)
            ops.wait(minutes=2)
    ops.wait(days=11)

    def tells_of_what_is_there() -> None:
        rows = all_rows(ops)
        assert deliveries_told_of(rows) <= {row["id"] for row in rows["deliveries"]}

    assert keep_only(ops, limit=10, after_each=tells_of_what_is_there)["incidents"] == 1


def test_alerts_that_opened_nothing_and_refusals_go_by_their_age(ops: Desk) -> None:
    """A refusal by when the latest request like it came: its id is as new."""

    def refuse(tx: Tx, context: Context) -> None:
        (id_,) = context.ids.take(1, context.now)
        refusal = Refusal(
            code="malformed",
            reason="no JSON",
            masked_key="k...",
            routing_key="db",
            first_at=context.now,
            last_at=context.now,
        )
        replace_refused_alerts(tx, [], [RefusedAlert(id_, refusal)])

    ops.alert("INFO")
    ops.do(refuse)
    ops.wait(days=11)
    ops.alert("INFO")
    ops.do(refuse)
    done = keep_only(ops)
    assert (done["alerts"], done["refused_alerts"]) == (1, 1)
    assert (rows_of(ops, schema.alerts), rows_of(ops, schema.refused_alerts)) == (1, 1)


def test_a_test_stays_as_long_as_what_was_sent_of_it_once_more(ops: Desk) -> None:
    """Its body is sent by both, and the copy names it."""

    def test(tx: Tx, context: Context) -> int:
        (webhook, *_) = context.configuration.webhooks.values()
        return send_test(tx, context, webhook, actor="alice", organisation="example-org")

    first = ops.do(test)
    for _ in range(2):
        for lease in ops.lease():
            ops.record(lease, Outcome.DELIVERED)
        ops.wait(days=9)
        ops.do(send_again, [first], actor="token:alice")
    for lease in ops.lease():
        ops.record(lease, Outcome.DELIVERED)
    ops.wait(days=2)
    # The first and its first copy are old by now; the second copy is not.
    assert keep_only(ops)["tests"] == 1
    assert not dangling(all_rows(ops))
    ops.wait(days=9)
    assert keep_only(ops, limit=1)["tests"] == 2
    assert not rows_of(ops, schema.bodies)
    assert not rows_of(ops, schema.attempts)


def test_a_test_that_failed_and_was_sent_again_lately_stays(ops: Desk) -> None:
    """However old it is: somebody wants to see what became of it."""

    def test(tx: Tx, context: Context) -> int:
        (webhook, *_) = context.configuration.webhooks.values()
        return send_test(tx, context, webhook, actor="alice", organisation="example-org")

    id_ = ops.do(test)
    ops.record(ops.lease()[0], Outcome.REJECTED)
    ops.wait(days=9)
    ops.do(send_again, [id_], actor="token:alice")
    ops.record(ops.lease()[0], Outcome.DELIVERED)
    ops.wait(days=9)
    assert not keep_only(ops)["tests"]
    ops.wait(days=2)
    assert keep_only(ops)["tests"] == 1


def test_the_newest_row_of_the_feed_stays(ops: Desk) -> None:
    """A start that finds nothing else learns from it which ids were given."""

    def make_known(tx: Tx, context: Context) -> None:
        tx.news.feed.append(("timeline", 0, context.ids.take(1, context.now)[0]))
        publish(tx, context.now)

    for _ in range(3):
        ops.do(make_known)
    newest = ops.read(find_newest_id)
    ops.wait(days=11)
    assert keep_only(ops)["feed"] == 2
    assert [row["position"] for row in ops.rows(schema.feed)] == [3]
    assert ops.read(find_newest_id) == newest


def test_answers_that_were_kept_go_after_a_day(ops: Desk) -> None:
    """However long other things are kept; that nobody asks anything any more keeps none of them."""
    token = Repeatable(1, "key", b"request")
    with ops.database.write() as tx:
        once(tx, token, lambda: (200, "{}"), now=ops.now, vault=ops.alice.vault)
    ops.wait(hours=23)
    assert not keep_only(ops)["idempotency"]
    ops.wait(hours=2)
    assert keep_only(ops)["idempotency"] == 1
    assert not rows_of(ops, schema_configuration.idempotency)


def test_counts_by_key_go_with_their_day(ops: Desk) -> None:
    """When all of it is old, and not before."""
    with ops.database.write() as tx:
        tx.news.fates.append((7, Fate.PAGED))
        save_fates(tx, ops.now)
    ops.wait(days=10)  # 03:00: the day is not over for as long
    assert not keep_only(ops)["alert_fates"]
    ops.wait(hours=21)
    assert keep_only(ops)["alert_fates"] == 1
    assert not rows_of(ops, schema_configuration.alert_fates)


def test_it_is_on_record_up_to_when_things_were_removed(ops: Desk) -> None:
    """So that whoever misses something can be told; nothing is written while nothing is removed."""
    ops.wait(days=11)
    keep_only(ops)
    assert ops.read(find_removed_before) is None
    over(ops)
    ops.wait(days=11)
    keep_only(ops)
    assert ops.read(find_removed_before) == ops.now - KEEP
    with ops.database.write() as tx:  # by a server that keeps more
        note_removed(tx, before=ops.now - 2 * KEEP)
    assert ops.read(find_removed_before) == ops.now - KEEP


def test_what_is_counted_is_what_goes(ops: Desk) -> None:
    """Of what somebody may miss, for the setting or for another one; and for ever, nothing goes."""
    story = History(ops)
    story.begin()
    story.go_through([("alert", "INFO", "x", "db"), ("test",), ("wait", 10)])
    story.come_to_rest()
    over(ops, "disk")
    over(ops, "cpu")
    ops.do(send_again, [ops.rows(schema.deliveries)[-1]["id"]], actor="token:alice")
    ops.wait(days=11)
    assert set(ops.read(look_at_retention, ops.now, keep=None).removable.values()) == {0}
    assert set(ops.read(look_at_retention, ops.now, keep=2 * KEEP).removable.values()) == {0}
    looked = ops.read(look_at_retention, ops.now, keep=KEEP)
    assert looked.removable == {"incidents": 1, "tests": 1, "alerts": 1, "refused_alerts": 0}
    done = keep_only(ops)
    assert {name: done[name] for name in looked.removable} == looked.removable
    left = ops.read(look_at_retention, ops.now, keep=KEEP)
    assert set(left.removable.values()) == {0}
    assert left.removed_before == looked.before == ops.now - KEEP
    assert left.oldest_incident_at == ops.rows(schema.incidents)[0]["opened_at"]
