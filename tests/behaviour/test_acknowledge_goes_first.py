"""What stops a page goes ahead of what came before it in the same group."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio


async def test_an_acknowledgement_goes_ahead_of_alerts_that_wait(tocsin: Tocsin) -> None:
    """The alert that came first meets an incident that is acknowledged already."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    writer = tocsin.server.engine.writer
    with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        group_before = writer.submit(lambda tx: None)
        await until(lambda: writer.waiting == 0)
        alert = asyncio.create_task(
            tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        )
        await until(lambda: writer.waiting == 1)
        acknowledgement = asyncio.create_task(tocsin.ask("POST", "incidents/1/acknowledge"))
        await until(lambda: writer.waiting == 2)
        other.execute("ROLLBACK")
    assert {(await alert).status_code, (await acknowledgement).status_code} == {200}
    assert group_before.done()
    assert await tocsin.timeline() == ["opened", "acknowledged", "rolled_up"]
    incident = await tocsin.incident()
    assert incident["raising_alert"] == incident["first_alert"] != incident["latest_alert"]
