"""An alert that can be understood is never refused for its form; each repair is noted."""

import hashlib
import json
from typing import Any

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def taken_in(tocsin: Tocsin, body: bytes | dict[str, Any], **headers: str) -> Answer:
    """Send a CRITICAL alert, and return it as it is kept."""
    if isinstance(body, dict):
        body = {"message_type": "CRITICAL", **body}
    answer = await tocsin.post_alert(body, **headers)
    assert answer.status_code == 200, answer.text
    await tocsin.settle()
    (latest,) = (await tocsin.get("alerts", limit=1))["items"]
    assert latest["entity_id"] == answer.json()["entity_id"]
    return await tocsin.get(f"alerts/{latest['id']}")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense", ""],
)
async def test_json_is_read_whatever_the_content_type_says(
    shared: Tocsin, content_type: str
) -> None:
    """Monitoring systems say all sorts of things, and curl says it is a form."""
    body = json.dumps({"message_type": "CRITICAL", "entity_id": f"type {content_type}"}).encode()
    alert = await taken_in(shared, body, **{"Content-Type": content_type})
    assert alert["effect"] == "opened"


async def test_numbers_booleans_and_null_become_text(shared: Tocsin) -> None:
    """As they were spelled; null is empty."""
    body = (
        b'{"message_type":"CRITICAL","a":1.50,"b":true,"c":false,"d":null,"e":12345678901234567890}'
    )
    fields = (await taken_in(shared, body))["fields"]
    assert [fields[name] for name in "abcde"] == [
        *("1.50", "true", "false", "", "12345678901234567890")
    ]


async def test_nested_objects_are_flattened_with_dots(shared: Tocsin) -> None:
    """However deep; the receiver sees them so, too."""
    await shared.configure({"main": [("0s", ["pager"])]})
    alert = await taken_in(shared, {"entity_id": "nested", "labels": {"job": {"name": "db"}}})
    assert alert["fields"]["labels.job.name"] == "db"
    assert shared.receiver.requests[-1].fields["labels.job.name"] == '"db"'


async def test_what_is_too_long_is_cut_and_the_cut_is_noted(shared: Tocsin) -> None:
    """Each field to its own limit less three, and dots."""
    long = "x" * 30_000
    alert = await taken_in(
        shared, {"state_message": long, "note": long, "vo_annotate.u.Runbook": long}
    )
    limits = {"state_message": 20480, "note": 1024, "vo_annotate.u.Runbook": 1124}
    for name, limit in limits.items():
        assert alert["fields"][name] == "x" * (limit - 3) + "..."
        assert {"kind": "cut", "field": name} in alert["repairs"]


async def test_a_long_entity_id_keeps_its_beginning_and_its_hash(shared: Tocsin) -> None:
    """So that two never become one: they differ at the end only, and are two incidents."""
    one, two = "e" * 600, "e" * 599 + "f"
    stored = []
    for entity in (one, two):
        alert = await taken_in(shared, {"entity_id": entity})
        digest = hashlib.sha256(entity.encode()).hexdigest()
        assert alert["entity_id"] == f"{entity[:447]}-{digest}"
        assert {"kind": "entity_id_shortened", "field": "entity_id"} in alert["repairs"]
        assert alert["effect"] == "opened"
        stored.append(alert["incident"])
    assert len(set(stored)) == 2
    assert (await taken_in(shared, {"entity_id": one}))["effect"] == "rolled_up"


async def test_what_no_database_can_hold_is_replaced(shared: Tocsin) -> None:
    """Lone surrogates and U+0000 become U+FFFD, and that is noted."""
    body = rb'{"message_type":"CRITICAL","entity_id":"a\u0000b","note":"c\ud800d"}'
    alert = await taken_in(shared, body)
    assert alert["entity_id"] == "a\ufffdb"
    assert alert["fields"]["note"] == "c\ufffdd"
    for name in ("entity_id", "note"):
        assert {"kind": "characters_replaced", "field": name} in alert["repairs"]


async def test_of_names_that_coincide_the_last_wins(shared: Tocsin) -> None:
    """Repeated, or equal after flattening; and it is noted."""
    body = b'{"message_type":"CRITICAL","a":{"b":"1"},"a.b":"2","c":"3","c":"4"}'
    alert = await taken_in(shared, body)
    assert (alert["fields"]["a.b"], alert["fields"]["c"]) == ("2", "4")
    for name in ("a.b", "c"):
        assert {"kind": "name_repeated", "field": name} in alert["repairs"]


async def test_a_sender_cannot_set_what_the_server_sets(shared: Tocsin) -> None:
    """Not vo_*, api_key, routing_key nor incident, in no case; and it is noted."""
    await shared.configure({"main": [("0s", ["pager"])]})
    given = {"vo_uuid": "x", "VO_Organization_Id": "x", "api_key": "x", "Routing_Key": "x"}
    alert = await taken_in(shared, {"entity_id": "forged", **given, "incident": "77"})
    assert "x" not in alert["fields"].values()
    dropped = [each["field"] for each in alert["repairs"] if each["kind"] == "server_name_dropped"]
    assert sorted(dropped) == sorted([*given, "incident"])
    sent = shared.receiver.requests[-1].fields
    assert sent["incident"] == str(alert["incident"])
    assert "api_key" not in sent


async def test_an_entity_id_is_made_up_where_none_is_given(shared: Tocsin) -> None:
    """The answer tells it; two such alerts are two incidents."""
    answers = [await taken_in(shared, {"entity_id": given}) for given in (None, "")]
    answers.append(await taken_in(shared, b'{"message_type":"CRITICAL"}'))
    assert len({answer["entity_id"] for answer in answers}) == 3
    assert {answer["effect"] for answer in answers} == {"opened"}
