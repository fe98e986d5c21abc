"""A webhook that fails again and again is left alone, but for probes; and everybody can see it."""

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta

import pytest
from tests.behaviour.harness import Tocsin
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio
SECONDS = pytest.approx


async def fail(tocsin: Tocsin, *, pages: int = 5) -> None:
    """Let pages to /pager fail, the last of them more than ten seconds after the first."""
    tocsin.receiver.answer("/pager", 500)
    for number in range(pages - 1):
        await tocsin.alert(entity_id=f"early-{number}")
    await tocsin.advance(seconds=11)  # an attempt takes real milliseconds
    await tocsin.alert(entity_id="late")


async def is_open(tocsin: Tocsin) -> bool:
    return (await tocsin.get("webhooks/pager"))["breaker"] is not None


def seconds_of(tocsin: Tocsin, since: int) -> int:
    """How many requests came since so many had."""
    return len(tocsin.receiver.requests) - since


async def test_a_dead_receiver_is_called_every_ten_seconds_and_no_more(tocsin: Tocsin) -> None:
    """Twenty deliveries wait, and would be tried again twenty times a minute."""
    await tocsin.configure(
        {"main": [("0s", ["pager"])]}, webhooks={"pager": {"retry_waits": ["3s"]}}
    )
    await fail(tocsin, pages=20)
    assert await is_open(tocsin)
    made = []
    for _ in range(60):
        before = tocsin.receiver.count("/pager")
        await tocsin.advance(seconds=1)
        made.append(tocsin.receiver.count("/pager") - before)
    assert sum(made[:2]) <= 1
    assert set(made) == {0, 1}
    assert sum(made) == 7  # at 2, 7, 17, 27, 37, 47 and 57


async def test_a_page_is_a_probe_or_waits_ten_seconds_and_reaches_all_once_it_is_back(
    tocsin: Tocsin,
) -> None:
    """Its first attempt is never later; the first 2xx lets everything go at once."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await fail(tocsin)
    for number in range(12):
        await tocsin.advance(seconds=1)
        await tocsin.alert(entity_id=f"page-{number}")
    for _ in range(10):
        await tocsin.advance(seconds=1)
    sent = {request.fields["entity_id"].strip('"') for request in tocsin.receiver.requests}
    assert sent >= {f"page-{number}" for number in range(12)}
    for number in range(12):
        (delivery,) = await tocsin.deliveries(incident=6 + number)
        began = datetime.fromisoformat(delivery["attempts"][0]["started_at"])
        assert began - datetime.fromisoformat(delivery["created_at"]) <= timedelta(seconds=10)
    tocsin.receiver.answer("/pager", 200)
    await tocsin.advance(seconds=10)
    assert not await is_open(tocsin)
    states = Counter(each["state"] for each in await tocsin.deliveries())
    assert states["delivered"] >= 12  # what is not due yet is not hurried
    await tocsin.advance(seconds=60)
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


async def test_it_is_nowhere_silent(tocsin: Tocsin, caplog: pytest.LogCaptureFixture) -> None:
    """The feed, the log, a metric, readiness, the list, the webhook itself, and every why; opened and closed."""
    caplog.set_level(logging.INFO)
    await tocsin.configure({"main": [("0s", ["pager"])]})
    assert await tocsin.metric("tocsin_open_breakers") == 0
    await fail(tocsin)
    breaker = (await tocsin.get("webhooks/pager"))["breaker"]
    assert breaker["failures"] >= 5
    assert breaker["failing_since"].startswith("2026-11-02T03:00:00")
    assert breaker["opened_at"] < breaker["probe_at"]
    assert await tocsin.metric("tocsin_open_breakers") == 1
    ready = (await tocsin.http.get("/readyz")).json()
    assert ready["ready"]
    (warned,) = [each for each in ready["warnings"] if each["code"] == "breakers_open"]
    assert "held back, but for probes: pager" in warned["message"]
    (logged,) = [each for each in caplog.records if each.message == "breaker.opened"]
    assert (logged.levelno, logged.__dict__["webhook"]) == (logging.ERROR, "pager")
    answer = await tocsin.why("#1")
    assert "attempt_held" in [each["reason"] for each in answer["sentences"]]
    cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now + timedelta(seconds=0.5))
    listed = await asyncio.to_thread(cli, "webhooks")
    assert "failing" in listed.out
    assert "pager is left alone, but for probes:" in listed.out
    assert "attempts failed, the first 11s ago, without a 2xx between." in listed.out
    shown = await asyncio.to_thread(cli, "webhooks", "show", "pager")
    assert "open: " in shown.out
    assert "attempts failed, the first 11s ago" in shown.out

    assert "slots               as the setting says" in shown.out
    enabled = await asyncio.to_thread(cli, "webhooks", "enable", "pager")
    assert enabled.out == "pager is enabled already.\n"

    tocsin.receiver.answer("/pager", 200)
    await tocsin.advance(seconds=120)
    (logged,) = [each for each in caplog.records if each.message == "breaker.closed"]
    assert logged.__dict__["reason"] == "delivered"
    assert await tocsin.metric("tocsin_open_breakers") == 0
    assert "failing" not in (await asyncio.to_thread(cli, "webhooks")).out
    told = tocsin.rows("SELECT id, kind FROM timeline WHERE incident = 0 ORDER BY id")
    fed = " ".join(entries for (entries,) in tocsin.rows("SELECT entries FROM feed"))
    assert [kind for _, kind in told] == ["breaker_opened", "breaker_closed"]
    assert all(str(id_) in fed for id_, _ in told)


async def test_a_test_asks_at_once(tocsin: Tocsin) -> None:
    """Whoever mended the receiver need not wait for a probe."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await fail(tocsin)
    tocsin.receiver.answer("/pager", 200)
    await tocsin.post("webhooks/pager/test")
    assert not await is_open(tocsin)


async def test_it_outlives_a_restart(tocsin: Tocsin) -> None:
    """What is known of a receiver does not depend on the process; downtime makes a probe due."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await fail(tocsin)
    await tocsin.stop()
    before = len(tocsin.receiver.requests)
    tocsin.advance_while_down(minutes=5)
    await tocsin.start()
    await tocsin.settle()
    assert seconds_of(tocsin, before) == 1
    assert await is_open(tocsin)


async def test_another_url_lets_everything_go(tocsin: Tocsin) -> None:
    """Somebody corrected it: what waits is sent there, and nothing is left of the breaker."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await fail(tocsin)
    await tocsin.call("PATCH", "webhooks/pager", {"url": tocsin.receiver.url("/mended")})
    await tocsin.advance(seconds=15)
    assert not await is_open(tocsin)
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


async def test_options_of_a_webhook_hold_at_once(tocsin: Tocsin) -> None:
    """Its slots and its waits, given by a file or the API; 0 slots are those of the setting again."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"slots": 1}})
    tocsin.receiver.hold("/pager")
    for number in range(6):
        await tocsin.alert(entity_id=f"disk-{number}")
    assert tocsin.receiver.held == 1
    changed = await tocsin.call(
        "PATCH", "webhooks/pager", {"slots": 3, "retry_waits": ["1s", "2m"]}
    )
    assert (changed["slots"], changed["retry_waits"]) == (3, ["1s", "2m"])
    assert tocsin.receiver.held == 3
    assert (await tocsin.call("PATCH", "webhooks/pager", {"slots": 0}))["slots"] is None
    assert tocsin.receiver.held == 4
    tocsin.receiver.answer("/pager", 500)
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    await tocsin.advance(seconds=5)
    assert tocsin.receiver.count("/pager") == 12
    await tocsin.advance(seconds=60)
    assert tocsin.receiver.count("/pager") == 12
