"""A kept connection may have ended: then a request is made again at once, over a fresh one."""

from collections.abc import Sequence

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def keep_a_connection(tocsin: Tocsin) -> None:
    """Let one delivery succeed, so that its connection waits for the next."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="the first")
    assert tocsin.receiver.connections == 1


async def the_delivery(tocsin: Tocsin, entity_id: str) -> Answer:
    """Open an incident; return its delivery once all is done that waits for nothing.

    An attempt takes real time, by which it ends after the manual clock; the least wait is 1.6 s.
    """
    number = await tocsin.open(entity_id)
    await tocsin.advance(seconds=1)
    return await the_delivery_of(tocsin, number)


async def the_delivery_of(tocsin: Tocsin, number: int) -> Answer:
    (delivery,) = await tocsin.deliveries(incident=number)
    return await tocsin.get(f"deliveries/{delivery['id']}")


def outcomes(delivery: Answer) -> Sequence[str]:
    return [attempt["outcome"] for attempt in delivery["attempts"]]


async def test_a_stale_connection_costs_no_wait(tocsin: Tocsin) -> None:
    """It ends before any byte of an answer: both attempts are on record, and nothing lies between."""
    await keep_a_connection(tocsin)
    tocsin.receiver.answer("/pager", 0, 200)
    waiting = await the_delivery_of(tocsin, await tocsin.open("disk"))
    assert waiting["due_at"] == waiting["attempts"][0]["ended_at"]
    await tocsin.advance(seconds=1)
    delivery = await the_delivery_of(tocsin, 2)
    lost, delivered = delivery["attempts"]
    assert (lost["outcome"], lost["reused"]) == ("connection_lost", True)
    assert (delivered["outcome"], delivered["reused"]) == ("delivered", False)
    assert lost["first_byte_at"] is not None
    assert [request.connection for request in tocsin.receiver.requests] == [1, 1, 2]
    assert len({request.delivery_id for request in tocsin.receiver.requests[1:]}) == 1


async def test_only_one_attempt_is_made_again_at_once(tocsin: Tocsin) -> None:
    """The fresh connection ended too, so it was not the connection: the next attempt waits its turn."""
    await keep_a_connection(tocsin)
    tocsin.receiver.answer("/pager", 0)
    delivery = await the_delivery(tocsin, "disk")
    assert outcomes(delivery) == ["connection_lost", "connection_lost"]
    assert [attempt["reused"] for attempt in delivery["attempts"]] == [True, False]
    assert delivery["state"] == "pending"
    assert delivery["due_at"] > delivery["attempts"][-1]["ended_at"]
    await tocsin.advance(seconds=1)
    assert tocsin.receiver.count("/pager") == 3


async def test_who_ends_every_kept_connection_gets_each_page_with_one_repeat(
    tocsin: Tocsin,
) -> None:
    """A receiver that cannot keep connections is called twice for each page, and no more."""
    await keep_a_connection(tocsin)
    tocsin.receiver.hangs_up_when_reused = True
    for number in range(5):
        delivery = await the_delivery(tocsin, f"disk {number}")
        assert outcomes(delivery) == ["connection_lost", "delivered"]
    assert tocsin.receiver.count("/pager") == 1 + 5 * 2
    assert tocsin.receiver.connections == 1 + 5


async def test_who_began_to_answer_was_there(tocsin: Tocsin) -> None:
    """A connection that ends in the middle of an answer is the receiver's failure, kept or not."""
    await keep_a_connection(tocsin)
    tocsin.receiver.answer("/pager", 1, 200)
    delivery = await the_delivery(tocsin, "disk")
    assert outcomes(delivery) == ["connection_lost"]
    assert delivery["attempts"][0]["reused"]
    assert delivery["state"] == "pending"
    await tocsin.advance(seconds=3)
    delivery = await the_delivery_of(tocsin, 2)
    assert outcomes(delivery) == ["connection_lost", "delivered"]
