"""What failed alone waits longer each time, is never dropped, and is told; the rest goes on."""

from datetime import timedelta
from functools import partial

import pytest
from tests.actions.desk import SLOTS, Desk

from tocsin.actions.incidents import acknowledge, hold
from tocsin.actions.poison import (
    Failure,
    Waiting,
    postpone_first_delivery,
    postpone_first_hold,
    postpone_first_step,
    tell_of_outcome,
)
from tocsin.actions.send_test import send_test
from tocsin.actions.webhooks import get_webhook
from tocsin.actions.why import why
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import NO_INCIDENT, Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema
from tocsin.store.deliveries import Lease

KEYS = {"db": ["main"]}
ALICE = "token:alice"
NO = Failure("ValueError: no")
WAITS = (1, 5, 15, 60, 60)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls a, at once; and a default routing that calls b, for what is poisoned."""
    desk.configure(
        {"main": [("0s", ["a"])], "admin": [("1d", ["b"])]}, keys=KEYS, default=["admin"]
    )
    return desk


def steps(desk: Desk) -> Waiting | None:
    return desk.do(postpone_first_step, NO)


def holds(desk: Desk) -> Waiting | None:
    return desk.do(postpone_first_hold, NO)


def deliveries(desk: Desk) -> Waiting | None:
    return desk.do(partial(postpone_first_delivery, slots=SLOTS), NO)


def held(desk: Desk, entity_id: str = "disk") -> int:
    """Return an incident whose hold is over."""
    number = desk.opened(entity_id)
    desk.change(hold, number, until=timedelta(minutes=1), actor=ALICE)
    desk.wait(minutes=1)
    return number


def to_retry(desk: Desk, *entity_ids: str) -> list[Lease]:
    """Return deliveries whose second attempt is due, in order."""
    leases = []
    for entity_id in entity_ids:
        desk.opened(entity_id)
        leases += desk.fire().leases
        desk.wait(seconds=1)
    for leased in leases:
        desk.record(leased, Outcome.TIMED_OUT)
        desk.wait(milliseconds=1)
    desk.wait(seconds=3)
    return leases


def reports(desk: Desk) -> list[str]:
    """Return the entities of the incidents that tell of poison."""
    entities = [row["entity_id"] for row in desk.rows(schema.incidents)]
    return [each for each in entities if each.startswith("tocsin/poison/")]


def poisonings(desk: Desk, number: int = 1) -> list[str]:
    return [each.text for each in desk.timeline(number) if each.kind is Kind.POISONED]


def test_a_step_waits_longer_each_time(ops: Desk) -> None:
    """After 1, 5, 15, 60, 60 ... minutes, on the timeline with the error; in the end it fires."""
    ops.opened()
    for minutes in WAITS:
        waiting = steps(ops)
        assert waiting is not None
        assert waiting.until == ops.now + timedelta(minutes=minutes)
        assert ops.rows(schema.escalations)[0]["due_at"] == waiting.until
        assert ops.fire().claimed == 0
        ops.now = waiting.until
    assert len(poisonings(ops)) == 5
    assert "could not be fired (ValueError: no); it is tried again at" in poisonings(ops)[0]
    assert len(ops.fire().leases) == 1
    assert steps(ops) is None


def test_a_hold_waits_longer_each_time(ops: Desk) -> None:
    """Until then the incident stays held; in the end it is triggered again."""
    number = held(ops)
    for minutes in WAITS:
        waiting = holds(ops)
        assert waiting is not None
        assert waiting.until == ops.now + timedelta(minutes=minutes)
        assert ops.incident(number).held_until == waiting.until
        assert ops.end_holds() == 0
        ops.now = waiting.until
    assert len(poisonings(ops)) == 5
    assert poisonings(ops)[0].startswith("The hold is over and could not be ended (ValueError: no)")
    assert ops.end_holds() == 1
    assert holds(ops) is None


def test_another_hold_begins_to_count_anew(ops: Desk) -> None:
    """What failed before has been done since."""
    number = held(ops)
    for _ in range(2):
        waiting = holds(ops)
        assert waiting is not None
        ops.now = waiting.until
    ops.end_holds()
    ops.change(hold, number, until=timedelta(minutes=1), actor=ALICE)
    ops.wait(minutes=1)
    waiting = holds(ops)
    assert waiting is not None
    assert waiting.until == ops.now + timedelta(minutes=1)


def test_a_delivery_waits_longer_each_time(ops: Desk) -> None:
    """It stays pending; in the end its next attempt is made."""
    (leased,) = to_retry(ops, "disk")
    for minutes in WAITS:
        waiting = deliveries(ops)
        assert waiting is not None
        assert waiting.until == ops.now + timedelta(minutes=minutes)
        assert ops.lease() == []
        ops.now = waiting.until
    assert len(poisonings(ops)) == 5
    id_ = id_text(DELIVERY, leased.delivery_id)
    assert poisonings(ops)[0].startswith(f"{id_} to a could not be sent (ValueError: no)")
    (again,) = ops.lease()
    assert again.key == (leased.delivery_id, 2)
    assert deliveries(ops) is None


def test_only_the_first_waits(ops: Desk) -> None:
    """The others of its kind go on; it is the one that alone would be next."""
    first, second = to_retry(ops, "1", "2")
    deliveries(ops)
    assert [each.delivery_id for each in ops.lease(limit=1)] == [second.delivery_id]
    assert first.delivery_id not in {each.delivery_id for each in ops.lease()}
    one, other = held(ops, "3"), held(ops, "4")
    holds(ops)
    assert ops.end_holds() == 1
    assert ops.incident(one).held_until is not None
    assert ops.incident(other).held_until is None


def test_each_is_an_incident_of_its_own_once(ops: Desk) -> None:
    """On the default routing, however often it fails; and it says what to ask about."""
    to_retry(ops, "1")
    held(ops, "2")
    ops.opened("3")
    waiting = [deliveries(ops), holds(ops), steps(ops)]
    assert [each.has_paged for each in waiting if each] == [True, True, True]
    found = reports(ops)
    delivery = waiting[0].subject if waiting[0] else ""
    assert found == [f"tocsin/poison/{delivery}", "tocsin/poison/hold-2", "tocsin/poison/3-1"]
    assert ops.kinds(4) == [Kind.OPENED]
    alert = ops.rows(schema.alerts)[-1]
    assert "Tocsin cannot fire a step of incident 3" in alert["fields"]
    assert "tocsin why '#3'" in alert["fields"]
    ops.wait(hours=2)
    again = [deliveries(ops), holds(ops), steps(ops)]
    assert [each.has_paged for each in again if each] == [False, False, False]
    assert reports(ops) == found


def test_poison_of_such_an_incident_makes_no_other(ops: Desk) -> None:
    """Or there would be no end to it."""
    ops.opened()
    steps(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.wait(days=1)
    waiting = steps(ops)
    assert waiting is not None
    assert (waiting.subject, waiting.has_paged) == ("#2", False)
    assert len(reports(ops)) == 1


def test_nobody_is_paged_more_than_is_asked_for(ops: Desk) -> None:
    """It is on the timeline all the same."""
    ops.opened()
    waiting = ops.do(postpone_first_step, Failure("no", may_page=False))
    assert waiting is not None
    assert not waiting.has_paged
    assert len(poisonings(ops)) == 1
    assert reports(ops) == []


def test_without_a_default_routing_nobody_is_paged(desk: Desk) -> None:
    """The metric, readiness and the timeline tell of it."""
    desk.configure({"main": [("0s", ["a"])]}, keys=KEYS)
    desk.opened()
    waiting = steps(desk)
    assert waiting is not None
    assert not waiting.has_paged
    assert len(poisonings(desk)) == 1
    assert reports(desk) == []


def test_an_outcome_is_told_of_and_changes_nothing(ops: Desk) -> None:
    """Its attempt stays under way; the delivery's own answer says why."""
    ops.opened()
    (leased,) = ops.fire().leases
    until = ops.now + timedelta(minutes=1)
    waiting = ops.do(tell_of_outcome, NO, leased, until=until)
    id_ = id_text(DELIVERY, leased.delivery_id)
    assert waiting == Waiting(id_, until, has_paged=True)
    assert ops.deliveries() == [("a", "sending", None)]
    (text,) = poisonings(ops)
    assert text.startswith("What became of attempt 1 to a could not be recorded (ValueError: no)")
    assert text in ops.ask(why, id_, now=ops.now).text
    assert reports(ops) == [f"tocsin/poison/{id_}"]


def test_a_test_of_a_webhook_can_be_poison_too(ops: Desk) -> None:
    """It is about no incident, and counted where such things are."""
    webhook = ops.read(get_webhook, "a", ops.alice.vault)
    ops.do(send_test, webhook, actor="alice", organisation="example")
    subject = ""
    for minutes in (1, 5):
        waiting = deliveries(ops)
        assert waiting is not None
        assert waiting.until == ops.now + timedelta(minutes=minutes)
        ops.now, subject = waiting.until, waiting.subject
    rows = [row for row in ops.rows(schema.timeline) if row["kind"] == Kind.POISONED]
    assert [row["incident"] for row in rows] == [NO_INCIDENT] * 2
    assert "could not be sent" in ops.ask(why, subject, now=ops.now).text
    assert reports(ops) == [f"tocsin/poison/{subject}"]
