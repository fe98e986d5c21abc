"""Where a delivery is, and the evidence of each attempt: on record before the first byte."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_a_delivery_goes_through_the_states_that_are_documented(tocsin: Tocsin) -> None:
    """pending, sending, pending again, and one of delivered, failed and cancelled."""
    await tocsin.configure(
        {"main": [("0s", ["good", "gone", "bad", "late"])]},
        webhooks={"late": {"deadline": "10s"}},
    )
    tocsin.receiver.hold("/good")
    for path, status in (("/gone", 410), ("/bad", 500), ("/late", 500)):
        tocsin.receiver.answer(path, status)

    async def states() -> dict[str, tuple[str, str | None]]:
        return {
            each["webhook"]: (each["state"], each["end_reason"])
            for each in await tocsin.deliveries()
        }

    await tocsin.alert()
    assert await states() == {
        "good": ("sending", None),
        "gone": ("failed", "final_outcome"),
        "bad": ("pending", None),
        "late": ("pending", None),
    }
    tocsin.receiver.let_go("/good")
    for _ in range(4):
        await tocsin.advance(seconds=6)
    await tocsin.act(1, "acknowledge")
    assert await states() == {
        "good": ("delivered", "delivered"),
        "gone": ("failed", "final_outcome"),
        "bad": ("cancelled", "acknowledged"),
        "late": ("failed", "deadline"),
    }


async def test_an_attempt_is_on_disk_before_its_first_byte(tocsin: Tocsin) -> None:
    """When the receiver has the request, the disk has its number, its beginning and its run."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    assert tocsin.receiver.held == 1
    (row,) = tocsin.rows(
        "SELECT d.state, d.attempts, d.attempt_started_at IS NOT NULL, r.ended_at"
        " FROM deliveries d JOIN runs r ON r.id = d.run_id"
    )
    assert row == ("sending", 1, True, None)
    (delivery,) = await tocsin.deliveries()
    (attempt,) = delivery["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, None)
    assert attempt["started_at"] == "2026-11-02T03:00:00.000000Z"
