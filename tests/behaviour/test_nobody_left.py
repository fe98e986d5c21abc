"""Silence is visible: an incident that nobody is paged for any more says so, and why."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def silent(tocsin: Tocsin) -> list[int]:
    found = (await tocsin.get("incidents", nobody_left=True))["items"]
    return [incident["number"] for incident in found]


async def test_when_the_last_step_has_fired_nobody_is_left(tocsin: Tocsin) -> None:
    """Only once the last of all escalations is through: timeline, metric, filter and why."""
    await tocsin.configure({"one": [("0s", ["pager"])], "two": [("5m", ["phone"])]})
    await tocsin.alert()
    assert await silent(tocsin) == []
    await tocsin.advance(minutes=5)
    assert await silent(tocsin) == [1]
    incident = await tocsin.incident()
    assert incident["nobody_left_since"] == "2026-11-02T03:05:00.000000Z"
    (entry,) = await tocsin.entries(1, "nobody_left_to_page")
    assert entry["text"] == "Nobody is left to page: the last step has fired."
    assert await tocsin.metric("tocsin_exhausted_total") == 1
    assert "Nobody is left to page: the last step has fired" in (await tocsin.why("#1"))["text"]


@pytest.mark.parametrize("end", ["acknowledge", "resolve"])
async def test_who_takes_it_ends_the_silence(shared: Tocsin, end: str) -> None:
    """An incident in somebody's hands is not one that nobody knows of."""
    await shared.configure({"main": [("0s", ["pager"])]})
    number = await shared.open(end)
    assert number in await silent(shared)
    await shared.act(number, end)
    assert number not in await silent(shared)


async def test_an_empty_policy_pages_nobody_and_says_so(shared: Tocsin) -> None:
    """The incident opens all the same."""
    await shared.configure({"main": []})
    number = await shared.open("empty")
    assert number in await silent(shared)
    (entry,) = await shared.entries(number, "escalation_not_started")
    assert entry["text"] == "ops/main was not started: it has no steps."
    assert await shared.timeline(number) == [
        "opened",
        "escalation_not_started",
        "nobody_left_to_page",
    ]


async def test_no_routing_pages_nobody_and_says_so(shared: Tocsin) -> None:
    """Neither the key nor a default leads anywhere; rerouting still helps."""
    await shared.configure({"main": [("0s", ["pager"])]})
    number = await shared.open("unrouted", key="unheard-of")
    assert number in await silent(shared)
    assert "Nobody is paged" in (await shared.why("unrouted"))["text"]
    await shared.act(number, "reroute", policies=["ops/main"])
    assert shared.called_about("unrouted") == ["/pager"]


async def test_disabled_webhooks_page_nobody_and_say_so(tocsin: Tocsin) -> None:
    """With every webhook of a policy disabled it does not start; with one left it does."""
    await tocsin.configure(
        {"dead": [("0s", ["a", "b"])], "half": [("0s", ["a", "c"])]},
        keys={"dead": ["dead"], "half": ["half"]},
        webhooks={"a": {"enabled": False}, "b": {"enabled": False}},
    )
    await tocsin.alert(entity_id="one", key="dead")
    await tocsin.alert(entity_id="two", key="half")
    (entry,) = await tocsin.entries(1, "escalation_not_started")
    text = "ops/dead was not started: every webhook of it is disabled or deleted."
    assert entry["text"] == text
    assert tocsin.receiver.paths() == ["/c"]


async def test_incidents_that_never_started_count_in_the_metric(tocsin: Tocsin) -> None:
    """However it came that nobody is left, the number that is watched grows."""
    await tocsin.configure({"main": []})
    await tocsin.alert(entity_id="one")
    await tocsin.alert(entity_id="two", key="unheard-of")
    assert await tocsin.metric("tocsin_exhausted_total") == 2
