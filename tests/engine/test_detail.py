"""What goes on record about an attempt beside its outcome."""

from dataclasses import replace
from typing import Any

from tocsin.domain.outcome import Outcome
from tocsin.engine.courier import _detail
from tocsin.transport.exchange import Answer, Route, unsent

HEADERS = ((b"Server", b"x\xff"),)


def detail(outcome: Outcome, **facts: Any) -> dict[str, Any]:
    route = replace(Route(), address="192.0.2.1", resolve_us=1, connect_us=2, tls_us=3)
    answer: Answer = unsent(outcome, "", route=route, total_us=9)
    return _detail(answer._replace(headers=HEADERS, first_byte_us=4, **facts), None) or {}


def test_a_plain_success_keeps_its_phases_only() -> None:
    """Most attempts are that, so it is little."""
    assert detail(Outcome.DELIVERED) == {"address": "192.0.2.1", "us": [1, 2, 3, 4, 9]}


def test_a_success_with_something_odd_about_it_says_so() -> None:
    """A body that never ends costs the receiver its slot for the whole limit: that must be seen."""
    found = detail(Outcome.DELIVERED, detail="no whole answer within 15 s", body=b"half\0")
    assert found["reason"] == "The receiver took it. (no whole answer within 15 s)"
    assert found["body"] == "half\ufffd"
    assert "headers" not in found


def test_a_failure_keeps_headers_and_reason() -> None:
    """What a person needs to find the cause, in text that every database takes."""
    found = detail(Outcome.REJECTED, status=418)
    assert found["headers"] == [["Server", "x\xff"]]
    assert found["reason"] == Outcome.REJECTED.sentence
