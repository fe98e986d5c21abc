"""A test of a webhook is one attempt, for the person who asked and waits for what becomes of it."""

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def outcome_of_a_test(tocsin: Tocsin, webhook: str = "pager") -> Answer:
    """Send a test; return its delivery."""
    made = await tocsin.post(f"webhooks/{webhook}/test")
    return await tocsin.get(f"deliveries/{made['delivery']}")


async def test_a_failed_test_is_not_tried_again(tocsin: Tocsin) -> None:
    """It has ended with its only attempt, `why` says so, and no receiver is called an hour later."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 500)
    delivery = await outcome_of_a_test(tocsin)
    assert (delivery["state"], delivery["end_reason"]) == ("failed", "one_attempt")
    (attempt,) = delivery["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("rejected", 500)
    answer = await tocsin.why(delivery["id"])
    assert answer["text"].endswith("Nothing: it was a test, which is sent once.")

    await tocsin.advance(hours=1)
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.get("upcoming"))["items"] == []


async def test_a_test_shows_the_whole_way(tocsin: Tocsin) -> None:
    """It never goes over a connection that was open already, whose end would be taken for a failure."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    for _ in range(2):
        delivery = await outcome_of_a_test(tocsin)
        (attempt,) = delivery["attempts"]
        assert (delivery["state"], attempt["reused"]) == ("delivered", False)
        assert attempt["milliseconds"]["connect"] > 0


async def test_no_test_waits_for_the_end_of_a_pause(tocsin: Tocsin) -> None:
    """It is refused with what to do, and resuming sends nothing of it."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.post("pause")
    answer = await tocsin.ask("POST", "webhooks/pager/test")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "nothing_is_sent"
    assert "and resume" in answer.json()["error"]["message"]

    await tocsin.post("resume")
    assert tocsin.receiver.requests == []
    assert (await outcome_of_a_test(tocsin))["state"] == "delivered"
