"""What is kept of an answer tells what went wrong, and no secret."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.domain.auth_code import PendingAuthCode, standard_secret
from tocsin.domain.one_time_link import LinkAction, Links
from tocsin.domain.outcome import Outcome
from tocsin.domain.payload import PayloadProfile, make_body
from tocsin.domain.webhook import Webhook
from tocsin.engine.on_record import KEPT_BODY, detail_of
from tocsin.engine.request import make_exchange
from tocsin.secret import Secret
from tocsin.store.deliveries import Lease
from tocsin.stored_json import from_json, to_json
from tocsin.transport.exchange import Answer, Exchange
from tocsin.transport.reading import KEPT_VALUE, describe_start, keep_headers

NOW = datetime(2026, 11, 2, 3, 0, 7, tzinfo=UTC)
CODE = "Hh2~jK9-pQ4rS5tU6vW7xY8zA1bC2dE3fG4h"
WEBHOOK = Webhook(
    id=1,
    slug="pager",
    name="Pager",
    url="http://hooks.example:8080/restart/with-a-secret-in-it?team=ops",
    auth_code=Secret(CODE),
)
USUAL = (
    (b"Date", b"Mon, 23 Nov 2026 21:05:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"X-Request-Id", b"7d1"),
)


def request(webhook: Webhook = WEBHOOK) -> Exchange:
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"})
    lease = Lease(
        id=1,
        delivery_id=1234567,
        webhook_id=1,
        incident=31,
        attempt=1,
        started_at=0,
        first_attempt_at=0,
        planned_at=0,
        body_id=1,
        form=body.form,
        signed_text=body.signed_text,
    )
    return make_exchange(lease, webhook, now=NOW, is_cancelled=lambda: False)


def headers_of(exchange: Exchange) -> dict[str, str]:
    lines = exchange.head.decode().split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in lines)


def answer(
    status: int = 500,
    *,
    headers: tuple[tuple[bytes, bytes], ...] = USUAL,
    body: bytes = b"ok",
    detail: str = "",
    is_reused: bool = False,
) -> Answer:
    return Answer(
        outcome=Outcome.of_status(status),
        status=status,
        detail=detail,
        address="203.0.113.7",
        is_reused=is_reused,
        sent_after_us=600,
        resolve_us=100,
        connect_us=200,
        tls_us=300,
        first_byte_us=400,
        total_us=1100,
        headers=headers,
        body=body,
    )


def kept(given: Answer, exchange: Exchange | None = None, **more: Any) -> Any:
    """What is read back from the store."""
    return from_json(to_json(detail_of(given, exchange or request(), WEBHOOK, **more)))


def test_every_attempt_keeps_phases_address_headers_and_the_answer() -> None:
    """A failed one its reason, too."""
    detail = kept(answer(200, is_reused=True))
    assert detail == {
        "address": "203.0.113.7",
        "us": [100, 200, 300, 400, 1100],
        "headers": [[name.decode(), value.decode()] for name, value in USUAL],
        "body": "ok",
        "reused": True,
    }
    assert kept(answer(404, detail="a fact"))["reason"].endswith("(a fact)")
    assert kept(answer(404), reason="another")["reason"] == "another"


def test_a_success_with_something_odd_about_it_says_so() -> None:
    """A body that never ends costs the receiver its slot for the whole limit: that must be seen."""
    detail = kept(answer(200, detail="no whole answer within 15 s", body=b"half"))
    assert detail["reason"] == "The receiver took it. (no whole answer within 15 s)"
    assert "reason" not in kept(answer(200))


def test_an_answer_may_have_a_body_alone() -> None:
    """Or headers alone."""
    assert kept(answer(200, headers=()))["body"] == "ok"
    assert "body" not in kept(answer(200, body=b""))


def test_what_was_cancelled_before_its_first_byte_names_its_reason() -> None:
    """The one by which it is counted, too."""
    cancelled = answer(0, headers=(), body=b"")._replace(outcome=Outcome.CANCELLED)
    assert kept(cancelled)["reason"] == "stale_escalation"


def test_an_attempt_without_an_answer_keeps_what_there_is() -> None:
    """No headers and no body."""
    detail = kept(answer(0, headers=(), body=b""))
    assert sorted(detail) == ["address", "reason", "us"]


@pytest.mark.parametrize("status", [200, 500])
def test_headers_that_hold_secrets_keep_their_names_only(status: int) -> None:
    """Cookies, and what authenticates somebody."""
    headers = ((b"Set-Cookie", b"session=abc"), (b"WWW-Authenticate", b"Bearer abc"), *USUAL)
    shown = kept(answer(status, headers=headers))["headers"]
    assert shown[:2] == [["Set-Cookie", "***"], ["WWW-Authenticate", "***"]]


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("length", [0, 600])
def test_nothing_of_ours_that_is_echoed_is_kept(status: int, length: int) -> None:
    """Auth code, both of its spellings, both signatures, the URL: neither in a header nor in the body."""
    exchange = request()
    sent = headers_of(exchange)
    secrets = [
        CODE,
        standard_secret(Secret(CODE)).removeprefix("whsec_"),
        sent["X-VictorOps-Signature"],
        sent["webhook-signature"].removeprefix("v1,"),
        "/restart/with-a-secret-in-it?team=ops",
    ]
    for secret in secrets:
        text = f"I got {secret}!" + "-" * length
        headers = (*USUAL, (b"X-Echo", text.encode()))
        detail = kept(answer(status, headers=headers, body=json.dumps(text).encode()), exchange)
        assert secret not in str(detail)
        assert secret.replace("/", "\\/") not in str(detail)
        assert detail["headers"][-1] == ["X-Echo", "I got ***!" + "-" * length]
        assert detail["body"] == '"I got ***!' + "-" * length + '"'


def test_no_link_that_is_echoed_is_kept() -> None:
    """Whoever has its token may act, and who may look at deliveries may not."""
    links = Links("https://tocsin.example", (b"key",))
    urls = links.urls(1234567, tuple(LinkAction), now=NOW)
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"}, links=urls)
    exchange = request()._replace(body=body.form)
    for url in urls.values():
        for echo in (url.encode(), json.dumps(url).replace("/", "\\/").encode(), body.form):
            shown = str(kept(answer(200, body=echo), exchange))
            assert url.rpartition("/")[2] not in shown


@pytest.mark.parametrize("slash", ["/", "\\/", "%2F", "%2f", "%252F", "&#x2F;", "&#47;"])
@pytest.mark.parametrize("before", [0, KEPT_BODY - 30])
def test_no_link_of_another_page_is_kept(slash: str, before: int) -> None:
    """A receiver in trouble may tell what it got before."""
    url = Links("https://tocsin.example", (b"key",)).urls(7, [LinkAction.RESOLVE], now=NOW)
    token = url["resolve_url"].rpartition("/")[2]
    echo = (f"{slash}l{slash}{token}").encode()
    given = answer(200, headers=((b"X-Last", echo),), body=b"." * before + echo)
    detail = kept(given)
    assert detail["headers"] == [["X-Last", f"{slash}l{slash}{token[:4]}..."]]
    assert token[:16] not in detail["body"]
    louder = kept(given._replace(headers=((b"X-Last", echo.replace(b"l", b"L", 1)),)))
    assert token[:16] not in str(louder)


def test_a_pending_auth_code_and_both_signatures_are_not_kept() -> None:
    """A receiver that was given the new code already may tell it as well as the old one."""
    pending = PendingAuthCode(Secret("Pnd1~ng-Xx2Yy3Zz4Aa5Bb6Cc7Dd8Ee9Ff0G"))
    rotating = replace(WEBHOOK, pending=pending)
    exchange = request(rotating)
    old, new = headers_of(exchange)["webhook-signature"].split(" ")
    told = [pending.code.reveal(), old.removeprefix("v1,"), new.removeprefix("v1,")]
    given = answer(500, body=json.dumps(told).encode(), detail=f"it began with {told!r}")
    detail = from_json(to_json(detail_of(given, exchange, rotating)))
    assert detail["body"] == '["***", "***", "***"]'
    assert detail["reason"].endswith("(it began with ['***', '***', '***'])")


def test_a_pending_auth_code_is_not_kept_where_no_signature_could_be() -> None:
    """It may be brought, and be of words."""
    rotating = replace(WEBHOOK, pending=PendingAuthCode(Secret("four words and a 5")))
    given = answer(200, body=b"I know four words and a 5")
    detail = from_json(to_json(detail_of(given, request(rotating), rotating)))
    assert detail["body"] == "I know ***"


def test_a_reason_holds_no_secret() -> None:
    """It may tell how the answer began."""
    exchange = request()
    signature = headers_of(exchange)["X-VictorOps-Signature"]
    detail = kept(answer(0, detail=f"it began with {signature!r}"), exchange)
    assert signature not in detail["reason"]
    assert "it began with '***'" in detail["reason"]


@pytest.mark.parametrize(
    "path",
    ["/with-a-secret-that-goes-on-beyond-what-is-told", "/a/with-a-secret-beyond-what-is-told"],
)
def test_a_reason_holds_no_beginning_of_a_secret(path: str) -> None:
    """It tells how the answer began: with the URL, where a receiver sends back what it gets."""
    echoing = replace(WEBHOOK, url=f"http://hooks.example{path}?team=ops")
    exchange = request(echoing)
    given = answer(0, detail=describe_start(exchange.head))
    detail = from_json(to_json(detail_of(given, exchange, echoing)))
    assert detail["reason"].endswith("(it began with b'POST ***')")


@pytest.mark.parametrize("before", [0, KEPT_VALUE - 40, KEPT_VALUE - 20, KEPT_VALUE - 1])
def test_a_header_that_is_cut_ends_in_no_part_of_a_secret(before: int) -> None:
    """Wherever the cut falls."""
    for secret in (CODE, headers_of(request())["X-VictorOps-Signature"]):
        value = ("." * before + secret + "." * 2000).encode()
        detail = kept(answer(headers=keep_headers([(b"X-Echo", value)])))
        shown = detail["headers"][0][1]
        assert shown.rstrip(".*") == ""
        assert len(shown) <= KEPT_VALUE + len("***")


def test_a_headers_name_holds_no_secret() -> None:
    """An auth code could be one, and so could a link's token."""
    url = Links("https://tocsin.example", (b"key",)).urls(7, [LinkAction.RESOLVE], now=NOW)
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"}, links=url)
    token = url["resolve_url"].rpartition("/")[2]
    headers = ((b"X-" + CODE.encode(), b"1"), (b"X-" + token.encode(), b"2"))
    shown = kept(answer(headers=headers), request()._replace(body=body.form))["headers"]
    assert shown == [["X-***", "1"], ["X-***", "2"]]


def test_an_answer_like_one_before_is_not_taken_for_it() -> None:
    """What is remembered of an answer without this request's signature does not hold for one with it."""
    exchange = request()
    signature = headers_of(exchange)["X-VictorOps-Signature"].encode()
    echo = answer(200, body=signature)
    other = make_exchange_of_another_second()
    assert kept(echo, other)["body"] == signature.decode()
    assert kept(echo, exchange)["body"] == "***"
    assert kept(echo, other)["body"] == signature.decode()


def make_exchange_of_another_second() -> Exchange:
    return request(Webhook(2, "other", "Other", "http://other.example/", Secret("x" * 16)))


@pytest.mark.parametrize("before", [KEPT_BODY - 10, KEPT_BODY - 40, KEPT_BODY, KEPT_BODY - 1])
def test_4_kib_are_kept_and_no_part_of_a_secret(before: int) -> None:
    """Wherever the cut falls."""
    signature = headers_of(request())["X-VictorOps-Signature"]
    for secret in (CODE, signature):
        body = "." * before + secret + "." * 10_000
        shown = kept(answer(body=body.encode()))["body"]
        assert shown.rstrip(".*") == ""
        assert len(shown) <= KEPT_BODY + len("***")


def test_what_no_database_can_hold_is_replaced() -> None:
    """Bytes that are no text, and U+0000."""
    assert kept(answer(body=b"a\0b\xff"))["body"] == "a\ufffdb\ufffd"
