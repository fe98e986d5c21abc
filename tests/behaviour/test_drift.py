"""When the next step is planned: from the plan in normal times, from now after a gap."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server

pytestmark = pytest.mark.anyio

_TRANSACTIONS = "SELECT max(position) FROM feed"


async def next_due(tocsin: Tocsin, number: int = 1) -> str:
    (escalation,) = (await tocsin.incident(number))["escalations"]
    return str(escalation["next"]["due_at"])


async def test_up_to_half_a_minute_late_the_plan_stays(tocsin: Tocsin) -> None:
    """Four steps, the first three 30, 0 and 7 seconds late: each is planned as at the start."""
    await tocsin.configure({"main": [("1m", ["pager"])] * 4})
    await tocsin.alert()
    await tocsin.advance(seconds=90)
    assert await next_due(tocsin) == "2026-11-02T03:02:00.000000Z"
    await tocsin.advance(seconds=30)
    await tocsin.advance(seconds=67)
    assert await next_due(tocsin) == "2026-11-02T03:04:00.000000Z"
    planned = [entry["planned_at"] for entry in await tocsin.entries(1, "paged")]
    assert planned == [f"2026-11-02T03:0{minute}:00.000000Z" for minute in (1, 2, 3)]


async def test_after_a_longer_gap_the_plan_moves_with_it(tocsin: Tocsin) -> None:
    """More than 30 seconds late: the next step counts from the real instant, so there is no burst."""
    await tocsin.configure({"main": [("1m", ["pager"])] * 4})
    await tocsin.alert()
    await tocsin.advance(seconds=90, microseconds=1)
    assert await next_due(tocsin) == "2026-11-02T03:02:30.000001Z"
    assert tocsin.receiver.count("/pager") == 1


async def test_steps_without_a_delay_fire_together(tocsin: Tocsin) -> None:
    """In one transaction, in order, planned for the same instant; and the last ends the escalation."""
    await tocsin.configure({"main": [("1m", ["one"]), ("0s", ["two"]), ("0s", ["three"])]})
    await tocsin.alert()
    before = tocsin.rows(_TRANSACTIONS)
    await tocsin.advance(seconds=61)
    assert sorted(tocsin.receiver.paths()) == ["/one", "/three", "/two"]
    paged = await tocsin.entries(1, "paged")
    assert [entry["detail"]["step"] for entry in paged] == [1, 2, 3]
    assert {entry["planned_at"] for entry in paged} == {"2026-11-02T03:01:00.000000Z"}
    (escalation,) = (await tocsin.incident())["escalations"]
    assert escalation["end_reason"] == "exhausted"
    # One transaction fired all of them; the others put their outcomes on record.
    assert tocsin.rows(_TRANSACTIONS)[0][0] - before[0][0] <= 1 + 3


async def test_how_late_a_step_may_be_is_a_setting(home: Path) -> None:
    """With five minutes, a step that is two minutes late leaves the plan as it was."""
    async with a_server(home, late_after=timedelta(minutes=5)) as tocsin:
        await tocsin.configure({"main": [("1m", ["pager"]), ("10m", ["pager"])]})
        await tocsin.alert()
        await tocsin.advance(minutes=3)
        assert await next_due(tocsin) == "2026-11-02T03:11:00.000000Z"
