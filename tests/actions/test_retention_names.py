"""What incidents and deliveries name stays for as long as one that is kept may name it."""

from datetime import timedelta

import sqlalchemy as sa
from tests.actions.desk import Desk
from tests.actions.keeping import all_rows, dangling, edit_now, keep_only
from tests.actions.test_retention import ops, paged

from tocsin.actions.incidents import resolve
from tocsin.store import schema, schema_configuration
from tocsin.store.leases import note_leased
from tocsin.store.runs import begin_run, end_run

__all__ = ["ops"]
LONG_AGO = timedelta(days=400)


def long_gone(desk: Desk, table: sa.Table) -> None:
    """Let rows say that they were deleted long ago, whoever needs them."""
    with desk.database.write() as tx:
        tx.core.execute(table.update().values(deleted_at=desk.now - LONG_AGO))


def test_what_was_deleted_stays_as_long_as_something_kept_may_name_it(ops: Desk) -> None:
    """Versions, policies, teams, webhooks and heads: an old incident that is open keeps those of its time and later."""
    number = paged(ops)
    ops.wait(days=1)
    edit_now(ops)
    ops.configure({"main": [("5m", ["a"])]}, keys={"db": ["main"]})
    ops.configure({"new": [("0s", ["c"])]}, keys={"db": ["new"]}, prune=True)
    ops.wait(days=100)
    names = ("policies", "policy_versions", "webhooks", "request_heads")
    before = {name: all_rows(ops)[name] for name in names}
    keep_only(ops)
    assert {name: all_rows(ops)[name] for name in names} == before
    ops.change(resolve, number, actor="token:alice")
    ops.wait(days=11)
    done = keep_only(ops)
    assert (done["policies"], done["webhooks"]) == (1, 2)
    assert [row["slug"] for row in ops.rows(schema_configuration.policies)] == ["new"]
    assert [row["slug"] for row in ops.rows(schema_configuration.webhooks)] == ["c"]
    assert not dangling(all_rows(ops))


def test_what_is_in_force_stays_whatever_its_id_says(ops: Desk) -> None:
    """Another node may have made it whose clock was behind."""
    edit_now(ops)
    ops.configure({"main": [("5m", ["a"])]}, keys={"db": ["main"]})
    first, second = (row["id"] for row in ops.rows(schema_configuration.policy_versions))
    with ops.database.write() as tx:
        tx.core.execute(schema_configuration.policies.update().values(version_id=first))
    ops.wait(days=50)
    assert not keep_only(ops)["policy_versions"]
    with ops.database.write() as tx:
        tx.core.execute(schema_configuration.policies.update().values(version_id=second))
    assert keep_only(ops)["policy_versions"] == 1


def test_what_was_in_force_until_shortly_before_stays(ops: Desk) -> None:
    """The clock of the node that opened the incident may have been ahead."""
    ops.wait(hours=1)
    edit_now(ops)
    ops.configure({"main": [("5m", ["a"])]}, keys={"db": ["main"]})
    ops.wait(hours=1)
    ops.opened()
    ops.wait(days=50)
    assert not keep_only(ops)["policy_versions"]


def test_a_webhook_that_a_timeline_names_stays(ops: Desk) -> None:
    """One that was passed over has no delivery, and is named all the same."""
    edit_now(ops)
    ops.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, disabled=["a"])
    ops.opened()
    ops.fire()
    assert ops.rows(schema.deliveries) == []
    ops.wait(days=1)
    edit_now(ops)
    ops.configure({"new": [("0s", ["c"])]}, keys={"db": ["new"]}, prune=True)
    ops.wait(days=100)
    keep_only(ops)
    assert not dangling(all_rows(ops))
    assert len(ops.rows(schema_configuration.webhooks)) == 3


def test_what_something_in_force_needs_stays_whatever_it_says_of_itself(ops: Desk) -> None:
    """A webhook that a policy calls, and the team of a policy: clocks of nodes differ."""
    ops.wait(days=500)
    for table in (schema_configuration.webhooks, schema_configuration.teams):
        long_gone(ops, table)
    done = keep_only(ops)
    assert (done["webhooks"], done["teams"]) == (0, 0)


def test_a_run_that_has_leased_something_stays(ops: Desk) -> None:
    """Whoever takes over looks for it."""
    with ops.database.write() as tx:
        for id_ in (2, 3):
            begin_run(tx, id_=id_, node="node", version="1", now=ops.now)
            end_run(tx, id_=id_, now=ops.now)
        note_leased(tx, id_=9, run_id=2, delivery_ids=[5])
    ops.wait(days=50)
    keep_only(ops)
    assert [row["id"] for row in ops.rows(schema.runs)] == [1, 2]


def test_what_an_old_delivery_names_stays(ops: Desk) -> None:
    """Its run and the head of its request, for as long as it is there."""
    number = paged(ops)
    with ops.database.write() as tx:
        end_run(tx, id_=ops.run_id, now=ops.now)
    ops.wait(days=1)
    edit_now(ops)
    changed = {"standard_signature": False}
    ops.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options=changed)
    ops.wait(days=50)
    before = len(ops.rows(schema_configuration.request_heads))
    assert not set(keep_only(ops)) & {"runs", "request_heads"}
    ops.change(resolve, number, actor="token:alice")
    ops.wait(days=11)
    done = keep_only(ops)
    assert done["runs"] == 1
    assert done["request_heads"] == before - len(ops.rows(schema_configuration.request_heads)) > 0
