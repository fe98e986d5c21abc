"""From a lease to the bytes that leave."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.auth_code import PendingAuthCode
from tocsin.domain.payload import PayloadProfile, make_body
from tocsin.domain.request import SIGNATURES, empty_head, fill_head
from tocsin.domain.webhook import Webhook
from tocsin.engine.request import make_exchange, signed_text_of
from tocsin.ids import DELIVERY, id_text
from tocsin.secret import Secret
from tocsin.store.deliveries import Lease
from tocsin.transport.exchange import Destination
from tocsin_receiver import BadSignature, read, verify_standard

NOW = datetime(2026, 11, 2, 3, 0, 7, 900_000, tzinfo=UTC)
URL = "http://hooks.example:8080/restart?team=ops"
AUTH_CODE = "Hh2~jK9-pQ4rS5tU6vW7xY8zA1bC2dE3fG4h"


def lease(form: bytes, *, signed_text: str | None) -> Lease:
    return Lease(
        id=1,
        delivery_id=1234567,
        webhook_id=1,
        incident=31,
        attempt=1,
        started_at=0,
        first_attempt_at=0,
        planned_at=0,
        body_id=1,
        form=form,
        signed_text=signed_text,
    )


def webhook(*, with_standard_signature: bool = True) -> Webhook:
    return Webhook(
        id=1,
        slug="restart",
        name="Restart",
        url=URL,
        auth_code=Secret(AUTH_CODE),
        with_standard_signature=with_standard_signature,
    )


def headers_of(head: bytes) -> list[tuple[str, str]]:
    line, *rest = head.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "POST /restart?team=ops HTTP/1.1"
    return [(name, value) for name, _, value in (header.partition(": ") for header in rest)]


def test_headers_come_in_the_captured_order() -> None:
    """VictorOps' seven in its order and spelling, then the three of Standard Webhooks."""
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db", "x": "y"})
    exchange = make_exchange(
        lease(body.form, signed_text=body.signed_text),
        webhook(),
        now=NOW,
        is_cancelled=lambda: False,
    )
    given_headers = headers_of(exchange.head)
    assert [name for name, _ in given_headers] == [
        *("Content-Type", "X-VictorOps-Signature", "Content-Length", "Connection", "Host"),
        *("Accept", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature"),
    ]
    values = dict(given_headers)
    assert values["Content-Type"] == "application/x-www-form-urlencoded"
    assert values["Content-Length"] == str(len(body.form))
    assert values["Host"] == "hooks.example:8080"
    assert (values["Connection"], values["Accept"]) == ("keep-alive", "*/*")
    assert values["User-Agent"] == "AHC/1.0"
    assert exchange.destination == Destination(is_tls=False, host="hooks.example", port=8080)


def test_both_signatures_verify_with_the_library_that_receivers_use() -> None:
    """And the delivery's id and whole seconds of this attempt are what the second one binds."""
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"})
    exchange = make_exchange(
        lease(body.form, signed_text=None), webhook(), now=NOW, is_cancelled=lambda: False
    )
    headers = dict(headers_of(exchange.head))
    assert read(URL, headers, exchange.body, AUTH_CODE)["incident"] == "31"
    id_ = verify_standard(AUTH_CODE, headers, exchange.body, now=NOW.timestamp())
    assert id_ == id_text(DELIVERY, 1234567)
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_a_pending_auth_code_signs_where_there_is_room() -> None:
    """Standard Webhooks' header has both signatures, one space between; VictorOps' is made with the old code."""
    new = "Zz9~Xx8-Cc7Vv6Bb5Nn4Mm3Aa2Ss1Dd0Ff9G"
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"})
    exchange = make_exchange(
        lease(body.form, signed_text=None),
        replace(webhook(), pending=PendingAuthCode(Secret(new))),
        now=NOW,
        is_cancelled=lambda: False,
    )
    headers = dict(headers_of(exchange.head))
    assert len(headers["webhook-signature"].split(" ")) == 2
    for code in (AUTH_CODE, new):
        assert verify_standard(code, headers, exchange.body, now=NOW.timestamp())
    read(URL, headers, exchange.body, AUTH_CODE)
    with pytest.raises(BadSignature):
        read(URL, headers, exchange.body, new)


def test_a_webhook_may_leave_the_standard_headers_out() -> None:
    """Then the request has VictorOps' seven and nothing else."""
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"})
    exchange = make_exchange(
        lease(body.form, signed_text=None),
        webhook(with_standard_signature=False),
        now=NOW,
        is_cancelled=lambda: False,
    )
    assert len(headers_of(exchange.head)) == 7


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(str.strip), st.text(max_size=30), max_size=12
    )
)
def test_the_signed_text_can_be_read_back_from_any_form(alert: dict[str, str]) -> None:
    """A retry, or another process, signs what the first attempt signed."""
    body = make_body(PayloadProfile.WIRE, incident=5, alert=alert)
    assert signed_text_of(body.form) == body.signed_text


@given(
    st.sampled_from(["http://a.example", "https://A.example:8443/x//?y=%2f", URL]),
    st.booleans(),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)),  # noqa: DTZ001 - the strategy adds it
)
def test_a_request_is_made_again_to_the_byte(url: str, standard: bool, now: datetime) -> None:  # noqa: FBT001
    """What is kept of a webhook's requests, filled in for one of them, is what was sent, but for signatures."""
    body = make_body(PayloadProfile.WIRE, incident=31, alert={"entity_id": "db"})
    hook = replace(webhook(with_standard_signature=standard), url=url)
    exchange = make_exchange(
        lease(body.form, signed_text=None), hook, now=now, is_cancelled=lambda: False
    )
    line, headers = fill_head(
        empty_head(hook),
        delivery_id=id_text(DELIVERY, 1234567),
        length=len(body.form),
        timestamp=int(now.timestamp()),
    )
    sent_line, *sent = exchange.head.decode().removesuffix("\r\n\r\n").split("\r\n")
    masked = [(name, None if name in SIGNATURES else value) for name, value in map(parts, sent)]
    assert (line, list(headers)) == (sent_line, masked)
    assert sum(value is None for _, value in headers) == 1 + standard


def parts(header: str) -> tuple[str, str]:
    name, _, value = header.partition(": ")
    return name, value


def test_what_is_not_known_of_a_request_is_not_made_up() -> None:
    """The second of an attempt that is still to come."""
    _, headers = fill_head(empty_head(webhook()), delivery_id="dlv_1", length=3, timestamp=None)
    assert dict(headers)["webhook-timestamp"] is None
    assert dict(headers)["Content-Length"] == "3"
