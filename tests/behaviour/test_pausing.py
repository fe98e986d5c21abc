"""Paused, the engine fires and sends nothing; a dry run lists what would go out."""

from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server

pytestmark = pytest.mark.anyio


async def test_a_server_started_paused_sends_nothing_until_it_is_resumed(home: Path) -> None:
    """Alerts are taken in meanwhile; then what is overdue goes out, late and marked so."""
    async with a_server(home, paused=True) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
        await tocsin.alert()
        await tocsin.advance(minutes=30)
        assert not tocsin.receiver.requests
        assert "Tocsin is paused" in (await tocsin.why("#1"))["text"]

        plan = await tocsin.post("resume", dry_run=True)
        assert (plan["paused"], plan["changed"], plan["due_now"]["steps"]) == (True, False, 1)
        assert [(item["what"], item["webhooks"]) for item in plan["items"]] == [("step", ["pager"])]
        await tocsin.advance(minutes=1)
        assert not tocsin.receiver.requests

        resumed = await tocsin.post("resume")
        assert (resumed["paused"], resumed["changed"]) == (False, True)
        assert tocsin.receiver.paths() == ["/pager"]
        (paged,) = await tocsin.entries(1, "paged")
        assert paged["lateness_seconds"] == 31 * 60
        await tocsin.advance(minutes=5)
        assert tocsin.receiver.paths() == ["/pager", "/boss"]


async def test_pausing_stops_steps_holds_and_retries(tocsin: Tocsin) -> None:
    """What is under way ends; nothing new begins; a dry run tells of all three kinds."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("5m", ["boss"])]}, webhooks={"pager": {"deadline": "1h"}}
    )
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert(entity_id="one")
    await tocsin.alert(entity_id="two")
    await tocsin.act(2, "hold", **{"for": "5m"})
    assert (await tocsin.post("pause"))["changed"]
    assert not (await tocsin.post("pause"))["changed"]
    await tocsin.advance(minutes=10)
    assert tocsin.receiver.count("/pager") == 2
    assert "/boss" not in tocsin.receiver.paths()
    plan = await tocsin.post("resume", dry_run=True)
    assert plan["due_now"] == {"steps": 1, "hold_ends": 1, "attempts": 1}
    assert sorted(item["what"] for item in plan["items"]) == ["attempt", "hold_end", "step"]

    tocsin.receiver.answer("/pager", 200)
    await tocsin.post("resume")
    assert tocsin.called_about("one")[1:] in (["/pager", "/boss"], ["/boss", "/pager"])
    assert tocsin.called_about("two") == ["/pager", "/pager"]


async def test_a_pause_outlives_a_restart(tocsin: Tocsin) -> None:
    """Only a person ends it, and readiness warns of it."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.post("pause")
    await tocsin.stop()
    tocsin.advance_while_down(seconds=1)
    await tocsin.start()
    await tocsin.alert()
    assert not tocsin.receiver.requests
    ready = (await tocsin.http.get("/readyz")).json()
    assert "paused" in [warning["code"] for warning in ready["warnings"]]
    assert await tocsin.metric("tocsin_paused") == 1


async def test_what_is_acknowledged_during_a_pause_never_goes_out(tocsin: Tocsin) -> None:
    """People can clean up before they resume."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.post("pause")
    await tocsin.alert()
    await tocsin.advance(minutes=5)
    await tocsin.act(1, "acknowledge")
    await tocsin.post("resume")
    await tocsin.advance(minutes=5)
    assert not tocsin.receiver.requests
