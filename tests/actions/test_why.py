"""Why somebody was paged, or nobody."""

from datetime import timedelta

import pytest
from tests.actions.desk import Desk
from tests.actions.test_reads import refuse

from tocsin.actions.incidents import IncidentNotFound, acknowledge, hold, reopen, reroute, resolve
from tocsin.actions.pause import pause
from tocsin.actions.show_deliveries import DeliveryNotFound
from tocsin.actions.why import why
from tocsin.domain.answer import Answer, Topic
from tocsin.domain.outcome import Outcome
from tocsin.domain.why import Reason
from tocsin.ids import DELIVERY, MalformedId, id_text

ALICE = "token:alice"


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(
        {"main": [("0s", ["pager"]), ("5m", ["phone"])], "empty": []},
        keys={"db": ["main"], "void": ["empty"]},
    )
    return desk


def asked(desk: Desk, subject: str) -> Answer:
    return desk.ask(why, subject, now=desk.now)


def reasons(answer: Answer) -> list[str | None]:
    return [each.reason for each in answer.sentences if each.topic is Topic.NEXT]


def lines(answer: Answer, topic: Topic) -> list[str]:
    return [each.text for each in answer.sentences if each.topic is topic]


def test_the_whole_way_is_told(ops: Desk) -> None:
    """Received, routed, each step and each delivery's last outcome, and what is next."""
    ops.alert(entity_display_name="Disk of db-1")
    ops.wait(seconds=1)
    (lease,) = ops.fire().leases
    ops.record(lease, Outcome.REJECTED, status=401)
    ops.wait(seconds=1)
    answer = asked(ops, "disk")
    assert answer.title == "#1 Disk of db-1: triggered"
    assert (answer.incident, answer.delivery) == (1, None)
    (received,) = lines(answer, Topic.RECEIVED)
    assert received.startswith("CRITICAL from rest: it opened incident #1 (alr_")
    assert lines(answer, Topic.ROUTED) == ["Routing key 'db' led to ops/main."]
    (step,) = lines(answer, Topic.STEP)
    assert step == (
        "ops/main, step 1 of 2, fired 1 s late: it calls pager "
        "(planned for 2026-03-01 09:00:00.000Z)."
    )
    (delivery,) = lines(answer, Topic.DELIVERY)
    assert delivery.startswith("pager: pending; attempt 1 rejected (HTTP 401): The receiver does")
    assert reasons(answer) == [Reason.STEP_DUE, Reason.ATTEMPT_DUE]
    assert lines(answer, Topic.NEXT) == [
        "ops/main, step 2 of 2, fires at 2026-03-01 09:05:00.000Z and calls phone.",
        "Attempt 2 to pager is made at 2026-03-01 09:00:03.000Z.",
    ]
    assert answer.text.splitlines()[0] == answer.title
    assert len(answer.text.splitlines()) == 1 + len(answer.sentences)


@pytest.mark.parametrize("subject", ["1", "#1", " #1 ", "disk"])
def test_an_incident_is_found_by_number_and_by_entity(ops: Desk, subject: str) -> None:
    """The answer is the same."""
    ops.opened()
    assert asked(ops, subject).sentences == asked(ops, "#1").sentences


def test_a_bare_number_may_be_an_entity(ops: Desk) -> None:
    """Unless an incident has it."""
    ops.alert(entity_id="7")
    assert asked(ops, "7").incident == 1
    with pytest.raises(IncidentNotFound):
        asked(ops, "#7")


def test_nobody_is_paged_because(ops: Desk) -> None:
    """Acknowledged, held, resolved, last step fired, no routing, empty policy, paused: it says which."""
    ops.opened()
    ops.change(hold, 1, until=timedelta(hours=1), actor=ALICE)
    held = asked(ops, "disk")
    assert reasons(held) == [Reason.HELD]
    assert lines(held, Topic.NEXT) == [
        "alice holds it until 2026-03-01 10:00:00.000Z; then its policies start again."
    ]
    ops.change(acknowledge, 1, actor=ALICE)
    assert reasons(asked(ops, "disk")) == [Reason.ACKNOWLEDGED]
    ops.change(reroute, 1, policies=["ops/main"], actor=ALICE)
    ops.fire()
    ops.wait(minutes=5)
    assert reasons(asked(ops, "disk")) == [Reason.STEP_OVERDUE, Reason.ATTEMPT_UNDER_WAY]
    ops.fire(room=0)
    exhausted = reasons(asked(ops, "disk"))
    assert exhausted == [
        *(Reason.LAST_STEP_FIRED, Reason.ATTEMPT_UNDER_WAY),
        Reason.ATTEMPT_OVERDUE,
    ]
    ops.do(pause, actor=ALICE)
    assert reasons(asked(ops, "disk")) == [Reason.PAUSED, *exhausted]
    ops.change(resolve, 1, actor="token:bob")
    assert "bob resolved it" in asked(ops, "disk").text


def test_nothing_could_start_because(ops: Desk) -> None:
    """No routing, an empty policy, disabled webhooks, a policy deleted meanwhile."""
    ops.opened("1a", key="none")
    ops.opened("2a", key="void")
    ops.configure({}, disabled=["pager", "phone"])
    ops.opened("3a")
    assert [reasons(asked(ops, entity_id)) for entity_id in ("1a", "2a", "3a")] == [
        [Reason.NO_ROUTING],
        [Reason.POLICY_IS_EMPTY],
        [Reason.WEBHOOKS_DISABLED, *[Reason.WEBHOOK_DISABLED] * 2],
    ]
    assert lines(asked(ops, "1a"), Topic.ROUTED) == [
        "Routing key 'none' was not configured, so the default routing applied: to no policy."
    ]


def test_only_what_was_started_last_counts(ops: Desk) -> None:
    """What could not start, or did, before an incident was rerouted or reopened is history."""
    ops.opened(key="void")
    ops.change(reroute, 1, policies=["ops/main"], actor=ALICE)
    assert reasons(asked(ops, "disk")) == [Reason.STEP_OVERDUE]
    ops.change(acknowledge, 1, actor=ALICE)
    ops.configure({}, prune=True)
    ops.change(reopen, 1, actor=ALICE)
    assert reasons(asked(ops, "disk")) == [Reason.POLICY_DELETED]


def test_a_next_step_that_reaches_nobody_is_announced(ops: Desk) -> None:
    """Before it fires."""
    ops.opened()
    ops.fire()
    ops.configure({}, disabled=["phone"])
    answer = asked(ops, "disk")
    assert reasons(answer)[:3] == [
        *(Reason.STEP_DUE, Reason.CALLS_NOBODY),
        Reason.WEBHOOK_DISABLED,
    ]
    assert "phone is not called" in answer.text


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ("WARNING", "WARNING from rest: under routing key 'db' only CRITICAL opens an incident"),
        ("RECOVERY", "RECOVERY from rest: there was no open incident to resolve"),
        ("down", "INFO (its message_type is none that exists) from rest: under routing key"),
    ],
)
def test_an_alert_that_opened_nothing_says_why(ops: Desk, type_: str, said: str) -> None:
    """The type that was read, and what it would have taken."""
    receipt = ops.alert(type_)
    answer = asked(ops, "disk")
    assert answer.title == "disk: no incident"
    assert lines(answer, Topic.RECEIVED)[0].startswith(said)
    assert reasons(answer) == [receipt.effect.value]


def test_what_came_after_the_last_incident_is_told_too(ops: Desk) -> None:
    """A second recovery, for example. What came before it is not."""
    ops.alert("WARNING")
    ops.wait(seconds=1)
    ops.opened()
    ops.alert("RECOVERY")
    ops.wait(seconds=1)
    ops.alert("RECOVERY")
    received = lines(asked(ops, "disk"), Topic.RECEIVED)
    assert "there was no open incident to resolve" in received[0]
    assert "it opened incident #1" in received[1]
    assert len(received) == 2


def test_a_refused_request_about_the_entity_is_found(ops: Desk) -> None:
    """Though it could not be read; one about another entity, which only mentions it, is not."""
    refuse(ops, 1, '{"entity_id": "disk", ')
    for id_, excerpt in enumerate(('{"entity_id": "disk/db1",', '{"host": "disk"', "cpu"), start=2):
        refuse(ops, id_, excerpt)
    answer = asked(ops, "disk")
    assert lines(answer, Topic.REFUSED) == ["A request about it was refused: The body is not JSON"]
    assert reasons(answer) == [Reason.NEVER_RECEIVED]
    assert len(lines(asked(ops, "disk/db1"), Topic.REFUSED)) == 1
    assert lines(asked(ops, "db1"), Topic.REFUSED) == []


def test_it_is_found_however_much_else_mentions_it(ops: Desk) -> None:
    """The latest three, oldest first; escapes of its encoder do not hide it."""
    for id_ in range(1, 5):
        refuse(ops, id_, f'{{"message_type": "", "entity_id": "gr\\u00f6\\u00dfe\\/{id_ // 4}"}}')
    for id_ in range(5, 60):
        refuse(ops, id_, '{"entity_id": "größe/00"')
    assert len(lines(asked(ops, "größe/0"), Topic.REFUSED)) == 3
    assert len(lines(asked(ops, "größe/1"), Topic.REFUSED)) == 1


def test_an_incident_by_hand_and_a_changed_one_say_so(ops: Desk) -> None:
    """Roll-ups are counted; changes stand between the steps."""
    ops.opened()
    ops.alert("WARNING")
    ops.change(reroute, 1, policies=["ops/main"], actor=ALICE)
    answer = asked(ops, "#1")
    assert lines(answer, Topic.ROUTED) == [
        "Routing key 'db' led to ops/main. 1 alert rolled up and started no policy."
    ]
    assert lines(answer, Topic.CHANGED) == ["Rerouted by alice; it starts ops/main."]
    assert len(lines(answer, Topic.RECEIVED)) == 2


def test_an_answer_fits_on_one_screen(ops: Desk) -> None:
    """Of a long story the end is told, and where the rest is."""
    ops.opened()
    for _ in range(30):
        ops.change(acknowledge, 1, actor=ALICE)
        ops.change(reroute, 1, policies=["ops/main"], actor=ALICE)
    answer = asked(ops, "disk")
    assert "(48 earlier entries are on the timeline.)" in answer.text
    assert len(answer.text.splitlines()) < 24


def test_a_delivery_tells_its_attempts_and_what_follows(ops: Desk) -> None:
    """With what else is to come for the incident."""
    ops.opened()
    (lease,) = ops.fire().leases
    ops.wait(milliseconds=20)
    ops.record(lease, Outcome.CONNECTION_REFUSED)
    answer = asked(ops, id_text(DELIVERY, lease.delivery_id))
    assert (answer.incident, answer.delivery) == (1, lease.delivery_id)
    assert answer.title.endswith(" to pager: pending")
    assert lines(answer, Topic.STEP) == [
        "Made for incident #1 when ops/main, step 1 of 2, fired on time."
    ]
    (attempt,) = lines(answer, Topic.DELIVERY)
    assert attempt.startswith("Attempt 1 to pager took 20 ms: connection refused: Nothing listens")
    assert reasons(answer) == [Reason.ATTEMPT_DUE, Reason.STEP_DUE]
    ops.change(acknowledge, 1, actor=ALICE)
    answer = asked(ops, id_text(DELIVERY, lease.delivery_id))
    assert lines(answer, Topic.NEXT) == [
        "Nothing: the incident was acknowledged.",
        "Incident #1: Nothing: alice acknowledged it. Reopen it to page again.",
    ]


def test_of_very_many_attempts_the_last_are_told(ops: Desk) -> None:
    """And that there were others; it stays on one screen."""
    ops.opened()
    (lease,) = ops.fire().leases
    for _ in range(14):
        ops.record(lease, Outcome.CONNECTION_REFUSED)
        ops.wait(minutes=1)
        (lease,) = (each for each in ops.lease() if each.delivery_id == lease.delivery_id)
    answer = asked(ops, id_text(DELIVERY, lease.delivery_id))
    earlier, *attempts = lines(answer, Topic.DELIVERY)
    assert earlier == "(3 earlier attempts: the delivery itself shows all of them.)"
    assert [each.split()[1] for each in attempts] == [str(number) for number in range(4, 16)]


def test_an_unknown_delivery_is_refused(ops: Desk) -> None:
    """So is what only looks like one."""
    with pytest.raises(DeliveryNotFound):
        asked(ops, id_text(DELIVERY, 5))
    with pytest.raises(MalformedId):
        asked(ops, "dlv_nonsense")
