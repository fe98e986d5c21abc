"""A page that comes too late to be of use is not sent: `skip_if_late`."""

import asyncio
from datetime import timedelta

import pytest
from tests.behaviour.harness import Tocsin
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio

LATE = {"pager": {"skip_if_late": "10m"}}


async def after_an_outage(tocsin: Tocsin, *, minutes: float) -> None:
    """An alert was taken in, and its step fires so much later."""
    await tocsin.post("pause")
    await tocsin.alert()
    await tocsin.stop()
    tocsin.advance_while_down(minutes=minutes)
    await tocsin.start()
    await tocsin.post("resume")


async def test_a_page_is_not_sent_forty_minutes_late(tocsin: Tocsin) -> None:
    """The delivery ends by name, everybody is told, and a step that did not want to wait for it goes on."""
    await tocsin.configure({"main": [("0s", ["pager"], "60s"), ("10m", ["phone"])]}, webhooks=LATE)
    await after_an_outage(tocsin, minutes=40)
    assert tocsin.receiver.paths() == ["/phone"]
    skipped, sent = await tocsin.deliveries()
    assert (skipped["state"], skipped["end_reason"]) == ("failed", "skipped_late")
    assert skipped["attempts"] == []
    assert sent["state"] == "delivered"
    (entry,) = await tocsin.entries(1, "target_skipped")
    assert entry["text"].startswith(
        "ops/main, step 1 of 2, did not call pager: it would have been 40 min late, and its "
        "skip_if_late is 10m"
    )
    assert entry["detail"]["delivery"] == skipped["id"]
    assert await tocsin.entries(1, "reached_nobody") != []
    answer = await tocsin.why(skipped["id"])
    assert (
        "its first attempt would have been later than the webhook's skip_if_late" in answer["text"]
    )
    assert "It can be sent again by hand." in answer["text"]
    assert await tocsin.metric("tocsin_deliveries_skipped_late_total") == 1
    assert await tocsin.metric('tocsin_deliveries_total{state="failed"}') == 1


async def test_up_to_its_limit_it_is_sent(tocsin: Tocsin) -> None:
    """And a webhook that does not mind gets it however late."""
    await tocsin.configure({"main": [("0s", ["pager", "phone"])]}, webhooks=LATE)
    await after_an_outage(tocsin, minutes=10)
    assert sorted(tocsin.receiver.paths()) == ["/pager", "/phone"]


async def test_one_that_waited_too_long_for_a_slot_is_not_sent_either(tocsin: Tocsin) -> None:
    """It is judged whenever its first attempt would begin; the retry of another is not."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks=LATE)
    await tocsin.stop()
    await tocsin.start(webhook_slots=1)
    tocsin.receiver.hold("/pager")
    await tocsin.alert(entity_id="first")
    await tocsin.alert(entity_id="second")
    await tocsin.advance(minutes=11)
    tocsin.receiver.answer("/pager", 500, 200)
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    await tocsin.advance(seconds=3)
    first, second = await tocsin.deliveries()
    assert (first["state"], len(first["attempts"])) == ("delivered", 2)
    assert (second["state"], second["end_reason"]) == ("failed", "skipped_late")
    assert "/pager" in tocsin.called_about("first")
    assert tocsin.called_about("second") == []


async def test_somebody_may_send_it_all_the_same(tocsin: Tocsin) -> None:
    """By its id, as the timeline says; then it is tried like any other."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["pager"])]}, webhooks=LATE)
    await after_an_outage(tocsin, minutes=40)
    (skipped,) = await tocsin.deliveries()
    tocsin.receiver.answer("/pager", 500, 200)
    await tocsin.post(f"deliveries/{skipped['id']}/send-again")
    await tocsin.advance(seconds=3)
    (sent,) = await tocsin.deliveries()
    assert (sent["id"], sent["state"], len(sent["attempts"])) == (skipped["id"], "delivered", 2)


async def test_the_file_the_api_and_the_commands_say_it_alike(tocsin: Tocsin) -> None:
    """One second to a day; `0s` takes it away by the API, leaving it out by a file."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks=LATE)
    assert (await tocsin.get("webhooks/pager"))["skip_if_late"] == "10m"
    exported = (await tocsin.ask("GET", "configuration/export")).text
    assert "skip_if_late: 10m" in exported
    assert (await tocsin.apply(exported))["changed"] is False
    cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now + timedelta(minutes=2))
    shown = await asyncio.to_thread(cli, "webhooks", "show", "pager")
    assert "skip if late" in shown.out
    assert "10m" in shown.out

    changed = await tocsin.call("PATCH", "webhooks/pager", {"skip_if_late": "0s"})
    assert changed["skip_if_late"] is None
    changed = await tocsin.call("PATCH", "webhooks/pager", {"skip_if_late": "1h"})
    assert changed["skip_if_late"] == "1h"
    for wrong in ("2d", "999999999s"):
        answer = await tocsin.ask("PATCH", "webhooks/pager", {"skip_if_late": wrong})
        assert answer.status_code == 422
    await tocsin.configure({"main": [("0s", ["pager"])]})
    assert (await tocsin.get("webhooks/pager"))["skip_if_late"] is None
