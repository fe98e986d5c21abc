"""A webhook that fails again and again is shown wherever somebody looks, and tells whom it should."""

import asyncio
import logging
from datetime import timedelta

import pytest
from tests.behaviour.harness import Answer, Tocsin
from tests.behaviour.test_feed import feed
from tests.cli.conftest import Cli

from tocsin.cli.serve import _lacking

pytestmark = pytest.mark.anyio

GAUGE = "tocsin_failing_webhooks"
TOLD = {"pager": {"when_failing": {"routing_key": "ops"}}}
ENTITY = "tocsin webhook pager"


async def configure(tocsin: Tocsin) -> None:
    """Alerts call pager; the routing key ops calls pager and phone."""
    await tocsin.configure(
        {"main": [("0s", ["pager"])], "ops": [("0s", ["pager", "phone"])]},
        keys={"db": ["main"], "ops": ["ops"]},
        webhooks=TOLD,
    )


async def fails_three_times(tocsin: Tocsin) -> None:
    """Three incidents call /pager over ten minutes, and it fails each time."""
    tocsin.receiver.answer("/pager", 503)
    for number in range(3):
        if number:
            await tocsin.advance(minutes=5.1)
        await tocsin.alert(entity_id=f"{tocsin.now}")


async def failing(tocsin: Tocsin) -> Answer | None:
    found = (await tocsin.get("webhooks/pager"))["failing"]
    return None if found is None else dict(found)


async def test_it_is_shown_wherever_somebody_looks(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """API, commands, readiness, which stays ready, a metric, the log and the feed; until the next 2xx."""
    caplog.set_level(logging.INFO)
    await tocsin.configure({"main": [("0s", ["pager"])]})
    start = tocsin.now
    await fails_three_times(tocsin)

    found = await failing(tocsin)
    assert found is not None
    assert found["failures"] >= 3
    assert found["since"].startswith(f"{start:%Y-%m-%dT%H:%M:%S}")
    assert found["outcome"] == "rejected"
    assert found["text"].startswith("rejected (HTTP 503): ")
    assert await tocsin.metric(GAUGE) == 1
    ready = (await tocsin.http.get("/readyz")).json()
    assert ready["ready"]
    (warning,) = [each for each in ready["warnings"] if each["code"] == "webhooks_failing"]
    assert (
        "1 webhook has failed again and again over ten minutes or more: pager" in warning["message"]
    )
    where = f"{tocsin.server.public_url}/webhooks, or: tocsin webhooks"
    assert f"1 webhook fails again and again: {where}" in _lacking(tocsin.server)
    (logged,) = [each for each in caplog.records if each.message == "webhook.failing"]
    assert logged.levelno == logging.ERROR
    cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now + timedelta(minutes=2))
    listed = await asyncio.to_thread(cli, "webhooks")
    assert "pager is failing: " in listed.out
    assert "the last: rejected (HTTP 503): The receiver, or a proxy before it" in listed.out
    shown = await asyncio.to_thread(cli, "webhooks", "show", "pager")
    assert "failing: " in shown.out
    opened, added = [
        each for _, entries in feed(tocsin) for each in entries if each[:2] == ["timeline", 0]
    ]

    tocsin.receiver.answer("/pager", 200)
    await tocsin.alert(entity_id="again")
    await tocsin.advance(seconds=10)  # its breaker is open
    assert await failing(tocsin) is None
    assert await tocsin.metric(GAUGE) == 0
    assert [each.message for each in caplog.records].count("webhook.works_again") == 1
    about_none = [
        each for _, entries in feed(tocsin) for each in entries if each[:2] == ["timeline", 0]
    ]
    assert {str(each) for each in about_none[:2]} == {str(opened), str(added)}
    assert len(about_none) == 4  # its breaker opened and closed, too


async def test_an_alert_pages_whoever_its_routing_key_names(tocsin: Tocsin) -> None:
    """Its incident says what is wrong, and the webhook's next 2xx resolves it."""
    await configure(tocsin)
    await fails_three_times(tocsin)
    number = await tocsin.number_of(ENTITY)
    incident = await tocsin.incident(number)
    assert (incident["status"], incident["routing_key"]) == ("triggered", "ops")
    await tocsin.advance(seconds=10)  # the breaker of the pager is open
    assert sorted(tocsin.called_about(ENTITY)) == ["/pager", "/phone"]
    (told,) = [
        each
        for each in tocsin.receiver.requests
        if each.path == "/phone" and each.fields["incident"] == str(number)
    ]
    message = told.fields["state_message"]
    assert "attempts have failed since 2026-11-02 03:00:00." in message
    assert "the last with rejected (HTTP 503): The receiver, or a proxy before it" in message

    tocsin.receiver.answer("/pager", 200)
    await tocsin.alert(entity_id="again")
    await tocsin.advance(seconds=10)
    assert (await tocsin.incident(number))["status"] == "resolved"


async def test_a_page_about_it_that_fails_too_multiplies_nothing(tocsin: Tocsin) -> None:
    """The routing key may lead to the very webhook: one incident, one alert, however long it goes on."""
    await configure(tocsin)
    await fails_three_times(tocsin)
    for _ in range(20):
        await tocsin.advance(minutes=1)
    found = (await tocsin.get("incidents", entity_id=ENTITY))["items"]
    assert [(each["alert_count"], each["status"]) for each in found] == [(1, "triggered")]


async def test_failures_of_a_moment_are_not_told(tocsin: Tocsin) -> None:
    """However many: a receiver that restarts takes less than ten minutes."""
    await configure(tocsin)
    tocsin.receiver.answer("/pager", 503)
    await tocsin.alert()
    for _ in range(9):
        await tocsin.advance(minutes=1)
    assert len((await tocsin.deliveries())[0]["attempts"]) > 5
    assert await failing(tocsin) is None
    await tocsin.advance(minutes=2)
    assert await failing(tocsin) is not None


async def test_it_is_still_failing_after_a_restart(tocsin: Tocsin) -> None:
    """And nobody is told again."""
    await configure(tocsin)
    await fails_three_times(tocsin)
    await tocsin.stop()
    tocsin.advance_while_down(minutes=1)
    await tocsin.start()
    await tocsin.settle()
    assert await failing(tocsin) is not None
    assert len((await tocsin.get("incidents", entity_id=ENTITY))["items"]) == 1


async def test_the_file_the_api_and_the_export_say_it_alike(tocsin: Tocsin) -> None:
    """A routing key that is not configured is warned of; an empty one takes it away by the API."""
    await configure(tocsin)
    assert (await tocsin.get("webhooks/pager"))["when_failing"] == {"routing_key": "ops"}
    exported = (await tocsin.ask("GET", "configuration/export")).text
    assert "when_failing: {routing_key: ops}" in exported
    assert (await tocsin.apply(exported))["changed"] is False
    changed = await tocsin.call("PATCH", "webhooks/pager", {"when_failing": {"routing_key": ""}})
    assert changed["when_failing"] is None
    given = {"when_failing": {"routing_key": "DB"}}
    changed = await tocsin.call("PATCH", "webhooks/pager", given)
    assert changed["when_failing"] == {"routing_key": "db"}
    report = await tocsin.configure(
        {"main": [("0s", ["pager"])]},
        webhooks={"pager": {"when_failing": {"routing_key": "nowhere"}}},
    )
    assert (
        "webhooks.pager.when_failing: the routing key 'nowhere' is not configured" in report["text"]
    )
    answer = await tocsin.ask(
        "PATCH", "webhooks/pager", {"when_failing": {"routing_key": "no key"}}
    )
    assert answer.json()["error"]["code"] == "invalid_routing_key"
