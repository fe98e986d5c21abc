"""What is not taken is tried again, in seconds, until a last attempt at the deadline."""

from datetime import datetime, timedelta

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio

WAITS = [2, 5, 15, 30] + [60] * 20


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def the_delivery(tocsin: Tocsin) -> Answer:
    (delivery,) = await tocsin.deliveries()
    return delivery


async def sleep_until_due(tocsin: Tocsin, delivery: Answer) -> None:
    """Move the clock to a microsecond before the next attempt, then to it."""
    sent = len(tocsin.receiver.requests)
    left = instant(delivery["due_at"]) - tocsin.now
    tocsin.clock.advance(left - timedelta(microseconds=1))
    await tocsin.settle()
    assert len(tocsin.receiver.requests) == sent
    await tocsin.advance(microseconds=1)
    assert len(tocsin.receiver.requests) == sent + 1


async def test_waits_grow_to_a_minute_and_the_last_attempt_is_at_the_deadline(
    tocsin: Tocsin,
) -> None:
    """2, 5, 15, 30, 60, 60 ... seconds, each within a fifth; 15 minutes after the first it ends."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    began = tocsin.now
    spreads = set()
    for wait in WAITS:
        delivery = await the_delivery(tocsin)
        due_at = instant(delivery["due_at"])
        after = due_at - instant(delivery["attempts"][-1]["ended_at"])
        if due_at == began + timedelta(minutes=15):
            break
        assert wait * 0.8 <= after.total_seconds() <= wait * 1.2
        spreads.add(round(after.total_seconds() / wait, 3))
        await sleep_until_due(tocsin, delivery)
    assert len(spreads) > 10
    await sleep_until_due(tocsin, delivery)
    delivery = await the_delivery(tocsin)
    assert (delivery["state"], delivery["end_reason"]) == ("failed", "deadline")
    assert delivery["attempts"][-1]["started_at"] == "2026-11-02T03:15:00.000000Z"
    await tocsin.advance(hours=1)
    assert len(tocsin.receiver.requests) == len(delivery["attempts"])


async def test_a_delivery_never_ends_without_a_real_attempt(tocsin: Tocsin) -> None:
    """Its deadline went by while the server was down: it is tried once more, and may succeed."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 500, 200)
    await tocsin.alert()
    await tocsin.stop()
    tocsin.advance_while_down(hours=5)
    await tocsin.start()
    await tocsin.settle()
    delivery = await the_delivery(tocsin)
    assert [each["outcome"] for each in delivery["attempts"]] == ["rejected", "delivered"]


async def test_what_could_not_be_mended_is_not_tried_again(tocsin: Tocsin) -> None:
    """410 ends the delivery at once, with the likely cause; other deliveries go on."""
    await tocsin.configure({"main": [("0s", ["gone"]), ("1m", ["gone"])]})
    tocsin.receiver.answer("/gone", 410, 200)
    await tocsin.alert()
    gone = await the_delivery(tocsin)
    assert (gone["state"], gone["end_reason"]) == ("failed", "final_outcome")
    assert "correct the webhook's URL" in gone["attempts"][0]["explanation"]
    await tocsin.advance(minutes=1)
    assert [each["state"] for each in await tocsin.deliveries()] == ["failed", "delivered"]


@pytest.mark.parametrize(
    ("status", "cause"),
    [(401, "auth code"), (403, "forbids"), (404, "path"), (302, "final URL"), (500, "own log")],
)
async def test_other_answers_are_tried_again_and_explained_at_once(
    shared: Tocsin, status: int, cause: str
) -> None:
    """The usual mistakes are told while there is time to mend them."""
    name = f"says-{status}"
    await shared.configure({name: [("0s", [name])]}, keys={name: [name]})
    shared.receiver.answer(f"/{name}", status)
    number = await shared.open(name, key=name)
    (delivery,) = await shared.deliveries(incident=number)
    assert delivery["state"] == "pending"
    assert cause in delivery["attempts"][0]["explanation"]
