"""An alert is answered with 200 when it is on disk, and not before."""

import asyncio
import sqlite3
from contextlib import closing

import httpx
import pytest
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio


async def test_an_alert_is_not_answered_before_it_is_on_disk(tocsin: Tocsin) -> None:
    """While another program holds the database, the sender waits; then the alert is there to read."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(
            tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        )
        await until(lambda: len(tocsin.server.engine.inbox))
        assert not sending.done()
        assert other.execute("SELECT count(*) FROM alerts").fetchone() == (0,)
        other.execute("ROLLBACK")
        answer = await sending
        assert answer.status_code == 200
        assert other.execute("SELECT entity_id FROM alerts").fetchall() == [("disk",)]


async def test_alerts_that_wait_together_are_taken_in_order_of_arrival(tocsin: Tocsin) -> None:
    """What one commit takes is as good as a commit each: opened, resolved, opened, acknowledged."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    sending: list[asyncio.Task[httpx.Response]] = []
    with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for type_ in ("CRITICAL", "RECOVERY", "CRITICAL", "ACKNOWLEDGEMENT"):
            body = {"message_type": type_, "entity_id": "disk"}
            sending.append(asyncio.create_task(tocsin.post_alert(body)))
            await until(lambda: len(tocsin.server.engine.inbox) == len(sending))
        other.execute("ROLLBACK")
        assert {(await each).status_code for each in sending} == {200}
    incidents = (await tocsin.get("incidents"))["items"]
    assert [(each["number"], each["status"]) for each in incidents] == [
        (2, "acknowledged"),
        (1, "resolved"),
    ]
