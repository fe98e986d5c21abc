"""What webhooks that were paged are told when their incident changes."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.desk import Desk

from tocsin.actions.incidents import acknowledge, hold, reopen, reroute, resolve
from tocsin.actions.show_timeline import Told
from tocsin.domain.outcome import Outcome
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin_receiver.fields import decode_form

ALICE = "token:alice"
ALL = ["acknowledged", "resolved", "reopened"]
Follow = list[tuple[str, str, str | None]]


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two webhooks, one called by two steps, that want to know everything."""
    configure(desk, follow_up=ALL)
    return desk


def configure(desk: Desk, **options: Any) -> None:
    desk.configure(
        {"main": [("0s", ["a"]), ("1m", ["a", "b"])], "other": [("0s", ["c"])]},
        keys={"db": ["main"]},
        options=options,
    )


def paged(desk: Desk) -> Lease:
    """Open an incident; return its page to a."""
    desk.opened()
    (lease,) = desk.fire().leases
    return lease


def delivered(desk: Desk) -> Lease:
    """Open an incident whose page to a has arrived."""
    lease = paged(desk)
    desk.record(lease, Outcome.DELIVERED)
    return lease


def follow_ups(desk: Desk) -> Follow:
    """What each follow-up tells, its state and why it ended, in the order of their making."""
    return [
        (row["follow_up"], row["state"], row["end_reason"])
        for row in desk.rows(schema.deliveries)
        if row["follow_up"]
    ]


def fields(lease: Lease) -> dict[str, str]:
    return {name: value.strip('"') for name, value in decode_form(lease.form).items()}


def tells(desk: Desk, outcome: Outcome = Outcome.DELIVERED) -> list[str]:
    """Send all that is due, to the end; return the message types in their order."""
    told = []
    while leases := desk.lease():
        for lease in leases:
            told.append(fields(lease)["message_type"])
            desk.record(lease, outcome)
    return told


def entries(desk: Desk, kind: Kind) -> list[Told]:
    return [each for each in desk.timeline(1) if each.kind is kind]


def test_an_acknowledgement_is_told_to_whoever_was_paged(ops: Desk) -> None:
    """With the fields of the page, and what has changed; in one transaction, under its own id."""
    page = paged(ops)
    ops.record(page, Outcome.DELIVERED)
    ops.wait(seconds=9)
    ops.change(acknowledge, 1, actor=ALICE, message="on it")
    assert ops.news.work_due_at is not None
    assert ops.news.follow_ups == ["acknowledged"]
    (cause,) = [row["id"] for row in ops.rows(schema.timeline) if row["kind"] == "acknowledged"]
    assert ops.news.feed == [("timeline", 1, cause), ("followed_up", 1, cause)]
    (told,) = ops.lease()
    assert told.delivery_id != page.delivery_id
    before, after = fields(page), fields(told)
    changed = {
        name: after.get(name) for name in before | after if before.get(name) != after.get(name)
    }
    assert changed == {
        "message_type": "ACKNOWLEDGEMENT",
        "entity_state": "ACKNOWLEDGEMENT",
        "alert_type": "ACKNOWLEDGEMENT",
        "notificationtype": "ACKNOWLEDGEMENT",
        "servicestate": "ACKNOWLEDGEMENT",
        "timestamp": str(int(ops.now.timestamp())),
        "ack_author": "alice",
        "ack_msg": "on it",
        "state_message": "Acknowledged by alice: on it",
        "summary": "ACKNOWLEDGEMENT  disk ACKNOWLEDGEMENT",
        "message": "ACKNOWLEDGEMENT  disk ACKNOWLEDGEMENT - Acknowledged by alice: on it",
    }


@pytest.mark.parametrize(
    ("action", "facts", "type_", "said"),
    [
        (resolve, {}, "RECOVERY", "Resolved by alice"),
        (resolve, {"message": "done"}, "RECOVERY", "Resolved by alice: done"),
        (hold, {"until": timedelta(hours=1)}, "ACKNOWLEDGEMENT", "Held by alice until 20"),
    ],
)
def test_each_change_has_its_type_and_words(
    ops: Desk, action: Any, facts: dict[str, Any], type_: str, said: str
) -> None:
    """A recovery, and a hold, which is an acknowledgement."""
    delivered(ops)
    ops.change(action, 1, actor=ALICE, **facts)
    (told,) = ops.lease()
    assert fields(told)["message_type"] == type_
    assert fields(told)["state_message"].startswith(said)
    assert ("ack_author" in fields(told)) is (type_ == "ACKNOWLEDGEMENT")


def test_what_is_triggered_again_is_told(ops: Desk) -> None:
    """By a person, by the end of a hold, by rerouting what was acknowledged; each once."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(reopen, 1, actor=ALICE)
    assert tells(ops) == ["ACKNOWLEDGEMENT", "CRITICAL"]
    ops.change(hold, 1, until=timedelta(minutes=1), actor=ALICE)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]
    ops.wait(minutes=1)
    ops.end_holds()
    (told,) = ops.lease()
    assert (fields(told)["message_type"], fields(told)["state_message"]) == (
        "CRITICAL",
        "The hold ended",
    )
    ops.record(told, Outcome.DELIVERED)
    ops.change(acknowledge, 1, actor=ALICE)
    ops.change(reroute, 1, policies=["ops/other"], actor=ALICE)
    assert tells(ops) == ["ACKNOWLEDGEMENT", "CRITICAL"]
    ops.change(reroute, 1, policies=["ops/main"], actor=ALICE)  # it is triggered already
    assert tells(ops) == []


def test_a_critical_after_warnings_is_told_with_its_own_fields(desk: Desk) -> None:
    """It came in the same batch, with what acknowledges it again."""
    configure(desk, follow_up=ALL)
    desk.configure({"main": [("0s", ["a"])]}, keys={"warn": ["main"]}, opening="CRITICAL WARNING")
    configure(desk, follow_up=ALL)
    desk.alert("WARNING", key="warn", disk_free="9")
    (page,) = desk.fire().leases
    desk.record(page, Outcome.DELIVERED)
    desk.alert("ACKNOWLEDGEMENT", key="warn")
    assert tells(desk) == ["ACKNOWLEDGEMENT"]
    desk.ingest(
        desk.make("CRITICAL", key="warn", disk_free="1"),
        desk.make("ACKNOWLEDGEMENT", key="warn", ack_author="bob", ack_msg="again"),
    )
    assert follow_ups(desk)[1:] == [
        ("reopened", "cancelled", "acknowledged"),
        ("acknowledged", "pending", None),
    ]
    (told,) = desk.lease()
    assert (fields(told)["disk_free"], fields(told)["ack_author"], fields(told)["ack_msg"]) == (
        "1",
        "bob",
        "again",
    )


def test_a_webhook_is_told_what_it_asks_for(desk: Desk) -> None:
    """Nothing, unless it says so."""
    configure(desk)
    delivered(desk)
    desk.change(acknowledge, 1, actor=ALICE)
    assert follow_ups(desk) == []
    configure(desk, follow_up=["resolved"])
    desk.change(reopen, 1, actor=ALICE)
    desk.change(resolve, 1, actor=ALICE)
    assert follow_ups(desk) == [("resolved", "pending", None)]


def statements(desk: Desk) -> list[str]:
    """What the acknowledgement of incident 1 does in the database."""
    seen: list[str] = []
    with desk.database.write() as tx:
        driver: Any = tx.core.connection.driver_connection
        driver.set_trace_callback(seen.append)
        acknowledge(tx, desk.context(tx), [1], actor=ALICE)
        driver.set_trace_callback(None)
    return seen


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_nobody_asks_nobody_looks(desk: Desk) -> None:
    """A change costs what it did: no statement looks for pages that have left."""
    configure(desk)
    delivered(desk)
    assert not [each for each in statements(desk) if "attempts.first_byte_at" in each]
    configure(desk, follow_up=["acknowledged"])
    desk.change(reopen, 1, actor=ALICE)
    assert [each for each in statements(desk) if "attempts.first_byte_at" in each]


def test_the_documented_profile_says_it_in_its_three_fields(desk: Desk) -> None:
    """By the first word of the summary."""
    configure(desk, follow_up=ALL, profile="documented")
    delivered(desk)
    desk.change(resolve, 1, actor=ALICE)
    (told,) = desk.lease()
    assert decode_form(told.form) == {
        "Incident": "1",
        "Summary": "RECOVERY  disk RECOVERY",
        "Message": "RECOVERY  disk RECOVERY - Resolved by alice",
    }


def test_a_second_step_of_a_webhook_tells_no_second_time(ops: Desk) -> None:
    """Each webhook is told once of each change."""
    delivered(ops)
    ops.wait(minutes=1)
    for lease in ops.fire().leases:
        ops.record(lease, Outcome.DELIVERED)
    ops.change(acknowledge, 1, actor=ALICE)
    assert ops.deliveries()[3:] == [("a", "pending", None), ("b", "pending", None)]
    ops.change(acknowledge, 1, actor=ALICE)  # it is so already
    assert len(follow_ups(ops)) == 2


def test_the_database_holds_each_follow_up_once(ops: Desk) -> None:
    """Whatever the code does: one for each webhook and change."""
    delivered(ops)
    ops.change(acknowledge, 1, actor=ALICE)
    row = ops.rows(schema.deliveries)[-1]
    with pytest.raises(sa.exc.IntegrityError), ops.database.write() as tx:
        tx.core.execute(schema.deliveries.insert(), row | {"id": row["id"] + 1})


def test_nobody_is_told_of_what_nobody_was_paged_for(ops: Desk) -> None:
    """A page that waited is cancelled, and has no follow-up; neither has a webhook of a step to come."""
    ops.opened()
    ops.fire(room=0)
    ops.change(acknowledge, 1, actor=ALICE)
    assert ops.deliveries() == [("a", "cancelled", "acknowledged")]


def test_a_page_that_failed_was_a_page(ops: Desk) -> None:
    """Its first byte had left; one that never got that far was none."""
    ops.record(paged(ops), Outcome.REJECTED)
    ops.change(acknowledge, 1, actor=ALICE)
    assert tells(ops) == ["ACKNOWLEDGEMENT"]
    ops.opened("cpu")
    (page,) = ops.fire().leases
    ops.record(page, Outcome.CONNECTION_REFUSED)
    ops.change(acknowledge, 2, actor=ALICE)
    assert len(follow_ups(ops)) == 1


def test_a_disabled_webhook_is_told_nothing_and_the_timeline_says_so(ops: Desk) -> None:
    """With the reason, as for a step."""
    delivered(ops)
    ops.configure(
        {"main": [("0s", ["a"])]},
        keys={"db": ["main"]},
        disabled=["a"],
        options={"follow_up": ALL},
    )
    ops.change(acknowledge, 1, actor=ALICE)
    assert follow_ups(ops) == []
    (skipped,) = entries(ops, Kind.TARGET_SKIPPED)
    assert skipped.text == (
        "a is not told that it was acknowledged: it is disabled, by an administrator."
    )


def test_the_timeline_names_whom_it_is_told_to(ops: Desk) -> None:
    """Behind the change, with the deliveries and their attempts."""
    delivered(ops)
    ops.wait(seconds=1)
    ops.change(acknowledge, 1, actor=ALICE)
    tells(ops)
    assert ops.kinds(1)[-3:] == [Kind.ACKNOWLEDGED, Kind.FOLLOWED_UP, Kind.ATTEMPTED]
    (entry,) = entries(ops, Kind.FOLLOWED_UP)
    assert entry.text == "a is told that it was acknowledged."
    (sent,) = entry.detail["deliveries"]
    assert (sent["state"], sent["delivery"]) == (
        "delivered",
        id_text(DELIVERY, ops.rows(schema.deliveries)[-1]["id"]),
    )
