"""An alert is answered with 200 when it is on disk, and not before."""

import asyncio

import httpx
import pytest
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio


async def test_an_alert_is_not_answered_before_it_is_on_disk(tocsin: Tocsin) -> None:
    """While another program holds the database, the sender waits; then the alert is there to read."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    with tocsin.held_up():
        await tocsin.wait_at_the_store()
        sending = asyncio.create_task(
            tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        )
        await until(lambda: len(tocsin.server.engine.inbox))
        assert not sending.done()
        assert tocsin.rows("SELECT count(*) FROM alerts") == [(0,)]
    answer = await sending
    assert answer.status_code == 200
    assert tocsin.rows("SELECT entity_id FROM alerts") == [("disk",)]


async def test_alerts_that_wait_together_are_taken_in_order_of_arrival(tocsin: Tocsin) -> None:
    """What one commit takes is as good as a commit each: opened, resolved, opened, acknowledged."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    sending: list[asyncio.Task[httpx.Response]] = []
    with tocsin.held_up():
        await tocsin.wait_at_the_store()
        for type_ in ("CRITICAL", "RECOVERY", "CRITICAL", "ACKNOWLEDGEMENT"):
            body = {"message_type": type_, "entity_id": "disk"}
            sending.append(asyncio.create_task(tocsin.post_alert(body)))
            await until(lambda: len(tocsin.server.engine.inbox) == len(sending))
    assert {(await each).status_code for each in sending} == {200}
    incidents = (await tocsin.get("incidents"))["items"]
    assert [(each["number"], each["status"]) for each in incidents] == [
        (2, "acknowledged"),
        (1, "resolved"),
    ]
