"""Every route needs its scope, and refuses in one shape."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from tests.api.harness import Harness

from tocsin.api.app import NOUNS, make_api
from tocsin.api.gate import LARGEST_BODY, OPENAPI
from tocsin.domain.principal import Scope
from tocsin.service.transactions import Transactions

READ, RESPOND, ADMINISTER = Scope

# A route that is missing here, or here and not there, fails the first test: decide its scope.
ROUTES: dict[tuple[str, str], Scope | None] = {
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
    ("GET", "/api/v1/incidents"): READ,
    ("POST", "/api/v1/incidents"): RESPOND,
    ("POST", "/api/v1/incidents/acknowledge"): RESPOND,
    ("POST", "/api/v1/incidents/resolve"): RESPOND,
    ("GET", "/api/v1/incidents/{number}"): READ,
    ("GET", "/api/v1/incidents/{number}/timeline"): READ,
    ("GET", "/api/v1/incidents/{number}/alerts"): READ,
    ("GET", "/api/v1/incidents/{number}/deliveries"): READ,
    ("POST", "/api/v1/incidents/{number}/acknowledge"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/hold"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/reopen"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/resolve"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/reroute"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/move"): RESPOND,
    ("POST", "/api/v1/incidents/{number}/notes"): RESPOND,
    ("GET", "/api/v1/alerts"): READ,
    ("GET", "/api/v1/alerts/{alert_id}"): READ,
    ("GET", "/api/v1/refused-alerts"): READ,
    ("GET", "/api/v1/deliveries"): READ,
    ("GET", "/api/v1/deliveries/{delivery_id}"): READ,
    ("GET", "/api/v1/deliveries/{delivery_id}/attempts/{number}/request"): ADMINISTER,
    ("POST", "/api/v1/deliveries/{delivery_id}/send-again"): RESPOND,
    ("POST", "/api/v1/deliveries/send-again"): RESPOND,
    ("GET", "/api/v1/timeline"): READ,
    ("GET", "/api/v1/why"): READ,
    ("GET", "/api/v1/webhooks"): READ,
    ("POST", "/api/v1/webhooks"): ADMINISTER,
    ("GET", "/api/v1/webhooks/{slug}"): READ,
    ("PATCH", "/api/v1/webhooks/{slug}"): ADMINISTER,
    ("DELETE", "/api/v1/webhooks/{slug}"): ADMINISTER,
    ("GET", "/api/v1/webhooks/{slug}/auth-code"): ADMINISTER,
    ("POST", "/api/v1/webhooks/{slug}/check"): ADMINISTER,
    ("POST", "/api/v1/webhooks/{slug}/rotate"): ADMINISTER,
    ("POST", "/api/v1/webhooks/{slug}/promote"): ADMINISTER,
    ("POST", "/api/v1/webhooks/{slug}/cancel-rotation"): ADMINISTER,
    ("GET", "/api/v1/master-key"): ADMINISTER,
    ("POST", "/api/v1/master-key/rotate"): ADMINISTER,
    ("POST", "/api/v1/webhooks/{slug}/test"): ADMINISTER,
    ("GET", "/api/v1/webhooks/{slug}/health"): READ,
    ("GET", "/api/v1/lateness"): READ,
    ("GET", "/api/v1/policies"): READ,
    ("POST", "/api/v1/policies"): ADMINISTER,
    ("GET", "/api/v1/policies/{team}/{slug}"): READ,
    ("PUT", "/api/v1/policies/{team}/{slug}"): ADMINISTER,
    ("DELETE", "/api/v1/policies/{team}/{slug}"): ADMINISTER,
    ("GET", "/api/v1/teams"): READ,
    ("POST", "/api/v1/teams"): ADMINISTER,
    ("PATCH", "/api/v1/teams/{slug}"): ADMINISTER,
    ("DELETE", "/api/v1/teams/{slug}"): ADMINISTER,
    ("GET", "/api/v1/routing-keys"): READ,
    ("PUT", "/api/v1/routing-keys/{key}"): ADMINISTER,
    ("DELETE", "/api/v1/routing-keys/{key}"): ADMINISTER,
    ("GET", "/api/v1/default-routing"): READ,
    ("PUT", "/api/v1/default-routing"): ADMINISTER,
    ("DELETE", "/api/v1/default-routing"): ADMINISTER,
    ("GET", "/api/v1/routes/{key}"): READ,
    ("POST", "/api/v1/routes"): READ,
    ("GET", "/api/v1/keys"): READ,
    ("POST", "/api/v1/keys"): ADMINISTER,
    ("DELETE", "/api/v1/keys/{name}"): ADMINISTER,
    ("GET", "/api/v1/heartbeats"): READ,
    ("POST", "/api/v1/heartbeats"): ADMINISTER,
    ("GET", "/api/v1/heartbeats/{slug}"): READ,
    ("PATCH", "/api/v1/heartbeats/{slug}"): ADMINISTER,
    ("DELETE", "/api/v1/heartbeats/{slug}"): ADMINISTER,
    ("GET", "/api/v1/nodes"): READ,
    ("GET", "/api/v1/tokens"): ADMINISTER,
    ("POST", "/api/v1/tokens"): ADMINISTER,
    ("DELETE", "/api/v1/tokens/{name}"): ADMINISTER,
    ("GET", "/api/v1/users"): ADMINISTER,
    ("POST", "/api/v1/users"): ADMINISTER,
    ("GET", "/api/v1/users/{name}"): ADMINISTER,
    ("PATCH", "/api/v1/users/{name}"): ADMINISTER,
    ("POST", "/api/v1/users/{name}/invite"): ADMINISTER,
    ("DELETE", "/api/v1/users/{name}"): ADMINISTER,
    ("POST", "/api/v1/configuration/apply"): ADMINISTER,
    ("GET", "/api/v1/configuration/export"): ADMINISTER,
    ("GET", "/api/v1/changes"): READ,
    ("GET", "/api/v1/retention"): READ,
    ("GET", "/api/v1/upcoming"): READ,
    ("POST", "/api/v1/pause"): ADMINISTER,
    ("POST", "/api/v1/resume"): ADMINISTER,
    ("GET", "/api/v1/status"): READ,
}
PARTS = {
    "{number}": "999",
    "{alert_id}": "alr_0000000000000001",
    "{delivery_id}": "dlv_0000000000000001",
    "{slug}": "nothing",
    "{team}": "nobody",
    "{key}": "nowhere",
    "{name}": "nothing",
}


def _filled(path: str) -> str:
    for part, value in PARTS.items():
        path = path.replace(part, value)
    return path


def _operations(harness: Harness) -> dict[tuple[str, str], dict[str, Any]]:
    document = harness.http.get(OPENAPI).json()
    return {
        (method.upper(), path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def check_error(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check that an answer has the one shape of refusals; return its error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "fields"}
    assert isinstance(error["code"], str)
    assert error["code"] == error["code"].lower()
    assert isinstance(error["message"], str)
    assert error["message"]
    assert all(
        isinstance(each, str | int | float | list | None) for each in error["fields"].values()
    )
    assert code in (None, error["code"])
    return error


def test_every_route_is_documented_with_the_scope_decided_for_it(harness: Harness) -> None:
    """The document names each operation's scope, and there are no others than those above."""
    found = {
        place: Scope(operation["security"][0]["token"][0]) if "security" in operation else None
        for place, operation in _operations(harness).items()
    }
    assert found == ROUTES


def test_no_route_is_built_twice(harness: Harness) -> None:
    """Neither at the start nor when the first request comes, on the loop that pages wait for."""
    app = make_api(harness.services, Transactions(harness.services))
    assert isinstance(app, FastAPI)
    declared = [route for noun in NOUNS for route in noun.router.routes]
    served = [route for route in app.routes if getattr(route, "path", None) != OPENAPI]
    assert [id(route) for route in served] == [id(route) for route in declared]


def test_every_operation_is_described(harness: Harness) -> None:
    """Each has a summary, a unique id, and the shape of every refusal."""
    operations = _operations(harness)
    for (method, path), operation in operations.items():
        assert operation["summary"], path
        if ROUTES[method, path] is None:
            continue
        for status in ("401", "403", "404", "422", "500", "503"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, status)
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_each_route_refuses_who_has_no_token_or_too_narrow_a_scope(harness: Harness) -> None:
    """401 without a token in force, 403 with a lesser scope, neither with the one it needs."""
    for (method, path), needed in ROUTES.items():
        if needed is None:
            continue
        answer = harness.ask(method, _filled(path), scope=None)
        check_error(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
        for scope in Scope:
            answer = harness.ask(method, _filled(path), scope=scope)
            if scope.covers(needed):
                assert answer.status_code not in (401, 403), (method, path, scope)
            else:
                error = check_error(answer, 403, "scope_too_narrow")
                assert error["fields"] == {"needed": needed.value, "scope": scope.value}


def test_every_route_answers_errors_in_one_shape(harness: Harness) -> None:
    """What does not exist, what is no JSON and what has unknown names: one shape, no traceback."""
    for (method, path), needed in ROUTES.items():
        if needed is None:
            continue
        for content in (None, b"{", b'{"no-such-name": 1}', b"[]", b"null", b'"\\ud800"'):
            headers = {"content-type": "application/json"} if content is not None else {}
            answer = harness.ask(method, _filled(path), content=content, headers=headers)
            if answer.status_code >= 400:
                check_error(answer, answer.status_code)
                assert answer.status_code in (404, 409, 422), (method, path, answer.text)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer tsn_",
        "Basic dXNlcjpwYXNz",
        "tsn_" + "A" * 43,
        "Bearer tsn_" + "A" * 43,
        "Bearer tsn_" + "A" * 42 + "\u00e9",
        "Bearer " + "x" * 5000,
    ],
)
def test_a_bad_token_gets_the_answer_of_none(harness: Harness, header: str) -> None:
    """Unknown, malformed or of another scheme: 401, and the answer repeats nothing of it."""
    headers = {"authorization": header.encode("latin-1")}
    answer = harness.http.get("/api/v1/incidents", headers=headers)  # type: ignore[arg-type]
    without = harness.http.get("/api/v1/incidents")
    check_error(answer, 401, "not_authenticated")
    assert answer.content == without.content


def test_a_revoked_token_ends_at_once(harness: Harness) -> None:
    """The next request with it is refused."""
    made = harness.ask("POST", "tokens", {"name": "brief", "scope": "read"}).json()
    headers = {"authorization": f"bearer {made['token']}"}
    assert harness.http.get("/api/v1/status", headers=headers).status_code == 200
    assert harness.ask("DELETE", "tokens/brief").status_code == 204
    check_error(harness.http.get("/api/v1/status", headers=headers), 401)


def test_a_body_that_takes_its_time_outlives_no_token(harness: Harness) -> None:
    """Whoever begins to send one by a token that is revoked before its end changes nothing."""
    made = harness.ask("POST", "tokens", {"name": "brief", "scope": "administer"}).json()

    def slowly() -> Iterator[bytes]:
        yield b'{"name": "late", '
        assert harness.ask("DELETE", "tokens/brief").status_code == 204
        yield b'"scope": "administer"}'

    headers = {"authorization": f"bearer {made['token']}"}
    check_error(harness.http.post("/api/v1/tokens", content=slowly(), headers=headers), 401)
    names = [each["name"] for each in harness.ask("GET", "tokens").json()["items"]]
    assert "late" not in names


def test_who_is_refused_is_not_listened_to(harness: Harness) -> None:
    """Without a good token, not even a body that is no JSON gets another answer than 401."""
    answer = harness.http.post("/api/v1/webhooks", content=b"{" * 100)
    check_error(answer, 401, "not_authenticated")


def test_unknown_paths_and_methods_have_the_shape_too(harness: Harness) -> None:
    """404 and 405, the latter with every method that the path takes."""
    for path in ("/api/nothing", "/api/v1/nothing", "/api/v1/incidents/1/nothing"):
        check_error(harness.ask("GET", path), 404, "not_found")
    answer = harness.ask("PUT", "webhooks")
    check_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    assert harness.ask("PATCH", "policies/ops/primary").headers["allow"] == "DELETE, GET, PUT"


def test_a_body_that_is_too_large_is_refused_while_it_comes(harness: Harness) -> None:
    """413, before anything of it is parsed."""
    answer = harness.ask("POST", "webhooks", content=b" " * (LARGEST_BODY + 1))
    check_error(answer, 413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_an_invalid_request_names_each_part_and_repeats_no_value(harness: Harness) -> None:
    """422 with what is wrong where; a secret that was mistyped does not come back."""
    body = {"name": "", "url": 7, "auth_code": {"hunter2": 1}, "deadline": "90", "nmae": "x"}
    answer = harness.ask("POST", "webhooks", body)
    error = check_error(answer, 422, "invalid_request")
    assert set(error["fields"]) == {
        "body.name",
        "body.url",
        "body.auth_code",
        "body.deadline",
        "body.nmae",
    }
    assert "90s or 90m" in error["fields"]["body.deadline"]
    assert "hunter2" not in answer.text


def test_nothing_is_guessed(harness: Harness) -> None:
    """A number is no text, and a text is neither a number nor a truth."""
    for path, body in (
        ("incidents/acknowledge", {"numbers": ["1"]}),
        ("incidents/acknowledge", {"numbers": [1.0]}),
        ("webhooks", {"name": "x", "url": "https://x.example/", "enabled": "yes"}),
        ("webhooks", {"name": "x", "url": "https://x.example/", "summary": 1}),
        ("teams", {"name": 7}),
    ):
        check_error(harness.ask("POST", path, body), 422, "invalid_request")


def test_a_filter_that_is_misspelt_is_refused(harness: Harness) -> None:
    """422, rather than a list of everything."""
    answer = harness.ask("GET", "incidents", params={"stauts": "triggered", "limit": 1})
    error = check_error(answer, 422, "invalid_request")
    assert set(error["fields"]) == {"query.stauts"}
    assert "status" in error["message"]


def test_the_word_bearer_is_read_as_clients_write_it(harness: Harness) -> None:
    """In any case, with any number of spaces."""
    token = harness.tokens[READ]
    for header in (f"Bearer {token}", f"bearer {token}", f"BEARER   {token}"):
        answer = harness.http.get("/api/v1/status", headers={"authorization": header})
        assert answer.status_code == 200, header


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!!", "djE6", "djE6eA", "djI6MQ", "djE6MSwy", "\u00e9"]
)
def test_a_malformed_cursor_is_refused(harness: Harness, cursor: str) -> None:
    """422, wherever a cursor is taken."""
    number = harness.open_incident()
    for path in ("incidents", "alerts", "deliveries", "changes", f"incidents/{number}/timeline"):
        check_error(harness.ask("GET", path, params={"cursor": cursor}), 422, "invalid_cursor")


def test_a_bug_is_answered_with_an_id_that_is_in_the_log(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """500 internal_error: no traceback leaves the server, and the server goes on."""

    def broken() -> Any:
        raise ZeroDivisionError("a secret cause")

    harness.measure = broken
    answer = harness.ask("GET", "status")

    error = check_error(answer, 500, "internal_error")
    (record,) = [each for each in caplog.records if each.message == "request.failed"]
    assert record.error_id == error["fields"]["id"]  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert "secret cause" not in answer.text
    assert harness.ask("GET", "incidents").status_code == 200


def test_the_document_is_what_a_generator_expects(harness: Harness) -> None:
    """OpenAPI 3.1 with the security scheme, open to whoever wants to read it."""
    answer = harness.http.get(OPENAPI)
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in json.dumps(document)
