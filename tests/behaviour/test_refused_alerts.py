"""What cannot be understood is refused with a code, stores nothing, and is listed for a person."""

import json

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

DEEP = b'{"a":' * 21 + b"1" + b"}" * 21
WIDE = json.dumps({"message_type": "CRITICAL"} | {f"f{each}": "x" for each in range(500)}).encode()


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"disk full", "not_json", 400),
        (b'["CRITICAL"]', "not_an_object", 400),
        (b'{"entity_id": "disk"}', "missing_message_type", 400),
        (b'{"message_type": {"is": "CRITICAL"}}', "unreadable_message_type", 400),
        (b'{"message_type": "CRITICAL", "n": "%s"}' % (b"x" * 262_144), "alert_too_large", 413),
        (WIDE, "too_many_fields", 400),
        (DEEP, "too_deep", 400),
    ],
    ids=[
        "not JSON",
        "not an object",
        "no type",
        "a type of its own",
        "over 256 KiB",
        "over 500 fields",
        "too deep",
    ],
)
async def test_what_cannot_be_read_is_refused_stored_nowhere_and_listed(
    shared: Tocsin, body: bytes, code: str, status: int
) -> None:
    """The sender hears why in VictorOps' words; the list has code, reason and masked key."""
    answer = await shared.post_alert(body, key=f"key-{code}")
    assert answer.status_code == status
    assert answer.json()["result"] == "failure"
    await shared.flush()

    (refused, *_) = (await shared.get("refused-alerts"))["items"]
    assert (refused["code"], refused["routing_key"]) == (code, f"key-{code}")
    assert answer.json()["message"] == refused["reason"]
    assert shared.alert_key not in json.dumps(refused)
    assert refused["masked_key"] == f"{shared.alert_key[:4]}..."
    assert not (await shared.get("alerts"))["items"]
    assert not (await shared.get("incidents"))["items"]
    assert await shared.metric(f'tocsin_refused_alerts_total{{code="{code}"}}') == 1


async def test_a_refused_alert_is_listed_without_its_secrets(tocsin: Tocsin) -> None:
    """Keys and what is named like a secret are masked; the rest shows what was meant."""
    body = f'{{"entity_id": "disk-9", "api_key": "{tocsin.alert_key}", "password": "hunter2"}}'
    await tocsin.post_alert(body.encode())
    await tocsin.flush()
    (refused,) = (await tocsin.get("refused-alerts", mentioning="disk-9"))["items"]
    assert refused["excerpt"] == '{"entity_id": "disk-9", "api_key": "***", "password": "***"}'
    assert "disk-9" in refused["excerpt"]
    answer = await tocsin.why("disk-9")
    assert "A request about it was refused: Missing fields: message_type" in answer["text"]
