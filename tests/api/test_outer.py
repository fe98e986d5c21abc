"""What the outermost callable says about each request, and whose it was."""

import asyncio
import logging
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.api.harness import ALERT_KEY, Harness

from tocsin.api.access_log import shown_path
from tocsin.domain.principal import Scope
from tocsin.domain.refusal import LONGEST_EXCERPT, excerpt
from tocsin.secret import Secret
from tocsin.service.body import BodyTooLarge, SenderGone, read_body
from tocsin.service.client_address import client_address
from tocsin.service.cursors import InvalidCursor, read_position, write_cursor
from tocsin.store.database import Database

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def scope_of(client: str | None, *forwarded: str) -> dict[str, Any]:
    return {
        "client": client and (client, 4711),
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.0.2.9", [], "192.0.2.9"),
        ("192.0.2.9", ["198.51.100.1"], "192.0.2.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.6, not-an-address"], "10.0.0.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        (None, ["198.51.100.1"], "-"),
    ],
)
def test_a_client_is_known_behind_proxies_that_are_trusted(
    client: str | None, forwarded: list[str], address: str
) -> None:
    """X-Forwarded-For is believed from the right, as far as trusted proxies wrote it."""
    assert client_address(scope_of(client, *forwarded), PROXIES) == address


def test_without_trusted_proxies_nothing_is_believed() -> None:
    """Anybody may write the header."""
    assert client_address(scope_of("10.0.0.1", "198.51.100.1"), ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/incidents", "/api/v1/incidents"),
        (
            f"/integrations/generic/20131114/alert/{ALERT_KEY}/db",
            "/integrations/generic/20131114/alert/f81d.../db",
        ),
        (
            f"/integrations/generic/20131114/alert/{ALERT_KEY}",
            "/integrations/generic/20131114/alert/f81d...",
        ),
        ("/integrations/generic/20131114/alert/short", "/integrations/generic/20131114/alert/..."),
        (
            "/integrations/generic/20131114/alert//brought-from-elsewhere/db",
            "/integrations/generic/20131114/alert/...",
        ),
        (
            f"/integrations/generic/20131114/alert/example-org/{ALERT_KEY}/db",
            "/integrations/generic/20131114/alert/ex.../f81d.../db",
        ),
        (f"/integrations/other/{ALERT_KEY}", "/integrations/..."),
        (f"/{ALERT_KEY.upper()}/x", "/F81D.../x"),
        ("/tsn_5fQxabcdefghijklmnopqrstuvwxyz", "/tsn_5fQx..."),
        ("/l/" + "x" * 44, "/l/..."),
        ("/L/" + "x" * 44, "/l/..."),
        ("/a\nb\u2028c\x1b[31m", "/a?b?c?[31m"),
        ("/" + "x" * 300, "/" + "x" * 199),
    ],
)
def test_a_logged_path_is_one_line_without_secrets(path: str, shown: str) -> None:
    """Keys and tokens are cut to their beginnings, and nothing can forge a line."""
    assert shown_path(path) == shown


def test_a_request_is_one_line_of_log(sqlite: Database, caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, but at DEBUG what machines ask every few seconds and what alerts went well."""
    caplog.set_level(logging.DEBUG, logger="tocsin.access")
    with Harness(sqlite).serving() as harness:
        harness.ask("GET", "incidents")
        harness.http.get("/healthz")
        harness.post_alert({"message_type": "INFO"})
        harness.post_alert({"message_type": "INFO"}, key="nobody-has-this-key")
        harness.ask("GET", "nothing")
    lines: list[Any] = [each for each in caplog.records if each.message == "request.answered"]
    assert [(each.levelname, each.method, each.status) for each in lines] == [
        ("INFO", "GET", 200),
        ("DEBUG", "GET", 200),
        ("DEBUG", "POST", 200),
        ("INFO", "POST", 404),
        ("INFO", "GET", 404),
    ]
    assert lines[0].client == "127.0.0.1"
    assert lines[0].milliseconds >= 0


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3))
def test_a_cursor_comes_back_as_it_went(position: list[int]) -> None:
    """It is opaque, safe in a URL and short enough for the limit on it."""
    text = write_cursor(*position)
    assert read_position(text, parts=len(position)) == tuple(position)
    assert len(text) <= 128
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_a_cursor(text: str) -> None:
    """With its own error and no other."""
    try:
        position = read_position(text, parts=1)
    except InvalidCursor:
        return
    assert all(0 <= number < 2**63 for number in position)


def test_a_position_that_no_item_can_have_is_refused() -> None:
    """It would not fit the database's integers."""
    assert read_position(write_cursor(2**63 - 1), parts=1) == (2**63 - 1,)
    with pytest.raises(InvalidCursor):
        read_position(write_cursor(2**63), parts=1)


def test_a_body_is_read_no_further_than_it_may_be_long() -> None:
    """Whoever sends without end is stopped."""
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(receive, at_most=1000))
    assert read == 11


def test_a_body_whose_sender_went_is_nobodys() -> None:
    """There is nobody to answer."""
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    with pytest.raises(SenderGone):
        asyncio.run(read_body(receive, at_most=1000))


@given(before=st.binary(max_size=700), after=st.binary(max_size=700))
@example(before=b"x" * (LONGEST_EXCERPT - 10), after=b"")
def test_no_excerpt_has_any_part_of_the_key(before: bytes, after: bytes) -> None:
    """Wherever it stands, also where the excerpt is cut."""
    text = excerpt(before + ALERT_KEY.encode() + after, Secret(ALERT_KEY), str)
    assert len(text) <= LONGEST_EXCERPT
    assert ALERT_KEY[:8] not in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/incidents", 200),
        ("GET", "/api/v1/incidents/4711", 404),
        ("GET", "/api/v1/openapi.json", 200),
        ("DELETE", "/api/v1/incidents", 405),
        ("GET", "/api/v2", 404),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("POST", f"/integrations/generic/20131114/alert/{ALERT_KEY}/db", 200),
        ("POST", "/integrations/generic/20131114/alert/nobody-has-this-key/db", 404),
        ("GET", f"/integrations/heartbeat/{ALERT_KEY}/backup", 404),
        ("GET", "/integrations/nothing", 404),
        ("GET", "/l/nothing", 404),
        ("GET", "/sign-in", 200),
        ("GET", "/nothing", 404),
    ],
)
def test_no_proxy_keeps_an_answer_and_no_browser_guesses_what_it_is(
    method: str, path: str, status: int, harness: Harness
) -> None:
    """Whoever answers: said once each. A call of a heartbeat that a cache had answered would not have come."""
    headers = {"authorization": f"Bearer {harness.tokens[Scope.READ]}"}
    alert = {"message_type": "INFO"} if method == "POST" else None
    answer = harness.http.request(method, path, headers=headers, json=alert)
    assert answer.status_code == status
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("cache-control") == ["no-store"]


def test_nor_a_refusal_that_comes_before_who_asks(harness: Harness) -> None:
    """Without a token, or with more than is read."""
    for answer in (
        harness.http.get("/api/v1/incidents"),
        harness.http.post("/api/v1/incidents/act", content=b" " * (2**20 + 1)),
    ):
        assert answer.status_code in (401, 413)
        assert answer.headers.get_list("cache-control") == ["no-store"]
