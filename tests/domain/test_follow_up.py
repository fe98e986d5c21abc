"""What follow-ups are called, what they say, and when there is something to follow."""

from datetime import UTC, datetime

import pytest

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import EndReason
from tocsin.domain.follow_up import (
    Chance,
    FollowUp,
    InvalidFollowUp,
    Occurrence,
    SentPage,
    decide_chance,
    follow_up_fields,
    parse_follow_ups,
)
from tocsin.domain.timeline import Kind

AT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ALERT = {
    "entity_id": "disk",
    "message_type": "WARNING",
    "entity_state": "DOWN",
    "alert_type": "WARNING",
    "timestamp": "1",
    "state_message": "full",
    "ack_author": "",
    "note": "kept",
}


def after(kind: Kind, actor: str = "token:alice", **facts: object) -> dict[str, str]:
    occurrence = Occurrence(31, 7, kind, 3, AT, actor, **facts)  # type: ignore[arg-type]
    fields = follow_up_fields(ALERT, occurrence)
    return {name: value for name, value in fields.items() if ALERT.get(name) != value}


def test_an_acknowledgement_says_who_and_what() -> None:
    """The fields that a receiver of VictorOps' knows."""
    assert after(Kind.ACKNOWLEDGED, message="on it") == {
        "message_type": "ACKNOWLEDGEMENT",
        "entity_state": "ACKNOWLEDGEMENT",
        "alert_type": "ACKNOWLEDGEMENT",
        "timestamp": str(int(AT.timestamp())),
        "state_message": "Acknowledged by alice: on it",
        "ack_author": "alice",
        "ack_msg": "on it",
    }


@pytest.mark.parametrize(
    ("kind", "type_", "said"),
    [
        (Kind.RESOLVED, "RECOVERY", "Resolved by alice"),
        (Kind.REOPENED, "CRITICAL", "Reopened by alice"),
        (Kind.REROUTED, "CRITICAL", "Rerouted by alice"),
        (Kind.HOLD_ENDED, "CRITICAL", "The hold ended"),
    ],
)
def test_the_others_say_what_happened(kind: Kind, type_: str, said: str) -> None:
    """And whose field `ack_author` is they leave alone."""
    assert after(kind) == {
        "message_type": type_,
        "entity_state": type_,
        "alert_type": type_,
        "timestamp": str(int(AT.timestamp())),
        "state_message": said,
    }


def test_a_hold_says_until_when() -> None:
    """Its message_type cannot."""
    fields = after(Kind.HELD, "webhook:pager", held_until=AT, message="later")
    said = "Held by webhook pager until 2026-11-25 03:00:00.000Z: later"
    assert (fields["message_type"], fields["state_message"]) == ("ACKNOWLEDGEMENT", said)


def test_fields_that_the_alert_does_not_have_are_not_made() -> None:
    """A manual incident has no timestamp, and no fields of Nagios'."""
    occurrence = Occurrence(31, 7, Kind.RESOLVED, 3, AT, "token:alice")
    assert follow_up_fields({"message_type": "CRITICAL"}, occurrence).keys() == {
        "message_type",
        "state_message",
    }


def test_long_messages_are_cut_as_an_alert_s_are() -> None:
    """Receivers rely on the limits of fields."""
    fields = after(Kind.ACKNOWLEDGED, "x" * 2000, message="y" * 30_000)
    assert [len(fields[name]) for name in ("ack_author", "ack_msg", "state_message")] == [
        *(1024, 1024, 20480),
    ]


def test_names_are_read_once_each_in_one_order() -> None:
    """However they are listed; one that there is not is named, with those that there are."""
    assert parse_follow_ups(["reopened", "acknowledged", "reopened"]) == (
        FollowUp.ACKNOWLEDGED,
        FollowUp.REOPENED,
    )
    assert parse_follow_ups([]) == ()
    with pytest.raises(InvalidFollowUp) as refused:
        parse_follow_ups(["acked", "resolved"])
    assert refused.value.message == (
        "there is no follow-up 'acked': choose among acknowledged, resolved, reopened"
    )


def test_the_names_never_change() -> None:
    """They are stored and shown."""
    assert [each.value for each in FollowUp] == ["acknowledged", "resolved", "reopened"]


def test_only_what_calls_people_is_undone() -> None:
    """By whoever takes care; rerouting keeps the incident triggered."""
    undone = {
        (each, reason) for each in FollowUp for reason in EndReason if each.is_undone_by(reason)
    }
    assert undone == {
        (FollowUp.REOPENED, reason)
        for reason in EndReason
        if reason in (EndReason.ACKNOWLEDGED, EndReason.HELD, EndReason.RESOLVED)
    }


SENDING, PENDING, FAILED = DeliveryState.SENDING, DeliveryState.PENDING, DeliveryState.FAILED


@pytest.mark.parametrize(
    ("pages", "chance"),
    [
        ([], (Chance.NONE, None)),
        ([SentPage(1, PENDING, has_left=False)], (Chance.NONE, None)),
        (
            [SentPage(1, FAILED, has_left=False), SentPage(2, FAILED, has_left=True)],
            (Chance.LEFT, None),
        ),
        ([SentPage(1, SENDING, has_left=False)], (Chance.UNDER_WAY, 1)),
        (
            [
                SentPage(1, SENDING, has_left=True),
                SentPage(2, SENDING, has_left=False),
                SentPage(3, FAILED, has_left=True),
            ],
            (Chance.UNDER_WAY, 2),
        ),
    ],
)
def test_there_is_something_to_follow_where_a_page_has_left(
    pages: list[SentPage], chance: tuple[Chance, int | None]
) -> None:
    """Or may have; the latest that is under way has to end first."""
    assert decide_chance(pages) == chance
