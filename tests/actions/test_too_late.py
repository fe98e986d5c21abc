"""A page that comes too late to be of use is not sent, and somebody else is reached instead."""

from typing import Any

import pytest
from tests.actions.desk import Desk
from tests.actions.test_step_that_reaches_nobody import KEYS, MINUTE, due, fire, leased, page
from tests.actions.test_step_that_reaches_nobody import why_sooner as reached_nobody

from tocsin.actions.escalate import escalate
from tocsin.actions.send_again import send_one_again
from tocsin.actions.send_test import send_test
from tocsin.actions.webhooks import get_webhook
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.store import schema
from tocsin.store.database import Failed, Tx
from tocsin.store.schema import to_micros

STEPS: dict[str, Any] = {"main": [("0s", ["a", "b"], "60s"), ("10m", ["c"])]}
LATE = {"a": {"skip_if_late": "10m"}, "b": {"skip_if_late": "5m"}}
SKIPPED = ("failed", "skipped_late")


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """a wants no page that is ten minutes late, b none that is five minutes late; c wants any."""
    desk.configure(STEPS, keys=KEYS, own=LATE)
    return desk


def states(desk: Desk) -> list[tuple[str, str, str | None]]:
    return desk.deliveries()


def skips(desk: Desk) -> list[str]:
    return [each.text for each in desk.timeline(1) if each.kind is Kind.TARGET_SKIPPED]


def test_a_step_that_fires_too_late_for_a_webhook_skips_it(ops: Desk) -> None:
    """It says so, calls the others, and the delivery is there to be sent by hand."""
    ops.opened()
    ops.wait(minutes=7)
    fired = ops.fire()
    assert sorted(leased(ops, fired.leases)) == ["a"]
    assert sorted(states(ops)) == [("a", "sending", None), ("b", *SKIPPED)]
    (text,) = skips(ops)
    assert "step 1 of 2, did not call b: it would have been 7 min late" in text
    assert "its skip_if_late is 5m (dlv_" in text
    (paged,) = [each for each in ops.timeline(1) if each.kind is Kind.PAGED]
    assert "fired 7 min late: it calls a." in paged.text
    assert len(ops.news.skipped_late) == 1


@pytest.mark.parametrize(("seconds", "is_sent"), [(300, True), (301, False)])
def test_up_to_its_limit_it_is_sent(ops: Desk, seconds: int, *, is_sent: bool) -> None:
    """To the second."""
    ops.opened()
    ops.wait(seconds=seconds)
    assert ("b" in leased(ops, ops.fire().leases)) is is_sent


def test_a_step_that_is_too_late_for_all_lets_the_next_one_fire_with_it(ops: Desk) -> None:
    """Which is due now, and so not late: a restart 40 minutes later reaches a human at once."""
    ops.opened()
    ops.wait(minutes=40)
    assert fire(ops) == ["c"]
    assert states(ops)[-1] == ("c", "sending", None)
    assert ops.rows(schema.deliveries)[-1]["planned_at"] == ops.now
    assert ops.kinds(1) == [
        *(Kind.OPENED, Kind.PAGED, Kind.TARGET_SKIPPED, Kind.TARGET_SKIPPED, Kind.REACHED_NOBODY),
        *(Kind.PAGED, Kind.NOBODY_LEFT, Kind.ATTEMPTED),
    ]
    assert len(reached_nobody(ops)) == 1


def test_one_that_waited_too_long_for_a_slot_is_skipped(ops: Desk) -> None:
    """It is judged whenever it would be sent for the first time, also after a pause or a downtime."""
    ops.opened()
    ops.fire(room=0)
    start = ops.now
    ops.wait(seconds=61)
    ops.fire(room=0)
    ops.wait(minutes=6)
    assert sorted(leased(ops, ops.lease())) == ["a", "c"]
    assert len(ops.news.skipped_late) == 1
    assert ("b", *SKIPPED) in states(ops)
    (text,) = skips(ops)
    assert "did not call b: it would have been 7 min 1 s late" in text
    assert ops.lease() == []
    (lane,) = [row for row in ops.rows(schema.lanes) if row["in_flight"] == 0]
    assert lane["due_at"] is None
    assert ops.now - start > 7 * MINUTE


def test_a_skip_at_the_lease_makes_the_next_step_fire(desk: Desk) -> None:
    """If nothing else of its step can reach anybody, at once."""
    desk.configure(
        {"main": [("0s", ["a"], "1h"), ("2h", ["c"])]}, keys=KEYS, own={"a": {"skip_if_late": "5m"}}
    )
    desk.opened()
    desk.fire(room=0)
    desk.wait(minutes=6)
    assert desk.lease() == []
    assert desk.news.work_due_at == to_micros(desk.now)
    assert fire(desk) == ["c"]
    assert "(a was skipped, as it was too late)" in reached_nobody(desk)[0]


def test_a_retry_is_not_judged(ops: Desk) -> None:
    """Its first attempt was in time."""
    sent = page(ops)
    ops.record(sent["b"], Outcome.CONNECTION_REFUSED)
    ops.wait(minutes=6)
    assert "b" in leased(ops, ops.lease())


def test_somebody_may_send_it_all_the_same(ops: Desk) -> None:
    """What a person wants sent is not too late, and is not skipped again."""
    ops.opened()
    ops.wait(minutes=40)
    ops.fire()
    skipped = ops.rows(schema.deliveries)[0]["id"]
    ops.do(send_one_again, skipped, actor="alice")
    ops.wait(minutes=20)
    (lease,) = ops.lease()
    assert (lease.delivery_id, lease.attempt) == (skipped, 1)
    ops.record(lease, Outcome.DELIVERED)
    ops.do(send_one_again, skipped, actor="alice")
    ops.wait(minutes=20)
    (copy,) = ops.lease()
    assert copy.delivery_id != skipped


def test_a_test_is_not_judged(ops: Desk) -> None:
    """Nor does it count for anybody's patience."""
    webhook = ops.read(get_webhook, "b", ops.alice.vault)
    ops.do(send_test, webhook, actor="alice", organisation="example")
    ops.wait(minutes=6)
    (lease,) = ops.lease()
    assert lease.is_test


def test_what_waits_behind_a_page_that_is_skipped_goes_on(desk: Desk) -> None:
    """It waited for an attempt that will not be made."""
    steps = {"main": [("0s", ["a"]), ("4m", ["a"])]}
    desk.configure(steps, keys=KEYS, own={"a": {"skip_if_late": "5m"}})
    desk.opened()
    desk.fire(room=0)
    desk.wait(minutes=4)
    desk.fire(room=0)
    assert [row["waits_for"] is None for row in desk.rows(schema.deliveries)] == [True, False]
    desk.wait(minutes=2)
    assert desk.lease() == []
    assert list(leased(desk, desk.lease())) == ["a"]
    assert states(desk) == [("a", *SKIPPED), ("a", "sending", None)]


def test_a_skipped_page_has_a_body_with_links_of_its_own(desk: Desk) -> None:
    """So that it can be sent as it should have been."""
    desk.configure(
        {"main": [("0s", ["a"])]},
        keys=KEYS,
        options={"links": ["acknowledge"], "skip_if_late": "5m"},
    )
    desk.opened()
    desk.wait(minutes=6)
    desk.fire()
    (body,) = desk.rows(schema.bodies)
    (delivery,) = desk.rows(schema.deliveries)
    assert delivery["body_id"] == body["id"]
    assert b"ack_url" in bytes(body["form"])


def test_a_webhook_that_does_not_mind_is_called_however_late(ops: Desk) -> None:
    """As ever."""
    ops.configure({"main": [("0s", ["d"])]}, keys=KEYS)
    ops.opened()
    ops.wait(hours=40)
    assert fire(ops) == ["d"]
    assert skips(ops) == []


def test_a_page_that_is_in_time_for_one_keeps_the_plan(ops: Desk) -> None:
    """The look comes when the patience ends, counted from the firing."""
    ops.opened()
    ops.wait(minutes=7)
    ops.fire()
    assert due(ops) == (ops.now + 10 * MINUTE, ops.now + MINUTE)


def test_what_is_undone_is_not_told(ops: Desk) -> None:
    """A part of a transaction that fails has hurried and skipped nothing."""
    ops.opened()
    ops.wait(minutes=40)

    def fire_and_fail(tx: Tx) -> None:
        escalate(tx, ops.context(tx), limit=10, sending=ops.sending())
        assert len(tx.news.skipped_late) == 2
        assert tx.news.hurried == [(1, "all_skipped")]
        raise ValueError

    with ops.database.write() as tx:
        assert isinstance(tx.apart(lambda: fire_and_fail(tx)), Failed)
        assert (tx.news.skipped_late, tx.news.hurried) == ([], [])
