"""What people and their browsers send: passwords, names, cookies, links, and where they want to go on."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from fuzz.target import Target
from tocsin.actions.users import InvalidTimeZone, check_time_zone
from tocsin.domain.annotations import read_annotations
from tocsin.domain.change_lines import field_changes
from tocsin.domain.invitation import InvitationOver, invitation_hash
from tocsin.domain.note import LONGEST_NOTE, InvalidNote, check_note
from tocsin.domain.session import Client, csrf_token, is_csrf_token, session_hash
from tocsin.domain.sign_in_limit import place_of
from tocsin.domain.single_sign_on import (
    InvalidIssuer,
    Journey,
    is_trustworthy,
    parse_issuer,
    parse_newcomers,
)
from tocsin.domain.user import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    InvalidPassword,
    InvalidUserTeams,
    UnknownUserRole,
    UserRole,
    check_password,
    check_teams,
    parse_user_role,
    password_bytes,
)
from tocsin.secret import Secret

NOW: Final = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
JOURNEY: Final = Journey.begin(lambda size: b"j" * size, wanted="/", now=NOW)


def feed_user(data: bytes) -> None:
    """What is taken is what the rules say; the rest is refused in a sentence."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(InvalidPassword):
        check_password(text, name="ada")
        assert SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD
        assert password_bytes(text)
    with suppress(UnknownUserRole):
        assert parse_user_role(text).value == text
    with suppress(UnknownUserRole):
        assert parse_newcomers(text) is None or text in set(UserRole)
    with suppress(InvalidUserTeams):
        assert set(check_teams(UserRole.TEAM_ADMINISTRATOR, text.split())) == set(text.split())
    with suppress(InvalidTimeZone):
        assert check_time_zone(text) == text


def feed_session(data: bytes) -> None:
    """Nobody guesses a token by nonsense, and none of it breaks anything."""
    text = data.decode("utf-8", "surrogateescape")
    token = Secret(text)
    hashed = session_hash(token)
    assert hashed is None or text.startswith("tss_")
    assert is_csrf_token(token, csrf_token(token))
    assert not is_csrf_token(Secret("tss_"), text)
    assert not JOURNEY.is_answered_by(text, now=NOW)
    with suppress(InvitationOver):
        assert len(invitation_hash(token)) == 32
        assert text.startswith("tsi_")
    assert Client("", text).words
    assert len(place_of(text)) <= 64


def feed_issuer(data: bytes) -> None:
    """What is taken is as it was given, and nobody on the way can answer for it."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(InvalidIssuer):
        assert parse_issuer(text) == text
        assert is_trustworthy(text)
        assert text.lower().startswith(
            ("https://", "http://localhost", "http://127.", "http://[::1]")
        )


def feed_note(data: bytes) -> None:
    """What is taken of a note is kept so: taken again, it is the same; and its length is bounded."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(InvalidNote):
        noted = check_note(text)
        assert check_note(noted) == noted
        assert 0 < len(noted) <= LONGEST_NOTE
        assert "\x00" not in noted


def feed_annotations(data: bytes) -> None:
    """An address that a page leads to is a whole one of the web, and shown as it was sent."""
    name, _, text = data.decode("utf-8", "replace").partition("|")
    for each in read_annotations({f"vo_annotate.{name}": text}):
        assert each.text == text.strip()
        assert each.title
        if each.is_web:
            assert each.text.lower().startswith(("http://", "https://"))


def feed_change(data: bytes) -> None:
    """Whatever a value holds, what became of it is told in lines that are not too long."""
    old, _, new = data.decode("utf-8", "replace").partition("|")
    changes = field_changes({"a": old, "b": [old], "c": 1}, {"a": new, "b": [new], "d": None})
    assert {"c", "d"} <= {change.name for change in changes}
    assert ("a" in {change.name for change in changes}) == (old != new)
    lines = [line for change in changes for line in change.lines]
    assert all(len(line.text) <= 303 and line.sign in "-+ " for line in lines)


TARGETS: Final = {
    "user": Target(
        feed_user, (b"correct horse battery", b"administrator", b"none", b"Europe/Oslo", b"ops db")
    ),
    "session": Target(
        feed_session,
        (b"tss_" + b"A" * 43, b"tsi_" + b"A" * 43, b"Firefox/140.0 Linux", b"2001:db8::1"),
    ),
    "issuer": Target(feed_issuer, (b"https://login.example/realms/acme", b"http://localhost:8080")),
    "note": Target(feed_note, (b"rolled back\r\n", b"\x00", b"\xe2\x80\xa8", b" ")),
    "annotations": Target(
        feed_annotations, (b"u.Runbook|https://wiki.example/db", b"i.x|javascript:1", b"s.|note")
    ),
    "change": Target(feed_change, (b"a\nb\nc|a\nx\nc", b"|", b"one|two")),
}
