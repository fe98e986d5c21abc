"""In which order the deliveries of one incident reach one webhook."""

from datetime import UTC, datetime, timedelta

from tocsin.domain.delivery_order import Earlier, Line, Turn, decide_turn

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
HERE = (31, 7)


def turn_after(due_at: datetime | None, *, hurried_at: datetime | None = None) -> Turn:
    return decide_turn(Earlier(1, due_at, hurried_at), now=NOW)


def test_without_an_unfinished_one_before_it_goes_at_once() -> None:
    """The usual case."""
    assert decide_turn(None, now=NOW) is Turn.AT_ONCE


def test_it_waits_for_the_attempt_under_way_and_for_the_one_that_is_due() -> None:
    """What began first arrives first."""
    assert turn_after(None) is Turn.AFTER_THE_ATTEMPT
    assert turn_after(NOW) is Turn.AFTER_THE_ATTEMPT
    assert turn_after(None, hurried_at=NOW) is Turn.AFTER_THE_ATTEMPT


def test_a_retry_that_waits_is_brought_forward_once() -> None:
    """A page never waits behind another's back-off; and back-off is not undone by every new page."""
    assert turn_after(LATER) is Turn.AFTER_A_HURRIED_ATTEMPT
    assert turn_after(LATER, hurried_at=NOW) is Turn.AT_ONCE


def test_whoever_joins_is_the_latest_of_that_incident_and_webhook() -> None:
    """Others have lines of their own."""
    line = Line({HERE: Earlier(1, LATER, None)})
    turn, before = line.join(2, HERE, now=NOW)
    assert (turn, before and before.id) == (Turn.AFTER_A_HURRIED_ATTEMPT, 1)
    turn, before = line.join(3, HERE, now=NOW)
    assert (turn, before and before.id) == (Turn.AFTER_THE_ATTEMPT, 2)
    assert line.join(4, (31, 8), now=NOW) == (Turn.AT_ONCE, None)
    assert line.join(5, (32, 7), now=NOW) == (Turn.AT_ONCE, None)


def test_a_follow_up_is_brought_forward_by_everything_newer() -> None:
    """It ends with that attempt, so there is no back-off to be undone."""
    earlier = Earlier(1, LATER, hurried_at=NOW, is_follow_up=True)
    assert decide_turn(earlier, now=NOW) is Turn.AFTER_A_HURRIED_ATTEMPT


def test_who_leaves_gives_the_place_back() -> None:
    """To the one before, or to nobody."""
    first = Earlier(1, LATER, None)
    line = Line({HERE: first})
    _, before = line.join(2, HERE, now=NOW)
    line.leave(HERE, before)
    assert line.join(3, HERE, now=NOW) == (Turn.AFTER_A_HURRIED_ATTEMPT, first)
    line.leave(HERE, None)
    assert line.join(4, HERE, now=NOW) == (Turn.AT_ONCE, None)
