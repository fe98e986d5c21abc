"""A receiver that says again and again that it is gone is left alone, and everybody is told."""

import asyncio
import logging
from datetime import timedelta

import pytest
from tests.behaviour.harness import Tocsin
from tests.cli.conftest import Cli

from tocsin.cli.serve import _lacking

pytestmark = pytest.mark.anyio

GAUGE = 'tocsin_disabled_webhooks{reason="gone"}'


async def gone_three_times(tocsin: Tocsin, *, minutes: float = 5.1) -> None:
    """Three incidents call /pager, and it answers 410 each time."""
    tocsin.receiver.answer("/pager", 410)
    for number in range(3):
        if number:
            await tocsin.advance(minutes=minutes)
        await tocsin.alert(entity_id=f"{tocsin.now}")


async def state(tocsin: Tocsin) -> tuple[bool, str | None]:
    pager = await tocsin.get("webhooks/pager")
    assert (pager["disabled_at"] is None) == pager["enabled"]
    return pager["enabled"], pager["disabled_reason"]


async def test_three_410_over_ten_minutes_disable_a_webhook_loudly(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """On the timeline, in the audit, the log, a metric, readiness, the list and every why."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["pager", "boss"])]})
    await gone_three_times(tocsin)

    assert await state(tocsin) == (False, "gone")
    (entry,) = await tocsin.entries(3, "webhook_disabled")
    assert (entry["actor"], entry["detail"]["gone"]) == ("engine", 3)
    assert entry["text"].startswith(
        "pager was disabled: its receiver answered 410 (Gone) 3 times since 2026-11-02 03:00:00."
    )
    change = (await tocsin.get("changes"))["items"][0]
    assert (change["actor"], change["action"], change["object"]) == (
        *("engine", "webhook.disabled"),
        "pager",
    )
    (logged,) = [each for each in caplog.records if each.message == "webhook.disabled"]
    assert logged.levelno == logging.ERROR
    assert await tocsin.metric(GAUGE) == 1
    ready = (await tocsin.http.get("/readyz")).json()
    assert ready["ready"]
    assert "webhooks_gone" in [each["code"] for each in ready["warnings"]]
    where = f"{tocsin.server.public_url}/webhooks, or: tocsin webhooks"
    said = f"1 webhook is disabled after answers of 410 (Gone): {where}"
    assert said in _lacking(tocsin.server)
    for number in (1, 3):
        answer = await tocsin.why(f"#{number}")
        assert "webhook_disabled" in [each["reason"] for each in answer["sentences"]]
        assert "pager is not called: it has been disabled since 2026-11-02 03:10" in answer["text"]
        assert "because its receiver answered 410 (Gone)" in answer["text"]


async def test_the_commands_say_so_and_enable_it(tocsin: Tocsin) -> None:
    """The list says since when, why, and what to type; that enables it, once."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await gone_three_times(tocsin)
    cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now + timedelta(minutes=2))

    listed = await asyncio.to_thread(cli, "webhooks")
    assert "pager was disabled 2m ago, because its receiver answered 410 (Gone)" in listed.out
    assert "When it takes pages again: tocsin webhooks enable pager" in listed.out
    shown = await asyncio.to_thread(cli, "webhooks", "show", "pager")
    assert "disabled 2m ago, because its receiver answered 410 (Gone)" in shown.out

    enabled = await asyncio.to_thread(cli, "webhooks", "enable", "pager")
    assert (enabled.code, enabled.out) == (0, "pager is enabled.\n")
    assert await state(tocsin) == (True, None)
    again = await asyncio.to_thread(cli, "webhooks", "enable", "pager")
    assert (again.code, again.out) == (0, "pager is enabled already.\n")
    assert "was disabled" not in (await asyncio.to_thread(cli, "webhooks")).out
    disabled = await asyncio.to_thread(cli, "webhooks", "disable", "pager")
    assert (disabled.code, disabled.out) == (0, "pager is disabled.\n")
    assert await state(tocsin) == (False, "by_hand")


async def test_it_is_not_called_until_somebody_enables_it(tocsin: Tocsin) -> None:
    """Steps pass over it and say why; enabled again, it takes three more to disable it."""
    await tocsin.configure({"main": [("0s", ["pager", "phone"])]})
    await gone_three_times(tocsin)
    await tocsin.alert(entity_id="later")
    assert tocsin.called_about("later") == ["/phone"]
    (skipped,) = await tocsin.entries(4, "target_skipped")
    assert (
        "did not call pager: it is disabled, because its receiver answered 410" in skipped["text"]
    )

    await tocsin.stop()
    await tocsin.start()
    assert await state(tocsin) == (False, "gone")
    await tocsin.call("PATCH", "webhooks/pager", {"enabled": True})
    assert await state(tocsin) == (True, None)
    assert await tocsin.metric(GAUGE) == 0
    await tocsin.alert(entity_id="again")
    assert "/pager" in tocsin.called_about("again")
    assert await state(tocsin) == (True, None)
    await gone_three_times(tocsin)
    assert await state(tocsin) == (False, "gone")


async def test_less_than_that_does_not_disable_it(tocsin: Tocsin) -> None:
    """Three in less than ten minutes, or with a 2xx between: a deployment looks like that."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await gone_three_times(tocsin, minutes=4.9)
    assert await state(tocsin) == (True, None)
    tocsin.receiver.answer("/pager", 200)
    await tocsin.alert(entity_id="taken")
    await gone_three_times(tocsin, minutes=4.9)
    assert await state(tocsin) == (True, None)
    assert await tocsin.metric(GAUGE) == 0


async def test_what_waits_for_it_is_given_up_with_the_reason(tocsin: Tocsin) -> None:
    """A retry of another incident is not sent to a receiver that is gone."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 410, 410, 500, 410)
    await tocsin.alert(entity_id="first")
    await tocsin.alert(entity_id="second")
    await tocsin.advance(minutes=10.1)
    await tocsin.alert(entity_id="waits")
    await tocsin.alert(entity_id="third")
    called = tocsin.receiver.count("/pager")
    await tocsin.advance(seconds=3)
    assert tocsin.receiver.count("/pager") == called
    (waited,) = [each for each in await tocsin.deliveries() if each["incident"] == 3]
    assert waited["state"] == "failed"
    assert waited["attempts"][-1]["outcome"] == "withdrawn"
    answer = await tocsin.get(f"deliveries/{waited['id']}")
    assert "disabled, because its receiver answered 410" in answer["attempts"][-1]["reason"]
