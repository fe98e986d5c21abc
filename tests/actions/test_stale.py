"""A step that was claimed, and whose escalation is not where it was when it fires, does nothing.

While a claim's locks are held that cannot be. So the claim is committed here, as if its node had
lost them, and the step fires in a transaction that comes later.
"""

from collections.abc import Callable, Sequence

import pytest
from tests.actions.desk import Desk

from tocsin.actions.escalate import Escalated, fire
from tocsin.actions.incidents import acknowledge, reopen, resolve
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.escalations import Due, claim_due
from tocsin.store.schema import to_micros

ALICE = "token:alice"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure({"main": [("0s", ["a"]), ("10m", ["b"])]}, keys={"db": ["main"]})
    return desk


def claim(desk: Desk) -> list[Due]:
    with desk.database.write() as tx:
        return claim_due(tx, to_micros(desk.now), limit=9)


def fire_claimed(desk: Desk, claimed: Sequence[Due]) -> Escalated:
    return desk.do(fire, claimed, sending=desk.sending())


def fire_it(desk: Desk) -> None:
    desk.fire()


def acknowledge_it(desk: Desk) -> None:
    desk.change(acknowledge, 1, actor=ALICE)


def resolve_it(desk: Desk) -> None:
    desk.change(resolve, 1, actor=ALICE)


def reopen_it(desk: Desk) -> None:
    """Then another escalation of the incident is due in its place."""
    desk.change(acknowledge, 1, actor=ALICE)
    desk.change(reopen, 1, actor=ALICE)


@pytest.mark.parametrize("meanwhile", [fire_it, acknowledge_it, resolve_it, reopen_it])
def test_a_step_whose_escalation_was_stopped_or_moved_does_nothing(
    ops: Desk, meanwhile: Callable[[Desk], None]
) -> None:
    """Nothing that is stored changes, nothing is to be sent, and it is counted."""
    ops.opened()
    claimed = claim(ops)
    meanwhile(ops)
    tables = (
        schema.escalations,
        schema.deliveries,
        schema.incidents,
        schema.timeline,
        schema.lanes,
    )
    before = [ops.rows(table) for table in tables]

    fired = fire_claimed(ops, claimed)

    assert (fired.claimed, fired.stale, fired.leases, fired.lateness) == (1, 1, [], [])
    assert [ops.rows(table) for table in tables] == before
    assert ops.news.feed == []
    assert ops.news.work_due_at is None


def test_what_is_stale_holds_up_nothing_else(ops: Desk) -> None:
    """Of three steps in a batch one was stopped; the two others fire as if it had not been there."""
    for entity in ("disk", "cpu", "web"):
        ops.opened(entity)
    claimed = claim(ops)
    ops.change(acknowledge, 2, actor=ALICE)

    fired = fire_claimed(ops, claimed)

    assert (fired.claimed, fired.stale) == (3, 1)
    assert [each.incident for each in fired.leases] == [1, 3]
    assert Kind.PAGED not in ops.kinds(2)
    ops.wait(minutes=10)
    assert [each.incident for each in ops.fire().leases] == [1, 3]


def test_the_last_step_of_what_was_stopped_leaves_nobody_silent(desk: Desk) -> None:
    """An acknowledged incident is not marked as having nobody left to page."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    desk.opened()
    claimed = claim(desk)
    desk.change(acknowledge, 1, actor=ALICE)

    assert fire_claimed(desk, claimed).exhausted == []
    assert desk.incident(1).nobody_left_since is None
