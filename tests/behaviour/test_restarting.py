"""A restart is no outage: the engine goes on where it was."""

import asyncio
from datetime import timedelta

import pytest
from tests.behaviour.harness import Tocsin, until
from tests.manual_clock import START, ManualClock

pytestmark = pytest.mark.anyio


async def test_after_a_graceful_stop_everything_goes_on(tocsin: Tocsin) -> None:
    """Steps, holds and retries that were waiting happen at their instants; nothing happens twice."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("5m", ["boss"])], "held": [("0s", ["phone"])]},
        keys={"db": ["main"], "net": ["held"]},
    )
    await tocsin.alert(entity_id="disk")
    await tocsin.alert(entity_id="net", key="net")
    await tocsin.act(2, "hold", **{"for": "10m"})
    await tocsin.advance(minutes=1)
    await tocsin.stop()
    tocsin.advance_while_down(milliseconds=1)
    await tocsin.start()
    await tocsin.advance(minutes=4)
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/phone", "/boss", "/phone"]
    attempts = [len(each["attempts"]) for each in await tocsin.deliveries()]
    assert attempts == [1, 1, 1, 1]


async def test_a_graceful_stop_lets_attempts_end(tocsin: Tocsin) -> None:
    """What was under way is answered and on record; the next start has nothing to take over."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    stopping = asyncio.create_task(tocsin.stop())
    await until(lambda: tocsin.server.engine._sender._is_closed)
    assert not stopping.done()
    tocsin.receiver.let_go("/pager")
    await stopping
    assert tocsin.rows("SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]
    tocsin.advance_while_down(seconds=1)
    await tocsin.start()
    await tocsin.settle()
    (delivery,) = await tocsin.deliveries()
    assert [each["outcome"] for each in delivery["attempts"]] == ["delivered"]
    assert tocsin.receiver.paths() == ["/pager"]


async def test_after_hours_of_downtime_the_one_next_step_fires_late(tocsin: Tocsin) -> None:
    """Not the steps that the hours would have held: one, marked late, and the next from then on."""
    await tocsin.configure({"main": [("5m", ["pager"]), ("10m", ["boss"]), ("10m", ["chief"])]})
    await tocsin.alert()
    await tocsin.stop()
    tocsin.advance_while_down(hours=3)
    await tocsin.start()
    await tocsin.settle()
    assert tocsin.receiver.paths() == ["/pager"]
    (paged,) = await tocsin.entries(1, "paged")
    assert paged["lateness_seconds"] == 3 * 3600 - 5 * 60
    assert "2 h 55 min late" in paged["text"]

    (escalation,) = (await tocsin.incident())["escalations"]
    assert escalation["next"]["due_at"] == "2026-11-02T06:10:00.000000Z"
    await tocsin.advance(minutes=10)
    assert tocsin.receiver.paths() == ["/pager", "/boss"]


async def test_a_hold_that_ended_while_the_server_was_down_ends_at_the_start(
    tocsin: Tocsin,
) -> None:
    """Late, and marked so."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    await tocsin.act(1, "hold", **{"for": "1h"})
    await tocsin.stop()
    tocsin.advance_while_down(hours=2)
    await tocsin.start()
    await tocsin.settle()
    assert tocsin.receiver.paths() == ["/pager", "/pager"]
    (ended,) = await tocsin.entries(1, "hold_ended")
    assert ended["lateness_seconds"] == 3600


async def test_keys_tokens_and_configuration_outlive_a_restart(tocsin: Tocsin) -> None:
    """Senders and people go on without a change."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.stop()
    tocsin.advance_while_down(seconds=1)
    await tocsin.start()
    assert tocsin.server.first_start is None
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/pager"]


async def test_ids_ascend_over_a_restart_with_the_clock_set_back(tocsin: Tocsin) -> None:
    """Of alerts, deliveries and entries: lists stay in order, and no receiver sees an id go back."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="before")
    await tocsin.act(1, "acknowledge")
    (position,) = await positions(tocsin, 1, "acknowledged")
    await tocsin.stop()
    tocsin.clock = ManualClock(START - timedelta(hours=1))
    await tocsin.start()
    await tocsin.alert(entity_id="after")
    await tocsin.act(1, "reopen")

    assert [each["entity_id"] for each in (await tocsin.get("alerts"))["items"]] == [
        *("after", "before"),
    ]
    ids = [each["id"] for each in await tocsin.deliveries()]
    assert len(ids) == 3
    assert ids == sorted(ids)
    assert [request.delivery_id for request in tocsin.receiver.requests] == ids
    (reopened,) = await positions(tocsin, 1, "reopened")
    assert reopened > position


async def positions(tocsin: Tocsin, number: int, kind: str) -> list[int]:
    """Return the ids of an incident's entries of a kind."""
    select = "SELECT id FROM timeline WHERE incident = :number AND kind = :kind"
    return [id_ for (id_,) in tocsin.rows(select, number=number, kind=kind)]
