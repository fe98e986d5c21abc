"""A move to a new version while a step fires, an acknowledgement comes or an attempt ends, interleaved by hand."""

import pytest
from tests.actions.desk import Desk
from tests.actions.test_races import ALICE, while_open

from tocsin.actions.escalate import escalate, fire
from tocsin.actions.incidents import acknowledge, move
from tocsin.domain.outcome import Outcome
from tocsin.store.database import Tx
from tocsin.store.escalations import claim_due
from tocsin.store.schema import to_micros

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
KEYS = {"db": ["main"]}


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """An incident whose policy has changed since its first step fired; its second is due."""
    desk.configure({"main": [("0s", ["a"]), ("10m", ["b"]), ("10m", ["c"])]}, keys=KEYS)
    desk.opened()
    desk.fire()
    desk.configure({"main": [("0s", ["d"])]}, keys=KEYS)
    desk.wait(minutes=10)
    return desk


def moving(ops: Desk, tx: Tx) -> object:
    return move(tx, ops.context(tx), [1], actor=ALICE)


def ends(ops: Desk) -> list[tuple[int, str | None]]:
    return [(each.fired, each.end_reason) for each in ops.shown(1).escalations]


def test_a_move_waits_for_a_step_that_fires_and_cancels_what_it_made(ops: Desk) -> None:
    """The step fired, once; its page is not sent again after that."""

    def firing(tx: Tx) -> object:
        return escalate(tx, ops.context(tx), limit=9, sending=ops.sending(room=0))

    with while_open(ops, firing) as second:
        moved = second.waits(lambda: ops.change(move, 1, actor=ALICE))
    assert moved.result().changed
    assert ends(ops) == [(2, "moved"), (0, None)]
    assert ops.deliveries() == [("a", "sending", "moved"), ("b", "cancelled", "moved")]


def test_a_step_that_is_due_during_a_move_does_not_fire(ops: Desk) -> None:
    """Whoever looks for what is due passes it over; then the new version's first step fires."""
    with while_open(ops, lambda tx: moving(ops, tx)) as second:
        assert second.does(ops.fire).claimed == 0
    assert ops.fire().claimed == 1
    assert [name for name, *_ in ops.deliveries()] == ["a", "d"]


def test_a_step_claimed_before_a_move_does_nothing_after_it(ops: Desk) -> None:
    """Its escalation is not where it was."""
    with ops.database.read() as tx:
        claimed = claim_due(tx, to_micros(ops.now), limit=9)
    ops.change(move, 1, actor=ALICE)
    fired = ops.do(fire, claimed, sending=ops.sending())
    assert (fired.claimed, fired.stale) == (1, 1)
    assert [name for name, *_ in ops.deliveries()] == ["a"]


def test_a_move_during_an_acknowledgement_starts_nothing(ops: Desk) -> None:
    """It waits, and finds nothing that runs."""
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        moved = second.waits(lambda: ops.change(move, 1, actor=ALICE))
    assert not moved.result().changed
    assert ends(ops) == [(1, "acknowledged")]


def test_an_acknowledgement_during_a_move_stops_what_the_move_started(ops: Desk) -> None:
    """It waits, and nobody is called any more."""
    with while_open(ops, lambda tx: moving(ops, tx)) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert ends(ops) == [(1, "moved"), (0, "acknowledged")]
    assert ops.fire().claimed == 0


def test_two_moves_at_once_move_once(ops: Desk) -> None:
    """The second waits, and finds the current version."""
    with while_open(ops, lambda tx: moving(ops, tx)) as second:
        again = second.waits(lambda: ops.change(move, 1, actor=ALICE))
    assert not again.result().changed
    assert len(ops.shown(1).escalations) == 2


def test_an_attempt_that_fails_during_a_move_is_not_tried_again(ops: Desk) -> None:
    """Its outcome waits for the move, and sees it."""
    ops.ingest(ops.make(entity_id="cpu"))
    (leased,) = ops.fire(limit=1, slots=9).leases[-1:]
    ops.configure({"main": [("0s", ["a"]), ("1h", ["e"])]}, keys=KEYS)
    assert leased.incident is not None
    numbers = [leased.incident]

    def again(tx: Tx) -> object:
        return move(tx, ops.context(tx), numbers, actor=ALICE)

    with while_open(ops, again) as second:
        recorded = second.waits(lambda: ops.record(leased, Outcome.REJECTED))
    assert recorded.result().cancelled == 1
