"""A delivery is sent at least once, and every attempt of it carries the same id."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_every_attempt_carries_the_id_of_its_delivery(tocsin: Tocsin) -> None:
    """A receiver can drop what it has seen, and tell apart what it has not."""
    await tocsin.configure({"main": [("0s", ["pager", "phone"])]})
    tocsin.receiver.answer("/pager", 500, 500, 200)
    await tocsin.alert()
    await tocsin.advance(seconds=3)
    await tocsin.advance(seconds=7)

    sent = tocsin.receiver.requests
    pager = {request.delivery_id for request in sent if request.path == "/pager"}
    phone = {request.delivery_id for request in sent if request.path == "/phone"}
    assert tocsin.receiver.count("/pager") == 3
    assert len(pager) == len(phone) == 1
    assert pager != phone
    known = {delivery["id"]: delivery["webhook"] for delivery in await tocsin.deliveries()}
    assert known == {pager.pop(): "pager", phone.pop(): "phone"}


async def test_a_delivery_goes_on_until_somebody_takes_it(tocsin: Tocsin) -> None:
    """A receiver that hangs up, fails and at last says 204 has been told."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 0, 502, 204)
    await tocsin.alert()
    await tocsin.advance(seconds=3)
    await tocsin.advance(seconds=7)

    (delivery,) = await tocsin.deliveries()
    outcomes = [attempt["outcome"] for attempt in delivery["attempts"]]
    assert outcomes == ["connection_lost", "rejected", "delivered"]
    assert delivery["state"] == "delivered"
