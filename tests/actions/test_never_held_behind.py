"""Whatever a page waits for in line, an open breaker holds neither of them beyond its ten seconds."""

from collections.abc import Callable

import pytest
from tests.actions.breaking import FAILED, OK, break_it, breakers, fired
from tests.actions.desk import Desk

from tocsin.actions.deliver import take_over
from tocsin.actions.incidents import acknowledge, reopen
from tocsin.actions.send_again import send_one_again
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.deliveries import Lease

AT_THE_LATEST = 12  # seconds: ten, and what attempts take here


def backlog(desk: Desk, count: int) -> None:
    """Let retries wait that a breaker holds, all of them due longer than what comes now."""
    for each in range(count):
        desk.wait(seconds=11)
        for lease in fired(desk, f"more-{each}"):
            desk.record(lease, FAILED)


def seconds_until_tried(desk: Desk, delivery_id: int) -> int:
    """Let every attempt fail, until the first of this delivery begins."""
    return first_attempt(desk, lambda lease: lease.delivery_id == delivery_id)[0]


def attempt_at(desk: Desk, incident: int) -> Lease:
    """Let every other attempt fail, until one for this incident begins."""
    return first_attempt(desk, lambda lease: lease.incident == incident)[1]


def first_attempt(desk: Desk, is_it: Callable[[Lease], bool]) -> tuple[int, Lease]:
    """Let every other attempt fail; return after how many seconds the one that is meant begins, and it."""
    for second in range(60):
        for lease in desk.lease():
            if is_it(lease):
                return second, lease
            desk.record(lease, FAILED)
        desk.wait(seconds=1)
    raise AssertionError("it was not tried for a minute")


def test_a_page_behind_a_follow_up_that_is_held_goes_in_time(desk: Desk) -> None:
    """It waits for a follow-up that waits for another one, whose retry is due and held."""
    desk.configure(
        {"one": [("0s", ["a"])]},
        keys={"db": ["one"]},
        options={"retry_waits": ["20s"], "follow_up": ["acknowledged", "reopened"]},
    )
    (page,) = fired(desk, "disk")
    desk.record(page, OK)
    break_it(desk)
    backlog(desk, 5)
    assert page.incident is not None
    desk.change(acknowledge, page.incident, actor="alice")
    for _ in range(31):
        for lease in desk.lease():
            desk.record(lease, FAILED)
        desk.wait(seconds=1)
    desk.change(reopen, page.incident, actor="alice")
    desk.fire()
    *_, new = (row for row in desk.rows(schema.deliveries) if row["incident"] == page.incident)
    assert new["waits_for"] is not None
    assert seconds_until_tried(desk, new["id"]) <= AT_THE_LATEST


@pytest.mark.parametrize("how", ["failed", "interrupted", "taken over"])
def test_a_page_behind_an_attempt_that_is_made_again_at_once_goes_in_time(
    desk: Desk, how: str
) -> None:
    """However the attempt ended that it waited for: a crash must not make it a retry like any other."""
    desk.configure(
        {"one": [("0s", ["a"])], "main": [("0s", ["a"]), ("40s", ["a"])]},
        keys={"db": ["one"], "main": ["main"]},
        options={"retry_waits": ["20s"]},
    )
    break_it(desk)
    backlog(desk, 20)
    desk.wait(seconds=11)
    desk.opened("disk", key="main")
    number = desk.rows(schema.incidents)[-1]["number"]
    desk.fire()
    first = attempt_at(desk, number)
    desk.wait(seconds=41)
    desk.fire()
    new = desk.rows(schema.deliveries)[-1]
    assert new["waits_for"] == first.delivery_id
    if how == "taken over":
        desk.run_id = 2
        with desk.database.write() as tx:
            take_over(tx, desk.now, run_id=2, limit=9)
    else:
        desk.record(first, FAILED if how == "failed" else Outcome.INTERRUPTED)
    assert seconds_until_tried(desk, new["id"]) <= AT_THE_LATEST


def test_what_is_sent_again_by_hand_goes_in_time_behind_many_retries(desk: Desk) -> None:
    """However many a breaker holds that have been due longer: a person waits for it."""
    desk.configure(
        {"one": [("0s", ["a"])]},
        keys={"db": ["one"]},
        options={"retry_waits": ["20s"], "deadline": "1h"},
    )
    (page,) = fired(desk, "disk")
    desk.record(page, OK)
    for each in range(300):
        desk.opened(f"more-{each}")
    for lease in desk.fire(limit=1000).leases:
        desk.record(lease, FAILED)
    while leases := desk.lease(slots=400):
        for lease in leases:
            desk.record(lease, FAILED)
        desk.wait(seconds=0.1)
    desk.wait(seconds=12)
    for _ in range(3):
        for lease in desk.lease():
            desk.record(lease, FAILED)
        desk.wait(seconds=11)
    assert breakers(desk)
    desk.wait(seconds=30)
    again = desk.do(send_one_again, page.delivery_id, actor="alice").delivery
    assert seconds_until_tried(desk, again) <= 2 * AT_THE_LATEST
