"""The Standard Webhooks signature: fresh, exact, and never hidden by another."""

import base64
import hashlib
import hmac
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin_receiver import (
    BadSignature,
    MalformedBody,
    MalformedHeader,
    MissingSignature,
    StaleTimestamp,
    UnusableAuthCode,
    VerificationError,
    sign_standard,
    verify_standard,
)

VECTORS = json.loads(
    (Path(__file__).parent.parent / "wire" / "vectors.json").read_text(encoding="utf-8")
)
BODIES = {vector["name"]: vector["form"].encode() for vector in VECTORS["bodies"]}

AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
BODY = b"incident=8&entity_id=%22db-4%22"
SIGNED_AT = 1_767_225_600
SIGNATURE = sign_standard(AUTH_CODE, "dlv_8", SIGNED_AT, BODY)

any_text = st.text(st.characters(), max_size=30)


def headers(**changed: str) -> dict[str, str]:
    return {
        "Webhook-Id": changed.get("id", "dlv_8"),
        "webhook-timestamp": changed.get("timestamp", str(SIGNED_AT)),
        "WEBHOOK-SIGNATURE": changed.get("signature", SIGNATURE),
    }


@pytest.mark.parametrize("vector", VECTORS["standard_signatures"], ids=lambda v: v["message_id"])
@pytest.mark.parametrize("spelling", ["auth_code", "secret"])
def test_recorded_requests_are_believed(vector: dict[str, Any], spelling: str) -> None:
    """What another program signed verifies with the auth code, and with it as `whsec_`."""
    body, now = BODIES[vector["body"]], float(vector["timestamp"])
    sent = {
        "webhook-id": vector["message_id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    assert verify_standard(vector[spelling], sent, body, now=now) == vector["message_id"]


def test_the_signature_is_that_of_the_specification() -> None:
    """`v1,` and base64 of HMAC-SHA256 over id, timestamp and body with full stops between."""
    digest = hmac.new(AUTH_CODE.encode(), b"dlv_8.1767225600." + BODY, hashlib.sha256).digest()
    assert "v1," + base64.b64encode(digest).decode() == SIGNATURE


@given(
    st.lists(any_text.map(lambda t: t.replace(" ", "")), max_size=4),
    st.lists(any_text.map(lambda t: t.replace(" ", "")), max_size=4),
)
def test_a_malformed_token_hides_no_valid_one(before: list[str], after: list[str]) -> None:
    """Other versions, empty tokens and garbage around it are passed over."""
    signatures = " ".join([*before, SIGNATURE, *after])
    assert verify_standard(AUTH_CODE, headers(signature=signatures), BODY, now=SIGNED_AT) == "dlv_8"


@pytest.mark.parametrize("age", [-300.0, 0.0, 300.0])
def test_what_is_within_the_tolerance_is_fresh(age: float) -> None:
    """300 seconds either way are allowed."""
    assert verify_standard(AUTH_CODE, headers(), BODY, now=SIGNED_AT + age) == "dlv_8"


@pytest.mark.parametrize("age", [-300.5, 300.5, 1e12, math.inf, -math.inf, math.nan])
def test_what_is_outside_the_tolerance_is_stale(age: float) -> None:
    """Half a second more is a replay, or a wrong clock; so is a clock that reads no number."""
    with pytest.raises(StaleTimestamp):
        verify_standard(AUTH_CODE, headers(), BODY, now=SIGNED_AT + age)


def test_the_tolerance_can_be_chosen() -> None:
    """An hour for who needs one, a second for who trusts their clocks."""
    assert verify_standard(AUTH_CODE, headers(), BODY, now=SIGNED_AT + 3600, tolerance=3600)
    with pytest.raises(StaleTimestamp, match="2 s ago, and 1 s are allowed"):
        verify_standard(AUTH_CODE, headers(), BODY, now=SIGNED_AT + 2, tolerance=1)


@pytest.mark.parametrize(
    "timestamp",
    [
        *["1767225600.0", " 1767225600", "1767225600 ", "1767225600\n", "01767225600", "\u0661"],
        *["+1767225600", "-1", "1e9", "x", "1_767_225_600", "9" * 5000],
    ],
)
def test_a_timestamp_is_whole_seconds_in_digits(timestamp: str) -> None:
    """A number spelled in another way is refused, even where it is the same number."""
    with pytest.raises(MalformedHeader, match="webhook-timestamp"):
        verify_standard(AUTH_CODE, headers(timestamp=timestamp), BODY, now=SIGNED_AT)


@pytest.mark.parametrize("message_id", ["dlv.8", "dlv 8", "é", "x" * 256, "a\n"])
def test_an_id_has_no_full_stop(message_id: str) -> None:
    """It would move the border between id and timestamp; nor is it signed with one."""
    with pytest.raises(MalformedHeader, match="webhook-id"):
        verify_standard(AUTH_CODE, headers(id=message_id), BODY, now=SIGNED_AT)
    with pytest.raises(MalformedHeader, match="webhook-id"):
        sign_standard(AUTH_CODE, message_id, SIGNED_AT, BODY)


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE"])
def test_each_header_is_needed(name: str) -> None:
    """Missing or empty, the message names it."""
    for sent in ({**headers(), name: ""}, {k: v for k, v in headers().items() if k != name}):
        with pytest.raises(MissingSignature, match=name.lower()):
            verify_standard(AUTH_CODE, sent, BODY, now=SIGNED_AT)


@given(st.sampled_from(["id", "timestamp", "body", "auth_code"]), st.data())
def test_anything_else_needs_another_signature(part: str, data: st.DataObject) -> None:
    """The id, the second, each byte of the body and the auth code are bound by it."""
    given_id = (
        data.draw(st.from_regex(r"[a-z_0-9]{1,8}", fullmatch=True)) if part == "id" else "dlv_8"
    )
    at = SIGNED_AT + (data.draw(st.integers(-300, 300)) if part == "timestamp" else 0)
    body = data.draw(st.binary()) if part == "body" else BODY
    code = data.draw(st.text("abc", min_size=1)) if part == "auth_code" else AUTH_CODE
    assume((given_id, at, body, code) != ("dlv_8", SIGNED_AT, BODY, AUTH_CODE))
    with pytest.raises(BadSignature):
        verify_standard(code, headers(id=given_id, timestamp=str(at)), body, now=SIGNED_AT)


@pytest.mark.parametrize(
    "auth_code", ["", "whsec_", "whsec_????", "whsec_QQ", "whsec_QUJD!", "whsec_é", "\ud800"]
)
def test_a_secret_that_is_none_believes_nobody(auth_code: str) -> None:
    """Empty, or `whsec_` before something that is not base64."""
    with pytest.raises(UnusableAuthCode):
        verify_standard(auth_code, headers(), BODY, now=SIGNED_AT)


@given(
    st.text(min_size=1) | st.binary() | st.none(),
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        any_text | st.binary() | st.integers() | st.just(str(SIGNED_AT)),
    )
    | st.lists(any_text)
    | st.none(),
    st.binary() | st.text() | st.none(),
)
def test_garbage_raises_nothing_but_verification_errors(
    auth_code: Any, sent: Any, body: Any
) -> None:
    """Whatever arrives, the caller has one error to catch."""
    with pytest.raises(VerificationError):
        verify_standard(auth_code, sent, body, now=SIGNED_AT)


def test_a_body_that_was_parsed_already_is_refused() -> None:
    """It is the bytes that are signed."""
    body: Any = BODY.decode()
    with pytest.raises(MalformedBody):
        verify_standard(AUTH_CODE, headers(), body, now=SIGNED_AT)
