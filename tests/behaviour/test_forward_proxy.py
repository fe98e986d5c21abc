"""Where the network lets nothing out directly, webhooks leave through the operator's proxy."""

from pathlib import Path

import pytest
from tests.behaviour.harness import a_server
from tests.transport.forwarding import forwarding

pytestmark = pytest.mark.anyio


async def test_webhooks_leave_through_the_proxy(home: Path) -> None:
    """The receiver verifies what it gets, as ever; the proxy was asked for the receiver's address."""
    async with (
        forwarding(lambda target: int(target.rpartition(":")[2])) as way,
        a_server(home, webhook_proxy=way.proxy) as tocsin,
    ):
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await tocsin.alert()
        (delivery,) = await tocsin.deliveries()
        assert delivery["state"] == "delivered"
        assert tocsin.receiver.paths() == ["/pager"]
        assert way.targets == [f"127.0.0.1:{tocsin.receiver.port}"]


async def test_loopback_behind_a_proxy_is_another_machine(home: Path) -> None:
    """What came over http from there may have been changed on the way: it does nothing."""
    async with (
        forwarding(lambda target: int(target.rpartition(":")[2])) as way,
        a_server(home, webhook_proxy=way.proxy) as tocsin,
    ):
        await tocsin.configure(
            {"main": [("0s", ["pager"])]}, webhooks={"pager": {"answer_may_act": "true"}}
        )
        tocsin.receiver.say("/pager", '{"incident": "resolve"}')
        number = await tocsin.open()
        assert (await tocsin.incident(number))["status"] == "triggered"
        (line,) = await tocsin.deliveries()
        (attempt,) = (await tocsin.get(f"deliveries/{line['id']}"))["attempts"]
        assert attempt["answer_decision"] == "not_secure"


async def test_a_proxy_that_refuses_is_told_with_its_words(home: Path) -> None:
    """The delivery waits for its next attempt, and the explanation names the proxy and what it said."""
    async with (
        forwarding(lambda _: "403 Forbidden") as way,
        a_server(home, webhook_proxy=way.proxy) as tocsin,
    ):
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await tocsin.alert()
        (line,) = await tocsin.deliveries()
        delivery = await tocsin.get(f"deliveries/{line['id']}")
    (attempt,) = delivery["attempts"]
    assert (delivery["state"], attempt["outcome"]) == ("pending", "proxy_refused")
    assert f"the proxy {way.proxy} said '403 Forbidden'" in attempt["reason"]
    assert "allows CONNECT" in attempt["explanation"]
