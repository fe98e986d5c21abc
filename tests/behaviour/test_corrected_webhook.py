"""A webhook is as it is at the time of each attempt, so a correction rescues what waits."""

import pytest
from tests.behaviour.harness import Tocsin, a_receiver

from tocsin_receiver import BadSignature, read

pytestmark = pytest.mark.anyio


async def test_a_corrected_url_rescues_waiting_deliveries(tocsin: Tocsin) -> None:
    """The retry goes to the new URL, signed for it, with the same delivery id."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 404)
    await tocsin.alert()
    url = tocsin.receiver.url("/corrected")
    await tocsin.call("PATCH", "webhooks/pager", {"url": url})
    await tocsin.advance(seconds=3)

    wrong, right = tocsin.receiver.requests
    assert (wrong.path, right.path) == ("/pager", "/corrected")
    assert wrong.delivery_id == right.delivery_id
    (delivery,) = await tocsin.deliveries()
    assert delivery["state"] == "delivered"


async def test_the_auth_code_is_that_of_the_attempt(tocsin: Tocsin) -> None:
    """A retry after the code was replaced is signed with the new one."""
    code = "Zz9~Xx8-Cc7Vv6Bb5Nn4Mm3Aa2Ss1Dd0Ff9G"
    await tocsin.configure({"main": [("0s", ["pager"])]})
    async with a_receiver(auth_code=code) as other:
        await tocsin.call("PATCH", "webhooks/pager", {"url": other.url("/pager")})
        await tocsin.alert()
        assert other.refused == 1
        await tocsin.call("PATCH", "webhooks/pager", {"auth_code": code})
        await tocsin.advance(seconds=3)
        (request,) = other.requests
        read(other.url("/pager"), request.headers, request.body, code)
        with pytest.raises(BadSignature):
            read(other.url("/pager"), request.headers, request.body, code[::-1])


async def test_the_deadline_is_that_of_the_attempt(tocsin: Tocsin) -> None:
    """A delivery that would have been given up goes on when its webhook is given more time."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"deadline": "10s"}})
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.call("PATCH", "webhooks/pager", {"deadline": "1h"})
    for _ in range(4):
        await tocsin.advance(seconds=20)
    (delivery,) = await tocsin.deliveries()
    assert delivery["state"] == "pending"


async def test_a_disabled_webhook_is_passed_over_and_the_step_says_so(tocsin: Tocsin) -> None:
    """Steps that fire while it is disabled call the others, and the timeline names it."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["pager", "phone"])]})
    await tocsin.alert()
    await tocsin.call("PATCH", "webhooks/pager", {"enabled": False})
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]
    (skipped,) = await tocsin.entries(1, "target_skipped")
    assert (
        skipped["text"]
        == "ops/main, step 2 of 2, did not call pager: it is disabled, by an administrator."
    )
