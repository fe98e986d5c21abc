"""A change and the end of a page's attempt at once: whichever comes first, what is told comes after."""

import pytest
from tests.actions.desk import Desk
from tests.actions.test_follow_ups import ALICE, ALL, follow_ups, tells
from tests.actions.test_races import while_open

from tocsin.actions.deliver import record_attempts
from tocsin.actions.incidents import acknowledge, reopen, resolve
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two policies that call one webhook at once."""
    desk.configure(
        {"main": [("0s", ["a"]), ("1m", ["a"])]},
        keys={"db": ["main"]},
        options={"follow_up": ALL},
    )
    return desk


def paged(desk: Desk) -> Lease:
    desk.opened()
    (lease,) = desk.fire().leases
    return lease


def two_under_way(desk: Desk) -> tuple[Lease, Lease]:
    """The retry of a page, and the page of the next step."""
    first = paged(desk)
    desk.record(first, Outcome.TIMED_OUT)
    desk.wait(minutes=1)
    desk.fire()
    (hurried,) = desk.lease()
    desk.record(hurried, Outcome.TIMED_OUT)
    (second,) = desk.lease()
    desk.wait(seconds=6)
    (again,) = desk.lease()
    return again, second


def ends(desk: Desk, lease: Lease, outcome: Outcome, tx: Tx) -> None:
    record_attempts(tx, [desk.result(lease, outcome)], desk.context)


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.DELIVERED])
def test_an_attempt_that_ends_during_the_acknowledgement(ops: Desk, outcome: Outcome) -> None:
    """Its record waits, and lets the follow-up go that the acknowledgement made."""
    page = paged(ops)
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        recorded = second.waits(lambda: ops.record(page, outcome))
    recorded.result()
    assert tells(ops) == ["ACKNOWLEDGEMENT"]


def test_an_attempt_that_ends_in_vain_during_the_acknowledgement(ops: Desk) -> None:
    """Its record waits, and ends the follow-up that the acknowledgement made."""
    page = paged(ops)
    with while_open(ops, lambda tx: acknowledge(tx, ops.context(tx), [1], actor=ALICE)) as second:
        recorded = second.waits(lambda: ops.record(page, Outcome.CANCELLED))
    recorded.result()
    assert follow_ups(ops) == [("acknowledged", "cancelled", "no_page_left")]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        *((each, ["ACKNOWLEDGEMENT"]) for each in (Outcome.DELIVERED, Outcome.REJECTED)),
        (Outcome.CONNECTION_REFUSED, []),
    ],
)
def test_an_acknowledgement_during_the_record_of_the_attempt(
    ops: Desk, outcome: Outcome, told: list[str]
) -> None:
    """It waits for the record, and sees what came of the page."""
    page = paged(ops)
    with while_open(ops, lambda tx: ends(ops, page, outcome, tx)) as second:
        acknowledged = second.waits(lambda: ops.change(acknowledge, 1, actor=ALICE))
    assert acknowledged.result().changed
    assert tells(ops) == told


def test_a_reopening_during_the_record_waits_for_it_too(ops: Desk) -> None:
    """Though it cancels nothing: it has to see whether a page has left."""
    page = paged(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    with while_open(ops, lambda tx: ends(ops, page, Outcome.DELIVERED, tx)) as second:
        reopened = second.waits(lambda: ops.change(reopen, 1, actor=ALICE))
    assert reopened.result().changed
    assert tells(ops) == ["ACKNOWLEDGEMENT", "CRITICAL"]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.CANCELLED])
def test_two_pages_that_end_at_once_do_not_leave_it_waiting(ops: Desk, outcome: Outcome) -> None:
    """Who is the last to end lets it go; that an earlier attempt of the first had left is seen as well."""
    again, second_page = two_under_way(ops)
    ops.change(resolve, 1, actor=ALICE)
    with while_open(ops, lambda tx: ends(ops, again, outcome, tx)) as second:
        recorded = second.waits(lambda: ops.record(second_page, Outcome.CANCELLED))
    recorded.result()
    assert all(row["waits_for"] is None for row in ops.rows(schema.deliveries))
    assert tells(ops) == ["RECOVERY"]
