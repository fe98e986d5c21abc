"""What a webhook is told after a page, if it asks: acknowledged, resolved, reopened."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin, until
from tests.behaviour.receiver import Received
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio
ALL = {"follow_up": ["acknowledged", "resolved", "reopened"]}


async def configure(shared: Tocsin, name: str, **options: Any) -> None:
    """One policy that calls a webhook at once and again in five minutes, under a key of its own."""
    await shared.configure(
        {name: [("0s", [name]), ("5m", [name])]},
        keys={name: [name]},
        webhooks={name: options or ALL},
    )


def told(tocsin: Tocsin, name: str) -> list[str]:
    """The message types that a webhook was sent, in the order of their coming."""
    return [_type(each) for each in tocsin.receiver.requests if each.path == f"/{name}"]


def _type(request: Received) -> str:
    return request.fields["message_type"].strip('"')


async def test_a_status_page_hears_of_every_change_once(shared: Tocsin) -> None:
    """In the form of the page, verified like one, each under an id of its own; whoever changes it."""
    await configure(shared, "status")
    number = await shared.open("status", key="status", host_name="db1")
    await shared.act(number, "acknowledge", message="Looking")
    await shared.act(number, "acknowledge")  # it is so already
    await shared.act(number, "reopen")
    await shared.alert("ACKNOWLEDGEMENT", "status", key="status", ack_author="bob")
    await shared.alert("RECOVERY", "status", key="status")

    assert told(shared, "status") == [
        *("CRITICAL", "ACKNOWLEDGEMENT", "CRITICAL", "CRITICAL", "ACKNOWLEDGEMENT", "RECOVERY"),
    ]
    requests = [each for each in shared.receiver.requests if each.path == "/status"]
    assert len({each.delivery_id for each in requests}) == len(requests)
    assert [each.fields["incident"] for each in requests] == [str(number)] * 6
    acknowledged = requests[1].fields
    assert acknowledged["summary"] == "ACKNOWLEDGEMENT db1 status ACKNOWLEDGEMENT"
    assert acknowledged["ack_msg"] == '"Looking"'
    assert requests[4].fields["ack_author"] == '"bob"'
    assert not shared.receiver.refused


async def test_a_webhook_that_does_not_ask_is_told_nothing(shared: Tocsin) -> None:
    """As VictorOps has it."""
    await configure(shared, "silent", follow_up=[])
    number = await shared.open("silent", key="silent")
    await shared.act(number, "acknowledge")
    await shared.act(number, "resolve")
    assert told(shared, "silent") == ["CRITICAL"]


async def test_a_hold_and_its_end_are_told(shared: Tocsin) -> None:
    """A hold is an acknowledgement, its end a reopening; then the policy pages again."""
    await configure(shared, "held")
    number = await shared.open("held", key="held")
    await shared.act(number, "hold", **{"for": "10m"})
    await shared.advance(minutes=10)
    assert told(shared, "held") == ["CRITICAL", "ACKNOWLEDGEMENT", "CRITICAL", "CRITICAL"]
    said = [
        each.fields["state_message"] for each in shared.receiver.requests if each.path == "/held"
    ]
    assert said[2] == '"The hold ended"'


async def test_it_comes_behind_the_page_that_is_under_way(shared: Tocsin) -> None:
    """The receiver acknowledges before it answers: it is told when its answer is there."""
    await configure(shared, "asking")
    shared.receiver.hold("/asking")
    number = await shared.open("asking", key="asking")
    await shared.act(number, "acknowledge")
    assert told(shared, "asking") == ["CRITICAL"]
    (following,) = await shared.deliveries(incident=number, state="pending")
    assert (following["follow_up"], following["step"]) == ("acknowledged", None)
    shared.receiver.let_go("/asking")
    await shared.settle()
    assert told(shared, "asking") == ["CRITICAL", "ACKNOWLEDGEMENT"]


async def test_nobody_is_told_who_was_not_paged(
    tocsin: Tocsin, name_server: threading.Event
) -> None:
    """Acknowledged between lease and first byte: neither the page nor what would follow it leaves."""
    url = f"http://localhost:{tocsin.receiver.port}/pager"
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"url": url, **ALL}})
    assert (await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})).is_success
    await until(lambda: tocsin.server.engine.courier.in_flight)
    assert (await tocsin.ask("POST", "incidents/1/acknowledge")).is_success
    name_server.set()
    await tocsin.settle()
    await tocsin.advance(hours=1)
    assert not tocsin.receiver.requests
    page, following = await tocsin.deliveries()
    assert (page["end_reason"], following["end_reason"]) == ("acknowledged", "no_page_left")


async def test_what_fails_is_tried_again_until_there_is_something_newer(shared: Tocsin) -> None:
    """In seconds, like a page; what is newer brings it forward once, and takes its place."""
    await configure(shared, "moody")
    number = await shared.open("moody", key="moody")
    shared.receiver.answer("/moody", 500)
    await shared.act(number, "acknowledge")
    await shared.advance(seconds=3)
    assert told(shared, "moody") == ["CRITICAL", "ACKNOWLEDGEMENT", "ACKNOWLEDGEMENT"]
    await shared.act(number, "resolve")
    shared.receiver.answer("/moody", 200)
    await shared.advance(hours=1)
    assert told(shared, "moody")[3:] == ["ACKNOWLEDGEMENT", "RECOVERY", "RECOVERY"]
    states = [
        (each["follow_up"], each["state"], each["end_reason"])
        for each in await shared.deliveries(incident=number)
    ]
    assert states[1:] == [
        ("acknowledged", "cancelled", "superseded"),
        ("resolved", "delivered", "delivered"),
    ]


async def test_a_crash_loses_none(tocsin: Tocsin, tmp_path: Path) -> None:
    """It is on disk with the change: whoever starts next sends it, behind what may have left."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": ALL})
    tocsin.receiver.hold("/pager")
    await tocsin.open()
    await tocsin.act(1, "acknowledge")
    after = tocsin.after_a_crash(tmp_path / "after")
    tocsin.receiver.let_go("/pager")
    await tocsin.stop()
    before = len(tocsin.receiver.requests)
    await after.start()
    try:
        await after.until_taken_over()
        await after.settle()
        page, following = await after.deliveries()
        assert page["attempts"][0]["outcome"] == "unknown"
        assert (following["follow_up"], following["state"]) == ("acknowledged", "delivered")
        assert [_type(each) for each in after.receiver.requests[before:]] == ["ACKNOWLEDGEMENT"]
    finally:
        await after.stop()


async def test_the_commands_and_the_metrics_show_them(shared: Tocsin) -> None:
    """The option, whom a delivery is for, and how many were made."""
    await configure(shared, "shown")
    number = await shared.open("shown", key="shown")
    await shared.act(number, "acknowledge")
    assert await shared.metric('tocsin_follow_ups_total{follow_up="acknowledged"}') >= 1
    assert "followed_up" in await shared.timeline(number)
    page, following = await shared.deliveries(incident=number)
    assert (page["follow_up"], following["follow_up"]) == (None, "acknowledged")

    cli = Cli({"TOCSIN_HOME": str(shared.home)}, now=shared.now)
    webhook = await asyncio.to_thread(cli, "webhooks", "show", "shown")
    assert re.search(r"follow up +acknowledged, resolved, reopened\n", webhook.out)
    shown = await asyncio.to_thread(cli, "deliveries", "show", following["id"])
    assert re.search(rf"for +#{number} acknowledged\n", shown.out)
    why = await asyncio.to_thread(cli, "why", following["id"])
    assert f"Made to follow the page of incident #{number}, when that was acknowledged." in why.out
    exported = await asyncio.to_thread(cli, "export")
    assert "follow_up:" in exported.out
