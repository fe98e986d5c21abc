"""Alerts come in by VictorOps' REST endpoint, and its clients understand the answers."""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.harness import ALERT_KEY, Harness

from tocsin.actions import alert_keys
from tocsin.actions.ingest import Receipt
from tocsin.domain.alert import Alert
from tocsin.domain.intake import ALERT_PATH
from tocsin.engine.inbox import AlertNotStored, InboxFull
from tocsin.metrics import Gauges
from tocsin.store.database import Database
from tocsin.store.writer import StoreUnavailable

FAILURE = {"result": "failure"}


def test_an_alert_is_answered_with_its_entity(harness: Harness) -> None:
    """200 with the entity id, which the sender may have left out, once the alert is on disk."""
    given_id = harness.post_alert({"message_type": "CRITICAL", "entity_id": "db-1/disk \u00e9"})
    made_id = harness.post_alert({"message_type": "critical"})

    assert given_id.status_code == 200
    assert given_id.json() == {"result": "success", "entity_id": "db-1/disk \u00e9"}
    assert made_id.json()["entity_id"].startswith("00000000-0000-0000-0000-")
    listed = harness.ask("GET", "alerts").json()["items"]
    assert [each["entity_id"] for each in listed] == [
        made_id.json()["entity_id"],
        "db-1/disk \u00e9",
    ]


def test_the_content_type_does_not_matter(harness: Harness) -> None:
    """JSON is read whatever the Content-Type says."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = harness.http.post(
            f"{ALERT_PATH}{ALERT_KEY}/db",
            content=b'{"message_type":"INFO","entity_id":"a"}',
            headers={"content-type": content_type},
        )
        assert answer.json() == {"result": "success", "entity_id": "a"}


ROUTES = {
    "db": "ops/primary",
    "DB": "ops/primary",
    "d%62": "ops/primary",
    "unknown": "ops/second",
    "": "ops/second",
    "d%2Fb": "ops/second",
    "db/": "ops/second",
    "%00%ff": "ops/second",
    "x" * 3000: "ops/second",
}


def test_no_alert_is_refused_for_its_routing_key(harness: Harness) -> None:
    """The last segment picks policies; the default routing takes what is unknown, empty or strange."""
    for routing_key, policy in ROUTES.items():
        alert = {"message_type": "CRITICAL", "entity_id": f"with {routing_key[:20]!r}"}
        assert harness.post_alert(alert, routing_key).status_code == 200
        newest = harness.ask("GET", "incidents", params={"limit": 1}).json()["items"][0]
        shown = harness.ask("GET", f"incidents/{newest['number']}").json()
        assert [each["policy"] for each in shown["escalations"]] == [policy], routing_key


def test_the_routing_key_may_be_missing(harness: Harness) -> None:
    """The URL may end with the key, with or without a slash."""
    body = {"message_type": "INFO"}
    for end in ("", "/"):
        assert harness.http.post(f"{ALERT_PATH}{ALERT_KEY}{end}", json=body).status_code == 200


def test_a_key_that_stands_in_the_routing_key_too_is_masked_there(harness: Harness) -> None:
    """Somebody pastes one URL into another; routing keys are kept, and sent to receivers."""
    alert = {"message_type": "CRITICAL", "entity_id": "pasted"}
    pasted = quote(f"https://tocsin{ALERT_PATH}{ALERT_KEY}/db", safe="")
    assert harness.post_alert(alert, pasted).status_code == 200
    (kept,) = harness.ask("GET", "alerts", params={"entity_id": "pasted"}).json()["items"]
    shown = harness.ask("GET", f"alerts/{kept['id']}").text
    assert ALERT_KEY not in shown
    assert f"/alert/{ALERT_KEY[:4]}.../db" in shown


def test_an_encoded_key_is_the_same_key(harness: Harness) -> None:
    """A client that encodes more than it must is let in."""
    encoded = ALERT_KEY.replace("-", "%2D")
    assert harness.post_alert({"message_type": "INFO"}, key=encoded).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"", 400, "not_json", "The body is empty, which is not JSON"),
        (b"{", 400, "not_json", "The body is not JSON"),
        (b"[]", 400, "not_an_object", "not an object"),
        (b'{"entity_id": "a"}', 400, "missing_message_type", "Missing fields: message_type"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, 400, "too_deep", "20 levels"),
        (
            json.dumps({f"f{n}": n for n in range(501)}).encode(),
            400,
            "too_many_fields",
            "501 fields",
        ),
        (
            b'{"message_type": "INFO", "x": "%s"}' % (b"y" * 262_144),
            413,
            "alert_too_large",
            "262144",
        ),
    ],
)
def test_a_refusal_says_why_and_is_kept(
    harness: Harness, body: bytes, status: int, code: str, message: str
) -> None:
    """400 or 413 in VictorOps' words; nothing is stored, but a person finds the refusal."""
    answer = harness.post_alert(body)

    assert answer.status_code == status
    assert answer.json() | FAILURE == answer.json()
    assert message in answer.json()["message"]
    assert harness.ask("GET", "alerts").json()["items"] == []
    harness.drain()
    (kept,) = harness.ask("GET", "refused-alerts").json()["items"]
    assert (kept["code"], kept["routing_key"]) == (code, "db")
    assert kept["masked_key"] == f"{ALERT_KEY[:4]}..."
    assert f'refused_alerts_total{{code="{code}"}} 1.0' in _metrics(harness)


def test_a_body_in_parts_is_counted_while_it_comes(harness: Harness) -> None:
    """A body without a length is read up to the limit and no further, and answered 413."""

    def parts() -> Any:
        yield b'{"message_type": "INFO", "x": "'
        for _ in range(70):
            yield b"y" * 4096

    answer = harness.http.post(f"{ALERT_PATH}{ALERT_KEY}/db", content=parts())
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_a_body_in_parts_within_the_limit_is_read_whole(harness: Harness) -> None:
    """Chunked bodies are put together."""
    parts = iter([b'{"message_type":', b' "INFO", "entity_id"', b': "in parts"}'])
    answer = harness.http.post(f"{ALERT_PATH}{ALERT_KEY}/db", content=parts)
    assert answer.json()["entity_id"] == "in parts"


def test_what_is_kept_of_a_refusal_has_no_secrets(harness: Harness) -> None:
    """The key and what is named like a secret are masked, before the excerpt is cut."""
    body = f'{{"api_key": "{ALERT_KEY}", "my-Password":"hunter2", "note": "{ALERT_KEY}", "z": '
    harness.post_alert(f"{body}{'x' * 370} {ALERT_KEY}".encode())
    harness.drain()

    (kept,) = harness.ask("GET", "refused-alerts").json()["items"]
    assert "hunter2" not in kept["excerpt"]
    assert ALERT_KEY[4:8] not in kept["excerpt"]
    assert '"my-Password":"***"' in kept["excerpt"]
    assert len(kept["excerpt"]) <= 500


@pytest.mark.parametrize(
    "paths",
    [
        (
            f"{ALERT_PATH}{ALERT_KEY[:-1]}0/db",
            f"{ALERT_PATH}wrong/db",
            f"{ALERT_PATH}%ff%00/db",
            f"{ALERT_PATH}/db",
            ALERT_PATH,
            f"{ALERT_PATH}{'k' * 2000}/db",
            f"/integrations/generic/20131114/alert%2F{ALERT_KEY}/db",
            f"/integrations/zabbix/20140212/alert/{ALERT_KEY}/db",
            f"/integrations/another/20131114/alert/{ALERT_KEY}/db",
            "/integrations/generic/20131114/alert",
            "/integrations/",
        )
    ],
)
def test_a_bad_key_and_a_bad_path_get_one_and_the_same_404(
    harness: Harness, paths: tuple[str, ...]
) -> None:
    """Nothing tells an unknown, a malformed or a revoked key from a path that does not exist."""
    harness.ask("POST", "keys", {"name": "gone", "key": "a-key-that-is-revoked"})
    harness.ask("DELETE", "keys/gone")
    revoked = harness.post_alert({"message_type": "INFO"}, key="a-key-that-is-revoked")

    assert (revoked.status_code, revoked.content) == (404, b"")
    for path in paths:
        answer = harness.http.post(path, json={"message_type": "INFO"})
        assert (answer.status_code, answer.content) == (404, b""), path
        assert _comparable(answer) == _comparable(revoked), path


def _comparable(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


def test_only_post_is_taken_and_no_other_method_confirms_a_key(harness: Harness) -> None:
    """405 for a good key and a bad one alike."""
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        good = harness.http.request(method, f"{ALERT_PATH}{ALERT_KEY}/db")
        bad = harness.http.request(method, f"{ALERT_PATH}nobody-has-this-key/db")

        assert good.status_code == bad.status_code == 405
        assert good.headers["allow"] == "POST"
        assert good.content == bad.content


def test_a_key_works_as_soon_as_it_is_made_and_ends_as_soon_as_it_is_revoked(
    harness: Harness,
) -> None:
    """Whoever was answered by the API need not wait."""
    made = harness.ask("POST", "keys", {"name": "sensu"}).json()
    assert harness.post_alert({"message_type": "INFO"}, key=made["key"]).status_code == 200

    assert harness.ask("DELETE", "keys/sensu").status_code == 204
    assert harness.post_alert({"message_type": "INFO"}, key=made["key"]).status_code == 404


def test_a_key_that_another_node_made_or_revoked_is_seen_within_a_second(harness: Harness) -> None:
    """Until then what is known goes; after that traffic itself brings the news."""
    alert = {"message_type": "INFO"}
    create, revoke = alert_keys.create_alert_key, alert_keys.revoke_alert_key
    with harness.database.write() as tx:  # and not by the writer of this one
        create(tx, name="node-2", key="made-elsewhere", editor=harness.editor())
        revoke(tx, "alertmanager", editor=harness.editor())
    assert harness.post_alert(alert, key="made-elsewhere").status_code == 404
    assert harness.post_alert(alert).status_code == 200

    harness.clock.advance(timedelta(seconds=1, milliseconds=1))
    for _ in range(1000):  # the look into the database makes no alert wait
        if harness.post_alert(alert, key="made-elsewhere").status_code == 200:
            break
    assert harness.post_alert(alert, key="made-elsewhere").status_code == 200
    assert harness.post_alert(alert).status_code == 404


@pytest.fixture
def failing(sqlite: Database) -> Callable[[Exception], Harness]:
    """Make a server whose inbox takes nothing."""

    def make(error: Exception) -> Harness:
        async def fail(_alert: Alert) -> Receipt:
            raise error

        refusing: Callable[[Alert], Awaitable[Receipt]] = fail
        return Harness(sqlite, take_in=refusing)

    return make


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (InboxFull("full: send this one again"), 503, "2"),
        (StoreUnavailable("disk full"), 503, "2"),
        (AlertNotStored("this alert could not be stored"), 500, None),
    ],
)
def test_what_is_not_stored_is_not_acknowledged(
    failing: Callable[[Exception], Harness],
    error: Exception,
    status: int,
    retry_after: str | None,
) -> None:
    """503 with Retry-After while the store takes nothing, 500 for one alert that fails alone."""
    with failing(error).serving() as harness:
        answer = harness.post_alert({"message_type": "INFO"})
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    assert answer.json() == FAILURE | {"message": str(error)}


def test_a_bug_is_answered_500_and_logged_without_the_key(
    failing: Callable[[Exception], Harness], caplog: pytest.LogCaptureFixture
) -> None:
    """The answer tells nothing but an id, and the id is in the log with the traceback."""
    with failing(ZeroDivisionError("a secret cause")).serving() as harness:
        answer = harness.post_alert({"message_type": "INFO"})

    (record,) = [each for each in caplog.records if each.message == "request.failed"]
    assert answer.status_code == 500
    assert record.error_id in answer.json()["message"]  # type: ignore[attr-defined]
    assert "secret cause" not in answer.text
    assert record.exc_info is not None
    assert ALERT_KEY not in str(record.__dict__)


def test_the_key_is_masked_in_the_log(sqlite: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Access log lines show four characters of it, whatever becomes of the request."""
    caplog.set_level(logging.DEBUG, logger="tocsin.access")
    with Harness(sqlite).serving() as harness:
        harness.post_alert({"message_type": "INFO"})
        harness.post_alert(b"not json")
        harness.http.post(f"/integrations/elsewhere/{ALERT_KEY}")
        harness.http.get(f"/alert/{ALERT_KEY}")
        harness.http.get(f"{ALERT_PATH}{ALERT_KEY}/db%0Aforged")

    paths = [each.path for each in caplog.records if each.message == "request.answered"]  # type: ignore[attr-defined]
    shown = f"{ALERT_PATH}{ALERT_KEY[:4]}..."
    assert paths == [
        f"{shown}/db",
        f"{shown}/db",
        "/integrations/...",
        f"/alert/{ALERT_KEY[:4]}...",
        f"{shown}/db?forged",
    ]


def test_the_key_is_not_in_the_metrics(harness: Harness) -> None:
    """Nothing that a sender chooses is a label."""
    harness.post_alert({"message_type": "INFO"})
    harness.post_alert({"message_type": "INFO"}, key="nobody-has-this-key")
    assert 'refused_alerts_total{code="unknown_key"} 1.0' in _metrics(harness)
    assert ALERT_KEY[:4] not in _metrics(harness)
    assert "has-this-key" not in _metrics(harness)


def _metrics(harness: Harness) -> str:
    return harness.metrics.render(Gauges())[0].decode()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
alerts = st.fixed_dictionaries(
    {"message_type": st.sampled_from(["CRITICAL", "warning", "OK", "ACKNOWLEDGEMENT", "\0", "?"])},
    optional={"entity_id": json_values, "state_message": json_values, "monitoring_tool": st.text()},
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    alert=alerts,
    more=st.dictionaries(st.text(), json_values, max_size=4),
    dumps=st.sampled_from([json.dumps, partial(json.dumps, ensure_ascii=False)]),
)
def test_any_json_object_with_a_message_type_is_stored(
    harness_on_both: Harness, alert: dict[str, Any], more: dict[str, Any], dumps: Callable[..., str]
) -> None:
    """An alert that can be understood is never refused for its form, on either database."""
    text = dumps({**more, **alert})
    answer = harness_on_both.post_alert(text.encode("utf-8", "surrogatepass"))

    assert answer.status_code == 200, answer.text
    entity_id = answer.json()["entity_id"]
    (stored, *_) = harness_on_both.ask("GET", "alerts", params={"entity_id": entity_id}).json()[
        "items"
    ]
    shown = harness_on_both.ask("GET", f"alerts/{stored['id']}").json()
    assert shown["fields"]["entity_id"] == entity_id


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_stored_or_refused_with_a_reason(harness_on_both: Harness, body: bytes) -> None:
    """Nothing that can be sent makes the server fail."""
    answer = harness_on_both.post_alert(body)
    assert answer.status_code in (200, 400)
    assert answer.json()["result"] == ("success" if answer.status_code == 200 else "failure")
