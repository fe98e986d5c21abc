"""A step turns out to have reached nobody while somebody else works on its incident."""

import pytest
from tests.actions.desk import Desk
from tests.actions.test_races import ALICE, while_open
from tests.actions.test_step_that_reaches_nobody import FINAL, KEYS, fire, why_sooner

from tocsin.actions.deliver import record_attempts
from tocsin.actions.incidents import acknowledge
from tocsin.actions.ingest import ingest
from tocsin.store import schema

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(
        {"main": [("0s", ["a"], "1h"), ("2h", ["b"])]}, keys=KEYS, own={"a": {"skip_if_late": "5m"}}
    )
    return desk


def test_a_failure_during_an_acknowledgement_hurries_nobody(ops: Desk) -> None:
    """Its record waits for the incident, which the acknowledgement has, before it takes the delivery."""
    ops.opened()
    (lease,) = ops.fire().leases
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        recorded = second.waits(lambda: ops.record(lease, FINAL))
    assert recorded.result().cancelled == 1
    assert ops.fire().claimed == 0
    assert why_sooner(ops) == []


def test_an_acknowledgement_during_the_record_of_the_last_failure_wins(ops: Desk) -> None:
    """The look is due by then, and is for an escalation that was stopped."""
    ops.opened()
    (lease,) = ops.fire().leases
    result = ops.result(lease, FINAL)
    with while_open(ops, lambda tx: record_attempts(tx, [result], ops.context)) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ops.fire().claimed == 0
    assert why_sooner(ops) == []


def test_a_lease_that_skips_a_page_waits_for_no_incident(ops: Desk) -> None:
    """It has the lanes, which come last; the look then comes in its time, and the page is skipped now."""
    ops.opened()
    ops.fire(room=0)
    start = ops.now
    ops.wait(minutes=6)
    alert = ops.make()
    with while_open(ops, lambda tx: ingest(tx, [alert], ops.context(tx))) as second:
        assert second.does(ops.lease) == []
    assert ops.deliveries() == [("a", "failed", "skipped_late")]
    assert ops.fire().claimed == 0
    (escalation,) = ops.rows(schema.escalations)
    assert (escalation["due_at"] - start).total_seconds() == 3600
    ops.wait(minutes=54)
    assert fire(ops) == ["b"]
