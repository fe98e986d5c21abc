"""Pages of one incident reach one webhook in order, and none waits for another's back-off."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_a_page_waits_for_the_answer_to_the_one_before(tocsin: Tocsin) -> None:
    """The second step fires on time; its request leaves when the first has been answered."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    await tocsin.advance(seconds=5)
    assert tocsin.receiver.count("/pager") == 1
    told = [
        each["reason"]
        for each in (await tocsin.why("disk"))["sentences"]
        if each["topic"] == "next"
    ]
    assert told[-2:] == ["attempt_under_way", "attempt_in_line"]

    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    first, second = tocsin.receiver.requests
    assert first.delivery_id != second.delivery_id
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


async def test_a_new_page_brings_the_waiting_retry_forward(tocsin: Tocsin) -> None:
    """The receiver is back: it gets the page that failed, and then the new one, without a wait."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["pager"])]})
    tocsin.receiver.answer("/pager", 500, 500, 500, 500, 200)
    await tocsin.alert()
    for seconds in (3, 7, 19):
        await tocsin.advance(seconds=seconds)
    assert tocsin.receiver.count("/pager") == 4  # the next attempt waits half a minute and more
    await tocsin.advance(seconds=31)
    *_, again, new = [request.delivery_id for request in tocsin.receiver.requests]
    assert again == tocsin.receiver.requests[0].delivery_id
    assert new != again
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


async def test_a_page_never_waits_behind_a_back_off(tocsin: Tocsin) -> None:
    """The earlier one fails again; the newer is sent all the same, at once."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["pager"])]})
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.advance(minutes=1)
    sent = [request.delivery_id for request in tocsin.receiver.requests]
    assert sent[-1] != sent[0]
    assert sent.count(sent[-1]) == 1
