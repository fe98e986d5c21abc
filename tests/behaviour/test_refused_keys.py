"""An alert whose key lets nobody in is found by a person, who may know more than its sender."""

import asyncio
import json

import pytest
from tests.behaviour.harness import Answer, Tocsin
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio

ALERT = {"message_type": "CRITICAL", "entity_id": "disk"}
OLD, NOBODYS = "0b8f6a52-3c1d-4e7f", "11112222-3c1d-4e7f"


async def send(tocsin: Tocsin, alert_key: str, *, key: str = "db", times: int = 1) -> None:
    for _ in range(times):
        assert (await tocsin.post_alert(ALERT, alert_key=alert_key, key=key)).status_code == 404
    if times > 1:  # the first of them is written before the others begin to wait
        await tocsin.flush()


async def refused(tocsin: Tocsin) -> list[Answer]:
    """Return the list, the latest first, once what waits for its second has been written."""
    await tocsin.flush()  # from here on the second counts
    await tocsin.advance(seconds=1)
    await tocsin.flush()
    return list((await tocsin.get("refused-alerts", limit=200))["items"])


async def revoke_the_old_key(tocsin: Tocsin) -> None:
    await tocsin.apply(f'alert_keys: {{old-nagios: {{key: "{OLD}"}}}}')
    await tocsin.call("DELETE", "keys/old-nagios")


async def test_a_key_that_lets_nobody_in_is_listed_with_what_it_was(tocsin: Tocsin) -> None:
    """Unknown, revoked (by its name) or none at all: masked, with routing key, instants and count."""
    await revoke_the_old_key(tocsin)
    await send(tocsin, NOBODYS)
    began = (await refused(tocsin))[0]["received_at"]
    await send(tocsin, "%00", key="web")
    await refused(tocsin)
    await send(tocsin, OLD, times=3)
    await refused(tocsin)
    await send(tocsin, NOBODYS)

    found = await refused(tocsin)
    told = [
        (each["code"], each["masked_key"], each["revoked_key"], each["routing_key"], each["count"])
        for each in found
    ]
    assert told == [
        ("unknown_key", "1111...", None, "db", 2),
        ("revoked_key", "0b8f...", "old-nagios", "db", 3),
        ("malformed_key", "...", None, "web", 1),
    ]
    assert found[0]["first_received_at"] == began < found[0]["received_at"]
    assert "'old-nagios' was revoked" in found[1]["reason"]
    for secret in (OLD[4:], NOBODYS[4:]):
        assert secret not in json.dumps(found)
    cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now)
    listed = (await asyncio.to_thread(cli, "alerts", "--refused")).out
    assert "The key 'old-nagios' was revoked; give its sender another one" in listed
    assert " 3  " in listed


async def test_a_key_that_is_made_again_is_in_force(tocsin: Tocsin) -> None:
    """That it was revoked once is history; revoked again it has the name that it had last."""
    await revoke_the_old_key(tocsin)
    await tocsin.apply(f'alert_keys: {{new-nagios: {{key: "{OLD}"}}}}')
    assert (await tocsin.post_alert(ALERT, alert_key=OLD)).status_code == 200
    await tocsin.call("DELETE", "keys/new-nagios")
    await send(tocsin, OLD)
    assert (await refused(tocsin))[0]["revoked_key"] == "new-nagios"


async def test_why_says_what_nobody_could_read(tocsin: Tocsin) -> None:
    """Of an entity without an incident: since it was heard of last, and for a day."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await revoke_the_old_key(tocsin)
    await tocsin.alert("RECOVERY", "heard of")
    await tocsin.open("open")
    await tocsin.advance(seconds=1)
    await send(tocsin, OLD, times=2)
    await refused(tocsin)
    expected = (
        "2 requests under routing key 'db' were refused unread since 2026-11-02 03:00:01.000Z"
    )
    for entity, is_told in (("never", True), ("heard of", True), ("open", False)):
        assert (expected in (await tocsin.why(entity))["text"]) is is_told, entity
    sentences = (await tocsin.why("never"))["sentences"]
    assert (sentences[0]["topic"], sentences[0]["reason"]) == ("refused", "revoked_key")
    await tocsin.act(1, "resolve")
    assert expected not in (await tocsin.why("open"))["text"]
    await tocsin.advance(days=1)
    assert expected not in (await tocsin.why("never"))["text"]


async def test_a_flood_costs_a_few_rows_and_a_commit_a_second(tocsin: Tocsin) -> None:
    """However many keys and routing keys it comes with; none of the answers waits for it."""
    for number in range(300):
        await send(tocsin, f"{number:08}", key=f"{number}")
    commits = await tocsin.metric("tocsin_commit_group_size_count")
    found = await refused(tocsin)
    assert len(found) <= 61
    assert sum(each["count"] for each in found) == 300
    # Two that were waited for, and the one of what had gathered.
    assert await tocsin.metric("tocsin_commit_group_size_count") - commits <= 3
    assert await tocsin.metric('tocsin_refused_alerts_total{code="unknown_key"}') == 300
    assert await tocsin.metric('tocsin_refused_alerts_total{code="revoked_key"}') == 0
