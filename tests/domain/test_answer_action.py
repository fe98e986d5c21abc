"""What an answer may ask for, to the letter."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.answer_action import AnswerDecision, AskedAction, may_ask, read_answer
from tocsin.domain.incident import Action

ACKNOWLEDGE = b'{"incident": "acknowledge"}'


def read(body: bytes, **other: Any) -> AskedAction | AnswerDecision | None:
    """Read an answer that may act, but for its body and what else is said of it."""
    usual: dict[str, Any] = {
        "may_act": True,
        "status": 200,
        "content_types": ["application/json"],
        "is_whole": True,
        "is_tls": True,
        "address": "203.0.113.7",
    }
    return read_answer(body=body, **usual | other)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"incident": "acknowledge"}, AskedAction(Action.ACKNOWLEDGE)),
        ({"incident": "resolve", "message": "Done"}, AskedAction(Action.RESOLVE, message="Done")),
        ({"incident": "hold", "minutes": 1}, AskedAction(Action.HOLD, timedelta(minutes=1))),
        (
            {"message": "m" * 1024, "minutes": 240, "incident": "hold"},
            AskedAction(Action.HOLD, timedelta(hours=4), "m" * 1024),
        ),
        (
            {"incident": "acknowledge", "message": "\ud800 \0"},
            AskedAction(Action.ACKNOWLEDGE, message="\ufffd \ufffd"),
        ),
    ],
)
def test_what_is_asked_for_is_read(body: dict[str, Any], asked: AskedAction) -> None:
    """Each action, its minutes within bounds, and its message, which can be stored."""
    assert read(json.dumps(body).encode()) == asked


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"ok", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 4000, "not_json"),
        (b'{"incident": "acknowledge"} x', "not_json"),
        (b'["incident"]', "not_an_object"),
        (b'{"incident": "acknowledge", "id": 7}', "unknown_key"),
        (b'{"incident": "acknowledge", "incident": "resolve"}', "unknown_key"),
        (b"{}", "unknown_action"),
        (b'{"incident": "reopen"}', "unknown_action"),
        (b'{"incident": ["hold"]}', "unknown_action"),
        (b'{"incident": "Acknowledge"}', "unknown_action"),
        (b'{"incident": "hold"}', "minutes_missing"),
        (b'{"incident": "hold", "minutes": 0}', "minutes_out_of_bounds"),
        (b'{"incident": "hold", "minutes": 241}', "minutes_out_of_bounds"),
        (b'{"incident": "hold", "minutes": true}', "minutes_out_of_bounds"),
        (b'{"incident": "hold", "minutes": 30.0}', "minutes_out_of_bounds"),
        (b'{"incident": "hold", "minutes": "30"}', "minutes_out_of_bounds"),
        (b'{"incident": "acknowledge", "minutes": 30}', "minutes_without_hold"),
        (b'{"incident": "acknowledge", "message": 7}', "invalid_message"),
        (b'{"incident": "resolve", "message": "%s"}' % (b"m" * 1025), "invalid_message"),
    ],
)
def test_anything_else_does_nothing_and_says_why(body: bytes, why: str) -> None:
    """An answer that was meant for something else must not stop a page."""
    decision = read(body)
    assert decision == why
    assert isinstance(decision, AnswerDecision)
    assert decision.sentence.startswith("its answer did nothing")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"status": 201}, "not_200"),
        ({"content_types": []}, "not_json"),
        ({"content_types": ["text/plain"]}, "not_json"),
        ({"content_types": ["application/json", "application/json"]}, "not_json"),
        ({"is_whole": False}, "not_whole"),
        ({"is_tls": False}, "not_secure"),
        ({"is_tls": False, "address": ""}, "not_secure"),
        ({"is_tls": False, "address": "::ffff:10.0.0.1"}, "not_secure"),
        ({"may_act": False}, "not_allowed"),
    ],
)
def test_what_is_around_an_answer_counts(other: dict[str, Any], why: str) -> None:
    """Its status, type, length, and the way that it came."""
    assert read(ACKNOWLEDGE, **other) == why


@pytest.mark.parametrize(
    "other",
    [
        {"content_types": ["Application/JSON; charset=utf-8"]},
        {"is_tls": False, "address": "127.0.0.1"},
        {"is_tls": False, "address": "::1"},
        {"is_tls": False, "address": "::ffff:127.1.2.3"},
    ],
)
def test_over_loopback_nobody_listens(other: dict[str, Any]) -> None:
    """So there https is not asked for; and a type may have parameters."""
    assert read(ACKNOWLEDGE, **other) == AskedAction(Action.ACKNOWLEDGE)


def test_4_kib_are_the_most() -> None:
    """An answer that was cut there is too long, whatever its beginning says."""
    fitting = ACKNOWLEDGE.ljust(4096)
    assert read(fitting) == AskedAction(Action.ACKNOWLEDGE)
    assert read(fitting, is_whole=False) == "too_long"
    assert read(fitting + b" ") == "too_long"


@pytest.mark.parametrize("may_act", [True, False])
def test_an_empty_answer_asks_for_nothing(*, may_act: bool) -> None:
    """It is not worth a word."""
    assert read(b" \r\n", may_act=may_act) is None


def test_of_webhooks_that_may_not_act_only_what_would_have_is_told() -> None:
    """Their answers may be about anything."""
    assert read(b"ok", may_act=False) is None
    assert read(b'{"incident": 7}', may_act=False) is None


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace"))
)
def test_nothing_that_is_answered_breaks_anything(body: bytes) -> None:
    """Arbitrary bytes are read, and what asks for something is never overlooked."""
    asked = read(body)
    assert not isinstance(asked, AskedAction) or may_ask(body)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())


@given(st.dictionaries(st.sampled_from(["incident", "minutes", "message", "x"]), VALUES))
def test_no_object_breaks_anything(fields: dict[str, Any]) -> None:
    """Whatever is where a word or a number should be."""
    assert read(json.dumps(fields).encode()) is not None
