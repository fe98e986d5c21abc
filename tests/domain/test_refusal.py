"""What is kept of requests that stored no alert."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.alert_json import NotJson
from tocsin.domain.masking import KnownSecrets
from tocsin.domain.refusal import BadKey, Refusal, refuse_alert, refuse_key, unread_text
from tocsin.secret import Secret

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
KEY = Secret("0b8f6a52-3c1d-4e7f-9a60-2d5c7e914b38")


def refused(
    key: Secret = KEY, routing_key: str = "db", *, revoked_key: str | None = None
) -> Refusal:
    return refuse_key(key, routing_key=routing_key, revoked_key=revoked_key, now=NOW, mask=str)


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [
        (refused(), BadKey.UNKNOWN, "it is misspelt, or of another server"),
        (refused(revoked_key="nagios"), BadKey.REVOKED, "The key 'nagios' was revoked"),
        (refused(Secret("")), BadKey.MALFORMED, "8 to 128 letters"),
        (refused(Secret("a b\0" * 9)), BadKey.MALFORMED, "8 to 128 letters"),
    ],
)
def test_a_key_that_lets_nobody_in_is_told_from_others_of_its_kind(
    refusal: Refusal, code: BadKey, said: str
) -> None:
    """To a person; whoever sent it is not told."""
    assert refusal.code == code
    assert said in refusal.reason
    assert refusal.is_anonymous


def test_nothing_of_a_key_is_kept_but_its_beginning() -> None:
    """And of what is none nothing at all; a routing key is cut to what a database takes."""
    assert refused().masked_key == "0b8f..."
    assert refused(Secret("hunter2")).masked_key == "..."
    long = refused(routing_key="x" * 5000 + "\0")
    assert len(long.routing_key) == 1024
    assert KEY.reveal() not in repr(refused(revoked_key="nagios"))


def test_other_secrets_of_this_server_are_not_kept_either() -> None:
    """Of key and routing key that were changed for one another, and of a body."""
    other = "an-auth-code-of-this-server-1"
    mask = KnownSecrets([other]).mask
    changed = refuse_key(Secret("db"), routing_key=other, revoked_key=None, now=NOW, mask=mask)
    assert changed.routing_key == "***"
    body = f"{{note: {other[:20]}".encode()
    error = NotJson("no")
    bad = refuse_alert(error, body=body, key=KEY, routing_key=other, now=NOW, mask=mask)
    assert (bad.routing_key, bad.excerpt) == ("***", "{note: ***")


def test_those_that_are_alike_are_one() -> None:
    """With the first and the latest instant, and how many there were."""
    later = refuse_key(
        KEY, routing_key="db", revoked_key=None, now=NOW + timedelta(hours=1), mask=str
    )
    assert refused().likeness == later.likeness
    both = refused().followed_by(later).followed_by(later)
    assert (both.first_at, both.last_at, both.count) == (NOW, later.last_at, 3)
    assert both.likeness == later.likeness


@pytest.mark.parametrize(
    "other",
    [
        refused(Secret("another-key-of-somebody")),
        refused(routing_key="web"),
        refused(revoked_key="nagios"),
        refuse_alert(NotJson("no"), body=b"", key=KEY, routing_key="db", now=NOW, mask=str),
    ],
)
def test_those_that_differ_are_not(other: Refusal) -> None:
    """In the key as it is shown, in the routing key, in what was wrong."""
    assert other.likeness != refused().likeness


def test_excerpts_tell_apart_what_came_with_a_good_key() -> None:
    """So that each entity that is mentioned is found; and it is no anonymous request."""
    one, other = (
        refuse_alert(NotJson("no"), body=body, key=KEY, routing_key="db", now=NOW, mask=str)
        for body in (b"disk", b"cpu")
    )
    assert one.likeness != other.likeness
    assert not one.is_anonymous


def test_too_many_are_one_whatever_they_were() -> None:
    """Nothing is left that a sender could choose."""
    many = {
        each.as_one_of_many().likeness
        for each in (refused(), refused(Secret("x"), "y"), refused(revoked_key="nagios"))
    }
    assert len(many) == 1
    assert refused().as_one_of_many().is_anonymous


def test_what_was_not_read_may_have_been_about_anything() -> None:
    """Told with the routing key, how often since when, and the reason."""
    one = unread_text(refused(revoked_key="nagios"))
    assert one == (
        "A request under routing key 'db' was refused unread, and may have been about it: "
        "The key 'nagios' was revoked; give its sender another one."
    )
    alike = refused(routing_key="").followed_by(refused(routing_key=""))
    assert unread_text(alike).startswith(
        "2 requests without a routing key were refused unread since 2026-05-04 03:02:01.000Z"
    )
