"""What stops a page goes ahead of what came before it in the same group."""

import asyncio

import pytest
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio


async def test_an_acknowledgement_goes_ahead_of_alerts_that_wait(tocsin: Tocsin) -> None:
    """The alert that came first meets an incident that is acknowledged already."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    writer = tocsin.server.engine.writer
    with tocsin.held_up():
        await tocsin.wait_at_the_store()
        alert = asyncio.create_task(
            tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        )
        await until(lambda: writer.waiting == 1)
        acknowledgement = asyncio.create_task(tocsin.ask("POST", "incidents/1/acknowledge"))
        await until(lambda: writer.waiting == 2)
    assert {(await alert).status_code, (await acknowledgement).status_code} == {200}
    assert await tocsin.timeline() == ["opened", "acknowledged", "rolled_up"]
    incident = await tocsin.incident()
    assert incident["raising_alert"] == incident["first_alert"] != incident["latest_alert"]
