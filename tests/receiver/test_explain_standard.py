"""What a Standard Webhooks signature is of, and which usual mistake it comes from."""

import base64
import hmac
import math
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.payload import PayloadProfile, make_body
from tocsin_receiver import (
    BadSignature,
    Explanation,
    MissingSignature,
    UnusableAuthCode,
    VerificationError,
    decode_form,
    explain_standard,
    sign_standard,
    verify_standard,
)

AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
SECRET = "whsec_" + base64.b64encode(AUTH_CODE.encode()).decode()
ALERT = {"entity_id": "db-4", "state_message": "5 * full ~ ü"}
BODY = make_body(PayloadProfile.WIRE, incident=31, alert=ALERT).form
AT = 1_767_225_600
SIGNATURE = sign_standard(AUTH_CODE, "dlv_8", AT, BODY)
DIGEST = base64.b64decode(SIGNATURE.removeprefix("v1,"))


def headers(signature: str = SIGNATURE) -> dict[str, str]:
    return {"webhook-id": "dlv_8", "webhook-timestamp": str(AT), "webhook-signature": signature}


def explained(
    auth_code: str | bytes = AUTH_CODE,
    signature: str = SIGNATURE,
    body: bytes = BODY,
    age: float = 0,
) -> Explanation:
    return explain_standard(auth_code, headers(signature), body, now=AT + age)


def mistakes(found: Explanation) -> list[str]:
    return [finding.mistake.value for finding in found.findings]


def keyed(key: bytes, digest: str = "sha256") -> str:
    message = b"dlv_8.%d.%b" % (AT, BODY)
    return "v1," + base64.b64encode(hmac.new(key, message, digest).digest()).decode()


@pytest.mark.parametrize("auth_code", [AUTH_CODE, SECRET, AUTH_CODE.encode()])
def test_a_right_signature_is_taken_apart_byte_by_byte(auth_code: str | bytes) -> None:
    """Id, timestamp and body, with full stops between."""
    found = explained(auth_code)
    assert [(part.origin, part.offset, part.data) for part in found.parts] == [
        ("id", 0, b"dlv_8"),
        ("delimiter", 5, b"."),
        ("timestamp", 6, b"1767225600"),
        ("delimiter", 16, b"."),
        ("body", 17, BODY),
    ]
    assert found.signed == found.parts
    assert (found.is_believed, found.length) == (True, 17 + len(BODY))


@pytest.mark.parametrize("age", [301, -301, 1e9, math.inf, math.nan])
def test_a_stale_timestamp_is_told_from_a_wrong_signature(age: float) -> None:
    """What was signed is right, and the time is not."""
    found = explained(age=age)
    assert mistakes(found) == ["stale_timestamp"]
    assert found.signed == found.parts
    assert not found.is_believed
    assert "a replay or a clock is wrong" in found.verdict


def test_a_timestamp_of_the_future_is_said_to_be() -> None:
    """The sender's clock is ahead, or ours is behind."""
    assert explained(age=-301).verdict.startswith("signed 301 s ahead, and 300 s are allowed")
    assert explained(age=301).verdict.startswith("signed 301 s ago, and 300 s are allowed")


CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "line's end after the code": (["auth_code_whitespace"], {"auth_code": AUTH_CODE + "\n"}),
    "code in quotes": (["auth_code_quoted"], {"auth_code": f"'{AUTH_CODE}'"}),
    "base64 without whsec_": (["auth_code_spelling"], {"auth_code": SECRET[6:]}),
    "whsec_ as the key": (
        ["auth_code_spelling"],
        {"auth_code": SECRET, "signature": keyed(SECRET.encode())},
    ),
    "code signed with its line's end": (
        ["auth_code_whitespace"],
        {"signature": keyed(AUTH_CODE.encode() + b"\n")},
    ),
    "line's end after the body": (["body_changed"], {"body": BODY + b"\r\n"}),
    "put together again": (["body_changed"], {"body": urlencode(decode_form(BODY)).encode()}),
    "without v1": (["signature_spelling"], {"signature": SIGNATURE[3:]}),
    "hexadecimal": (["signature_spelling"], {"signature": f"v1,{DIGEST.hex()}"}),
    "cut off": (["signature_truncated"], {"signature": SIGNATURE[:40]}),
    "SHA-1": (["other_digest"], {"signature": keyed(AUTH_CODE.encode(), "sha1")}),
    "body and code": (
        ["body_changed", "auth_code_whitespace"],
        {"body": BODY + b"\n", "auth_code": AUTH_CODE + " "},
    ),
    "the other signature": (["other_scheme"], {"signature": "K5oZfzN95Z9UVu1EsfQmfVNQhnk="}),
    "unknown": ([], {"signature": keyed(b"another auth code")}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_is_named(case: tuple[list[str], dict[str, Any]]) -> None:
    """Alone and together, and the error of verifying says the same of one."""
    expected, given = case
    found = explained(**given)
    assert mistakes(found) == expected
    assert not found.is_believed
    arguments = {"auth_code": AUTH_CODE, "body": BODY, "signature": SIGNATURE, **given}
    with pytest.raises(BadSignature) as refusal:
        verify_standard(
            arguments["auth_code"], headers(arguments["signature"]), arguments["body"], now=AT
        )
    if len(expected) <= 1:
        assert str(refusal.value) == found.verdict
        assert refusal.value.findings == found.findings


def test_a_json_body_is_named() -> None:
    """A gateway made it of the form."""
    body = b'{"incident": "8", "entity_id": "\\"db-4\\""}'
    signature = sign_standard(AUTH_CODE, "dlv_8", AT, b"incident=8&entity_id=%22db-4%22")
    assert mistakes(explained(body=body, signature=signature)) == ["json_body"]


def test_a_right_signature_among_wrong_ones_is_right() -> None:
    """As it is when an auth code is being changed; one that is cut off hides no other."""
    both = f"{SIGNATURE[:40]} v2,abc {keyed(b'another auth code')} {SIGNATURE}"
    assert explained(signature=both).is_believed


def test_another_auth_code_is_found_among_those_given() -> None:
    """In either spelling."""
    found = explain_standard(
        "another auth code", headers(), BODY, now=AT, other_auth_codes=["third", SECRET]
    )
    assert mistakes(found) == ["other_auth_code"]
    assert "number 3" in found.verdict


def test_what_is_missing_is_said() -> None:
    """No header, and a secret that is none."""
    with pytest.raises(MissingSignature):
        explain_standard(AUTH_CODE, {}, BODY, now=AT)
    with pytest.raises(UnusableAuthCode, match="a line's end"):
        explain_standard(SECRET + "\n", headers(), BODY, now=AT)


@given(
    st.text(st.characters(), max_size=30) | st.binary(max_size=30),
    st.text(st.characters(), max_size=50) | st.just(SIGNATURE),
    st.binary() | st.text() | st.none(),
    st.floats(),
)
def test_garbage_raises_nothing_but_verification_errors(
    auth_code: Any, signature: Any, body: Any, now: float
) -> None:
    """And whatever can be explained, is."""
    try:
        found = explain_standard(auth_code, headers(signature), body, now=now)
    except VerificationError:
        return
    assert isinstance(found.verdict, str)


@given(st.text("abc", min_size=8, max_size=40), st.binary(min_size=32, max_size=32))
def test_no_explanation_holds_a_secret(auth_code: str, digest: bytes) -> None:
    """Neither the auth code nor the signature that would be right."""
    wrong = "v1," + base64.b64encode(digest).decode()
    found = explained(auth_code, wrong)
    with pytest.raises(BadSignature) as refusal:
        verify_standard(auth_code, headers(wrong), BODY, now=AT)
    for shown in (repr(found), found.verdict, repr(refusal.value), repr(refusal.value.findings)):
        assert auth_code not in shown
        assert sign_standard(auth_code, "dlv_8", AT, BODY) not in shown
