"""A client that did not hear the answer asks again, and nothing happens twice."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.api.harness import Harness
from tests.api.test_access import check_error

from tocsin.domain.principal import Scope

CREATING: dict[str, dict[str, Any]] = {
    "incidents": {"summary": "Water", "policies": ["ops/primary"]},
    "webhooks": {"name": "New", "url": "https://new.example/"},
    "policies": {"team": "ops", "name": "New", "steps": []},
    "teams": {"name": "New"},
    "keys": {"name": "new"},
    "tokens": {"name": "new", "scope": "read"},
}


def send(harness: Harness, path: str, body: Any, key: str, **more: Any) -> Any:
    return harness.ask("POST", path, body, headers={"idempotency-key": key}, **more)


@pytest.mark.parametrize("path", CREATING)
def test_asking_again_gets_the_first_answer_and_makes_nothing(harness: Harness, path: str) -> None:
    """Secrets that were shown once included: the client never saw them."""

    def count() -> int:
        return len(harness.ask("GET", path).json()["items"])

    before = count()
    first = send(harness, path, CREATING[path], "k-1")
    again = send(harness, path, CREATING[path], "k-1")

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert count() == before + 1


def test_a_test_of_a_webhook_is_sent_once(harness: Harness) -> None:
    """It has no body, and its path is part of what was asked."""
    first = send(harness, "webhooks/pager/test", None, "k-1")
    again = send(harness, "webhooks/pager/test", None, "k-1")
    assert first.json() == again.json()
    other = send(harness, "webhooks/siren/test", None, "k-1")
    check_error(other, 422, "idempotency_key_reused")
    assert len(harness.ask("GET", "deliveries").json()["items"]) == 1


def test_another_request_with_the_same_key_is_refused(harness: Harness) -> None:
    """It would otherwise be taken for done."""
    send(harness, "teams", {"name": "One"}, "k-1")
    check_error(send(harness, "teams", {"name": "Two"}, "k-1"), 422, "idempotency_key_reused")
    assert send(harness, "teams", {"name": "Two"}, "k-2").status_code == 201


def test_keys_belong_to_their_token(harness: Harness) -> None:
    """Two clients that count from 1 do not meet."""
    body = CREATING["incidents"]
    first = send(harness, "incidents", body, "1", scope=Scope.RESPOND).json()
    second = send(harness, "incidents", body, "1", scope=Scope.ADMINISTER).json()
    assert first["number"] != second["number"]


def test_a_refusal_is_not_remembered(harness: Harness) -> None:
    """What was refused may be right the next time."""
    policy = {"team": "dba", "name": "Night", "steps": []}
    check_error(send(harness, "policies", policy, "k-1"), 422, "unknown_name")
    harness.ask("POST", "teams", {"name": "dba"})
    assert send(harness, "policies", policy, "k-1").status_code == 201


BAD: list[Callable[[], str]] = [lambda: "", lambda: "x" * 256, lambda: "a b", lambda: "\u00e9"]


@pytest.mark.parametrize("make", BAD)
def test_a_key_that_cannot_be_one_is_refused(harness: Harness, make: Callable[[], str]) -> None:
    """422, and nothing is made."""
    headers = {"idempotency-key": make().encode("latin-1")}
    answer = harness.ask("POST", "teams", {"name": "New"}, headers=headers)
    check_error(answer, 422, "invalid_request")
    assert len(harness.ask("GET", "teams").json()["items"]) == 1
