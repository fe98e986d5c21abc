"""What senders of alerts and callers of the API can write, in bodies, paths, headers and queries."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from fuzz.feed import END, Feed
from fuzz.target import Target
from tocsin.actions.idempotency import InvalidIdempotencyKey, check_idempotency_key
from tocsin.api.field_types import Duration, GivenInstant, Text
from tocsin.api.heartbeat_calls import find_heartbeat, read_status
from tocsin.api.ingestion import find_place
from tocsin.domain.alert import read_alert, stored_entity_id
from tocsin.domain.alert_json import AlertRefused, NotJson
from tocsin.domain.alert_key import InvalidAlertKey, key_hash, masked, parse_alert_key
from tocsin.domain.entity_mention import is_about
from tocsin.domain.feed import InvalidPlace, parse_place
from tocsin.domain.follow_up import InvalidFollowUp, parse_follow_ups
from tocsin.domain.heartbeat import LONGEST_MESSAGE, Happening, parse_status, said
from tocsin.domain.intake import ALERT_PATH, HEARTBEAT_PATH
from tocsin.domain.masking import KnownSecrets
from tocsin.domain.one_time_link import (
    InvalidLinks,
    masked_links,
    parse_link_actions,
    read_token,
)
from tocsin.domain.principal import NotAuthenticated, token_hash
from tocsin.domain.refusal import LONGEST_EXCERPT, refuse_alert, refuse_key, unread_text
from tocsin.domain.routing import routing_key_of
from tocsin.ids import DELIVERY, MalformedId, id_text, parse_id
from tocsin.secret import Secret
from tocsin.service.client_address import client_address
from tocsin.service.cursors import InvalidCursor, read_position, write_cursor

NOW: Final = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
LONGEST_ENTITY_ID: Final = 512
TRUSTED: Final = tuple(ip_network(text) for text in ("10.0.0.0/8", "::1/128"))
_INSTANT: Final = TypeAdapter[datetime](GivenInstant)
_DURATION: Final = TypeAdapter[timedelta](Duration)
_TEXT: Final = TypeAdapter[str](Text)
JSON_WORDS: Final = (
    *(b'{"message_type":"CRITICAL"', b'"entity_id":', b'"', b"{", b"}", b"[", b"]", b":", b","),
    *(
        b"\\ud800",
        b"\\u0000",
        b"\\",
        b"null",
        b"true",
        b"1.50",
        b"-0",
        b"1e999",
        b"NaN",
        b"\xef\xbb\xbf",
    ),
    *(
        b"\xff\xfe",
        b"\x00",
        b"vo_annotate.u.",
        b"VO_UUID",
        b"incident",
        b".",
        "\u017f\u212a".encode(),
    ),
)


def feed_alert(data: bytes) -> None:
    """An alert is refused with a reason, or all of it can be stored."""
    feed = Feed(data)
    routing_key = feed.text()
    headers = [(feed.piece(), feed.piece()) for _ in range(feed.number(3))]
    with suppress(AlertRefused):
        alert = read_alert(
            feed.rest(),
            routing_key=routing_key,
            organisation="tocsin",
            now=NOW,
            alert_uuid="a",
            entity_uuid="e",
            headers=headers,
        )
        for text in (*alert.fields, *alert.fields.values(), alert.entity_id, alert.given_type):
            assert "\0" not in text
            text.encode()
        assert 1 <= len(alert.entity_id) <= LONGEST_ENTITY_ID
        lowered = [name.lower() for name in alert.fields]
        assert len(set(lowered)) == len(lowered)


def feed_entity_id(data: bytes) -> None:
    """What is looked up is what was stored, so doing it twice changes nothing."""
    stored = stored_entity_id(data.decode("utf-8", "surrogateescape"))
    assert stored_entity_id(stored) == stored
    assert len(stored) <= LONGEST_ENTITY_ID


def feed_alert_path(data: bytes) -> None:
    """The path of an alert: any key is looked up, any routing key is one or none."""
    for raw in (data, ALERT_PATH.encode() + data):
        place = find_place({"raw_path": raw})
        if place is not None:
            key, routing_key = place
            assert len(key_hash(key)) == 32
            assert masked(key).isprintable()
            routing_key_of(routing_key)


def feed_heartbeat_call(data: bytes) -> None:
    """The path and the query of a job's call: whatever it reports is good or bad, and can be stored."""
    feed = Feed(data)
    query = feed.piece()
    status = read_status(query)
    assert parse_status(status) in (Happening.CALLED, Happening.REPORTED_FAILURE)
    for raw in (feed.rest(), HEARTBEAT_PATH.encode() + feed.rest()):
        place = find_heartbeat(raw)
        if place is not None:
            key, slug, suffix = place
            assert len(key_hash(key)) == 32
            words = said(status, suffix)
            assert len(words) <= LONGEST_MESSAGE
            assert "\0" not in status
            status.encode()
            slug.encode()


def feed_refusal(data: bytes) -> None:
    """What is kept of a request that could not be read, and whether it was about an entity."""
    feed = Feed(data)
    entity_id, key = feed.text() or "disk", Secret(feed.text() or "key")
    body = feed.rest()
    mask = KnownSecrets([f"Auth-Code~1 {entity_id}"], {key_hash(key)}).mask
    for refusal in (
        refuse_alert(NotJson("no"), body=body, key=key, routing_key=entity_id, now=NOW, mask=mask),
        refuse_key(key, routing_key=entity_id, revoked_key=None, now=NOW, mask=mask),
    ):
        assert len(refusal.excerpt) <= LONGEST_EXCERPT
        for text in (refusal.excerpt, refusal.routing_key, refusal.reason, unread_text(refusal)):
            assert "\0" not in text
            text.encode()
        is_about(refusal.excerpt, stored_entity_id(entity_id))


def feed_client_address(data: bytes) -> None:
    """`X-Forwarded-For`, from a proxy that is trusted."""
    feed = Feed(data)
    headers = [(b"x-forwarded-for", feed.piece()) for _ in range(feed.number(3) + 1)]
    scope: dict[str, Any] = {"client": ("10.0.0.1", 80), "headers": headers}
    assert client_address(scope, TRUSTED)


def feed_cursor(data: bytes) -> None:
    feed = Feed(data)
    parts = feed.number(3) + 1
    with suppress(InvalidCursor):
        position = read_position(feed.text(), parts=parts)
        assert read_position(write_cursor(*position), parts=parts) == position


def feed_place(data: bytes) -> None:
    with suppress(InvalidPlace):
        place = parse_place(data.decode("utf-8", "surrogateescape"))
        assert parse_place(str(place)) == place


def feed_id(data: bytes) -> None:
    with suppress(MalformedId):
        number = parse_id(DELIVERY, data.decode("utf-8", "surrogateescape"))
        assert parse_id(DELIVERY, id_text(DELIVERY, number)) == number


def feed_idempotency_key(data: bytes) -> None:
    with suppress(InvalidIdempotencyKey):
        check_idempotency_key(data.decode("latin-1"))
    with suppress(InvalidIdempotencyKey):
        check_idempotency_key(data.decode("utf-8", "surrogateescape"))


def feed_token(data: bytes) -> None:
    with suppress(NotAuthenticated):
        assert len(token_hash(data.decode("latin-1"))) == 32


def feed_alert_key(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert len(masked(Secret(text))) <= 7
    with suppress(InvalidAlertKey):
        assert parse_alert_key(text).reveal() == text


def feed_instant(data: bytes) -> None:
    """Instants, lengths of time and texts of the API's bodies."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(ValidationError):
        assert _INSTANT.validate_python(text).tzinfo is UTC
    with suppress(ValidationError):
        assert _DURATION.validate_python(text) >= timedelta(0)
    with suppress(ValidationError):
        _TEXT.validate_python(text).encode()


def feed_link(data: bytes) -> None:
    """Nobody makes a token without a key; what is masked is shorter."""
    text = data.decode("latin-1")
    assert read_token(text, (b"k" * 32,)) is None
    assert len(masked_links(text)) <= len(text)
    with suppress(InvalidLinks):
        parse_link_actions(text.split())


def feed_follow_up(data: bytes) -> None:
    """What is read is read again, and the same."""
    with suppress(InvalidFollowUp):
        found = parse_follow_ups(data.decode("utf-8", "surrogateescape").split())
        assert parse_follow_ups(found) == found


TARGETS: Final = {
    "follow-up": Target(feed_follow_up, (b"acknowledged", b"resolved", b"reopened", b" ", b"\xff")),
    "link": Target(feed_link, (b"/l/", b"%2Fl%2F", b"A" * 44, b"acknowledge", b"resolve", b"-_=")),
    "alert": Target(feed_alert, (END, *JSON_WORDS), longest=16_384),
    "entity-id": Target(feed_entity_id, (b"\x00", b"\xed\xa0\x80", b" ", b"-", b"x" * 512)),
    "refusal": Target(
        feed_refusal, (END, b'entity_id="disk"', b"password=", b"api_key: ", b"'", *JSON_WORDS)
    ),
    "alert-path": Target(
        feed_alert_path, (ALERT_PATH.encode(), b"/", b"%2F", b"%", b"%ff", b"%00")
    ),
    "heartbeat-call": Target(
        feed_heartbeat_call,
        (HEARTBEAT_PATH.encode(), END, b"status=", b"0", b"fail", b"/", b"&", b"%00", b"%ff", b"+"),
    ),
    "client-address": Target(
        feed_client_address,
        (b",", b" ", b"10.0.0.1", b"::1", b"::ffff:", b"%eth0", b"[::1]:80", END),
    ),
    "cursor": Target(feed_cursor, (b"djE6MA", b"djE6MCwx", b"=", b"-_", b"\xd9\xa1")),
    "place": Target(feed_place, (b"1207-0", b"-", b"0", b"9" * 18, b"\xd9\xa1")),
    "id": Target(feed_id, (b"dlv_", b"0123456789abcdef", b"_", b" ", b"\xc5\xbf", b"8" * 16)),
    "idempotency-key": Target(feed_idempotency_key, (b"\x00", b"\xc2\x85", b" ", b"\xe2\x80\xa8")),
    "token": Target(feed_token, (b"tsn_", b"A" * 43, b"\n", b"\xe4")),
    "alert-key": Target(feed_alert_key, (b"00000000-0000", b"~", b"\n", b"%")),
    "instant": Target(
        feed_instant,
        (
            b"2026-11-02",
            b"T03:00:00",
            b"Z",
            b"+02:00",
            b"-24:00",
            b".",
            b"W45-1",
            b"0001-01-01",
            b"1h",
        ),
    ),
}
