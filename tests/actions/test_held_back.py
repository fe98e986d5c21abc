"""What an open breaker holds back: retries, what stands in line, what has a deadline; and how it is told."""

from datetime import timedelta
from typing import Any

import pytest
from tests.actions.breaking import (
    FAILED,
    OK,
    SLOW_RETRIES,
    break_it,
    breakers,
    fired,
    lane,
    next_look,
)
from tests.actions.desk import Desk

from tocsin.actions.incidents import acknowledge
from tocsin.actions.poison import Failure, postpone_first_delivery
from tocsin.actions.send_again import send_again
from tocsin.actions.why import why
from tocsin.domain.answer import Answer
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema
from tocsin.store.backlog import oldest_unsent


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once; nothing is tried again within an hour."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options=SLOW_RETRIES)
    return desk


def test_retries_are_held_until_it_closes(desk: Desk) -> None:
    """But the one that is a probe, because nothing new is there; and the last attempt, at the deadline."""
    desk.configure(
        {"main": [("0s", ["a"])]},
        keys={"db": ["main"]},
        options={"retry_waits": ["30s"], "deadline": "2m"},
    )
    break_it(desk)
    assert next_look(desk) == 20
    desk.wait(seconds=20)
    (probe,) = desk.lease()
    assert probe.attempt == 2
    desk.record(probe, FAILED)
    assert next_look(desk) == 5
    desk.wait(seconds=89)
    (probe,) = desk.lease()
    desk.record(probe, FAILED)
    desk.wait(seconds=1)
    assert len(desk.lease()) == 4
    assert next_look(desk) is None  # there is no free slot for the fifth


def test_the_last_attempt_is_made_at_the_deadline(desk: Desk) -> None:
    """Of one that failed shortly before, too: the breaker knows when that is."""
    options = {"retry_waits": ["1m"], "deadline": "62s"}
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]}, options=options)
    break_it(desk)
    start = desk.now
    (before,) = desk.rows(schema.lanes)
    assert before["due_at"] is not None
    desk.now = before["due_at"]
    (probe, *_) = desk.lease()
    desk.record(probe, FAILED)
    (row,) = [each for each in desk.rows(schema.deliveries) if each["id"] == probe.delivery_id]
    assert row["due_at"] == row["first_attempt_at"] + timedelta(seconds=62)
    desk.now = row["due_at"]
    assert probe.delivery_id in [each.delivery_id for each in desk.lease()]
    assert start < desk.now


def test_a_page_behind_a_retry_of_its_incident_is_not_held_either(desk: Desk) -> None:
    """The retry is brought forward, and counts as a first attempt; so does the page as soon as it may go."""
    desk.configure(
        {"main": [("0s", ["a"]), ("40s", ["a"])]}, keys={"db": ["main"]}, options=SLOW_RETRIES
    )
    for each in range(1, 6):
        (lease,) = fired(desk, f"{each}")
        desk.wait(seconds=2.5)
        desk.record(lease, FAILED)
    assert breakers(desk) == [(0, 0, 2)]
    desk.wait(seconds=27.5)
    assert desk.now - desk.rows(schema.deliveries)[0]["created_at"] == timedelta(seconds=40)
    desk.change(acknowledge, 5, actor="alice")
    desk.fire(limit=1)
    (hurried,) = desk.lease()  # the probe has been due for long, and is made with the newest
    assert (hurried.incident, hurried.attempt) == (1, 2)
    for number in (2, 3, 4):
        desk.change(acknowledge, number, actor="alice")
    desk.wait(seconds=5)
    desk.record(hurried, FAILED)
    assert next_look(desk) == 0  # a probe is due again, and the page is the newest
    (page,) = desk.lease()
    assert (page.incident, page.attempt) == (1, 1)


def test_a_page_that_waited_in_line_is_let_through_in_time(desk: Desk) -> None:
    """Ten seconds after its step fired, however late the attempt before it ended."""
    desk.configure(
        {"main": [("0s", ["a"]), ("40s", ["a"])]}, keys={"db": ["main"]}, options=SLOW_RETRIES
    )
    (waiting,) = fired(desk, "line")
    break_it(desk)
    for wait in (2, 5, 10, 10):
        desk.wait(seconds=wait)
        (probe,) = fired(desk, f"probe after {wait} at {desk.now}")
        desk.record(probe, FAILED)
    # It has been 37 s; the next probe is due at 47 s.
    for number in range(2, 11):
        desk.change(acknowledge, number, actor="alice")
    desk.wait(seconds=3)
    assert fired(desk) == []  # it waits for the attempt that is still under way
    desk.wait(seconds=7)
    (probe,) = fired(desk, "probe at 47 s")
    desk.record(probe, FAILED)
    desk.wait(seconds=1)
    desk.record(waiting, FAILED)
    assert next_look(desk) == 2  # and not at the next probe, at 57 s
    desk.wait(seconds=2)
    (page,) = desk.lease()
    assert (page.incident, page.attempt) == (1, 1)


def test_one_that_was_due_already_is_not_held_when_a_page_waits_for_it(desk: Desk) -> None:
    """Its retry waited only for the breaker: now somebody waits for it."""
    desk.configure(
        {"one": [("0s", ["a"])], "main": [("0s", ["a"]), ("40s", ["a"])]},
        keys={"x": ["one"], "db": ["main"]},
        options={"retry_waits": ["20s"]},
    )
    for each, key in enumerate(["x", "db", "x", "x", "x"]):
        desk.opened(f"{each}", key=key)
        (lease,) = fired(desk)
        desk.wait(seconds=2.5)
        desk.record(lease, FAILED)
    assert breakers(desk)
    desk.wait(seconds=30)
    desk.fire()
    rows = desk.rows(schema.deliveries)
    assert (rows[-1]["waits_for"], rows[1]["hurried_at"]) == (rows[1]["id"], rows[1]["due_at"])
    (lease,) = desk.lease()
    assert lease.delivery_id == rows[1]["id"]  # and not the first, which has been due longer


def test_what_is_held_is_cancelled_like_any_other(ops: Desk) -> None:
    """An acknowledgement ends it, and nothing of it is sent."""
    break_it(ops)
    fired(ops, "1")
    ops.change(acknowledge, 6, actor="alice")
    assert ops.deliveries()[-1] == ("a", "cancelled", "acknowledged")
    ops.wait(seconds=30)
    assert ops.lease() == []


def test_an_attempt_that_is_acknowledged_may_still_close_it(ops: Desk) -> None:
    """2xx makes it delivered and closes the breaker; anything else leaves it cancelled, and is counted."""
    break_it(ops)
    fired(ops, "1", "2")
    ops.wait(seconds=2)
    (probe,) = ops.lease()
    ops.change(acknowledge, 7, actor="alice")
    (entry,) = [each for each in ops.timeline(7) if each.kind is Kind.ACKNOWLEDGED]
    assert entry.detail["in_flight_at_acknowledge"] == 1
    ops.record(probe, FAILED)
    assert ops.deliveries()[6] == ("a", "cancelled", "acknowledged")
    assert [row["failures"] for row in ops.rows(schema.webhook_failures)] == [6]
    ops.wait(seconds=5)
    (probe,) = ops.lease()
    ops.change(acknowledge, 6, actor="alice")
    ops.record(probe, OK)
    assert ops.deliveries()[5] == ("a", "delivered", "delivered")
    assert breakers(ops) == []


def asked(desk: Desk, subject: str) -> Answer:
    return desk.ask(why, subject, now=desk.now)


def test_why_says_that_it_is_held_and_until_when(ops: Desk) -> None:
    """A first attempt for ten seconds at the most, one that follows until its deadline."""
    break_it(ops)
    fired(ops, "1")
    ops.wait(seconds=1)
    (said,) = [each for each in asked(ops, "#6").sentences if each.reason == "attempt_held"]
    assert said.text == (
        "Attempt 1 to a is held by the breaker until 2026-03-01 09:00:12.000Z at the earliest and "
        "2026-03-01 09:00:20.000Z at the latest, or until an attempt of another delivery succeeds: "
        "5 attempts failed since 2026-03-01 09:00:00.000Z, without a 2xx between."
    )
    retry = ops.rows(schema.deliveries)[0]
    (said,) = [
        each
        for each in asked(ops, id_text(DELIVERY, retry["id"])).sentences
        if each.reason == "attempt_held"
    ]
    assert "at the earliest and 2026-03-02 09:00:00.000Z at the latest" in said.text
    ops.wait(seconds=1)
    ops.record(ops.lease()[0], OK)
    reasons = {each.reason for each in asked(ops, "#1").sentences}
    assert "attempt_held" not in reasons
    assert "attempt_due" in reasons


def test_what_it_holds_is_not_told_as_late(ops: Desk) -> None:
    """Readiness is about Tocsin, and it is the receiver that is not there."""
    break_it(ops)
    fired(ops, "1")
    assert ops.read(oldest_unsent) is None
    ops.wait(seconds=2)
    ops.record(ops.lease()[0], OK)
    fired(ops, *"23456")
    assert ops.read(oldest_unsent) == ops.now


def test_what_cannot_be_leased_is_the_one_that_it_lets_through(ops: Desk) -> None:
    """Whoever makes poison wait blames the delivery that would have left first."""
    break_it(ops)
    fired(ops, "1", "2")
    ops.wait(seconds=2)
    waiting = ops.do(postpone_first_delivery, Failure("KeyError: 7"), slots=4)
    newest = ops.rows(schema.deliveries)[-1]
    assert waiting is not None
    assert waiting.subject == id_text(DELIVERY, newest["id"])
    assert newest["due_at"] > ops.now


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # which counts its steps
def test_a_backlog_is_not_waded_through(ops: Desk) -> None:
    """SQLite's own count of its steps is the same for 300 that wait and for 5000."""
    steps = []
    for more in (300, 5000):
        break_it(ops, str(more))
        _add_retries(ops, more)
        fired(ops, "new")
        ops.wait(seconds=2)
        steps.append(_steps_of(ops, ops.lease))
        ops.begin_anew()
    assert steps[1] < steps[0] * 1.2, steps


def _add_retries(desk: Desk, count: int) -> None:
    row = desk.rows(schema.deliveries)[0]
    copies = [
        {**row, "id": each + 1, "escalation": each + 10, "due_at": desk.now - timedelta(seconds=9)}
        for each in range(count)
    ]
    with desk.database.write() as tx:
        tx.core.execute(schema.deliveries.insert(), copies)
        tx.core.execute(schema.lanes.update().values(due_at=desk.now - timedelta(seconds=9)))


def _steps_of(desk: Desk, work: Any) -> int:
    """Return how many steps of SQLite's machine some work takes."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    with desk.database.write() as tx:
        connection = tx.core.connection.driver_connection
        assert connection is not None
        connection.set_progress_handler(tick, 10)
    work()
    connection.set_progress_handler(None, 0)
    return ticks


def test_a_lane_that_is_held_for_nothing_is_let_go(ops: Desk) -> None:
    """As when somebody forgave what the webhook failed: nothing is held without a reason that can be told."""
    break_it(ops)
    fired(ops, "1")
    with ops.database.write() as tx:
        tx.core.execute(schema.webhook_failures.delete())
    ops.wait(seconds=2)
    ops.lease()
    assert lane(ops)["held_until"] is None
    assert next_look(ops) == -2
    assert len(ops.lease()) == 1


def test_pages_and_what_is_sent_again_take_turns_here_too(ops: Desk) -> None:
    """Both have been held long enough, and there is one slot."""
    old = []
    for each in range(2):
        old += fired(ops, f"old-{each}")
        ops.record(old[-1], Outcome.ADDRESS_REFUSED)
    break_it(ops)
    ops.do(send_again, [lease.delivery_id for lease in old], actor="alice")
    for each in range(3):
        ops.opened(f"new-{each}")
    ops.fire()
    ops.wait(seconds=12)
    order = []
    for _ in range(5):
        (lease,) = ops.lease(slots=1)
        order.append("new" if lease.attempt == 1 else "old")
        ops.record(lease, FAILED)
    assert order == ["new", "new", "old", "new", "old"]
