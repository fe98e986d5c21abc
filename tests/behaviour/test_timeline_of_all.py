"""The timeline of everything: what happened to any incident, and to none, in the order in which it was put on record."""

from collections import Counter
from typing import Any

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def everything(tocsin: Tocsin, *, limit: int = 200, **wanted: Any) -> list[Answer]:
    """Return all of it, the newest first, page by page."""
    page = await tocsin.get("timeline", limit=limit, **wanted)
    found = page["items"]
    while page["next_cursor"]:
        assert len(page["items"]) == limit or page["back_to"]
        page = await tocsin.get("timeline", limit=limit, cursor=page["next_cursor"], **wanted)
        found += page["items"]
    return list(found)


async def a_long_day(tocsin: Tocsin) -> None:
    """Of each sort something: pages that arrive and fail, follow-ups, people, alerts, a pause, a test."""
    tocsin.receiver.answer("/boss", 500)
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("5m", ["boss", "pager"])]},
        keys={"db": ["main"], "Web": ["main"]},
        webhooks={"pager": {"follow_up": ["acknowledged", "resolved"]}},
    )
    await tocsin.alert(entity_id="disk")
    await tocsin.alert("INFO", entity_id="disk")
    await tocsin.alert(entity_id="Disk-2", key="web")
    await tocsin.advance(minutes=5)
    await tocsin.act(1, "acknowledge", message="on it")
    await tocsin.alert("RECOVERY", entity_id="Disk-2", key="web")
    await tocsin.alert(entity_id="lost", key="nowhere")
    await tocsin.post("pause")
    await tocsin.post("resume")
    await tocsin.post("webhooks/pager/test")
    await tocsin.advance(minutes=1)


async def test_it_tells_what_the_timelines_of_all_incidents_tell(tocsin: Tocsin) -> None:
    """Each entry once, in the same words, with its incident; and what belongs to none besides."""
    await a_long_day(tocsin)
    told = await everything(tocsin)
    for number in (1, 2, 3):
        of_incident = await tocsin.entries(number)
        here = [each for each in told if each["incident"] and each["incident"]["number"] == number]
        assert Counter(each["text"] for each in here) == Counter(
            each["text"] for each in of_incident
        )
        assert {each["kind"] for each in here} == {each["kind"] for each in of_incident}
    of_none = [each["kind"] for each in reversed(told) if each["incident"] is None]
    assert of_none[-3:] == ["paused", "resumed", "attempted"]
    about = next(each["incident"] for each in told if each["incident"])
    assert (about["number"], about["title"], about["status"]) == (3, "lost", "triggered")
    assert {"paged", "attempted", "followed_up", "acknowledged"} <= {each["kind"] for each in told}


async def test_pages_of_it_join_without_a_gap(tocsin: Tocsin) -> None:
    """However small they are: each entry has a place, and these fall from page to page."""
    await a_long_day(tocsin)
    whole = await everything(tocsin)
    assert len(whole) > 20
    assert await everything(tocsin, limit=1) == await everything(tocsin, limit=7) == whole
    places = [tuple(map(int, each["id"].split("-"))) for each in whole]
    assert places == sorted(set(places), reverse=True)


async def test_what_is_looked_for_is_found(tocsin: Tocsin) -> None:
    """By group, incident, routing key and the beginning of the entity, in any case of its letters."""
    await a_long_day(tocsin)
    whole = await everything(tocsin)
    for group in ("pages", "people", "alerts", "failures", "system"):
        assert await everything(tocsin, group=group, limit=3) == [
            each for each in whole if each["group"] == group
        ]
    assert {each["group"] for each in whole} >= {"pages", "people", "alerts", "failures"}

    def about(**facts: Any) -> list[Answer]:
        return [
            each for each in whole if each["incident"] and facts.items() <= each["incident"].items()
        ]

    assert await everything(tocsin, incident=2) == about(number=2) != []
    assert await everything(tocsin, routing_key="WEB") == about(routing_key="web") != []
    assert await everything(tocsin, routing_key="nowhere") == about(number=3) != []
    assert await everything(tocsin, entity="disk-") == about(entity_id="Disk-2") != []
    assert await everything(tocsin, entity="nothing") == []
    people = await everything(tocsin, group="people", incident=1)
    assert [each["text"] for each in people] == ["Acknowledged by local, who says: on it."]


async def test_a_search_looks_back_only_so_far_at_once(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how far; whoever looks on finds the rest."""
    monkeypatch.setattr("tocsin.actions.show_feed.MOST_LOOKED_AT", 5)
    monkeypatch.setattr("tocsin.actions.show_feed._LOOKED_UP_AT_ONCE", 5)
    await a_long_day(tocsin)
    whole = await everything(tocsin)
    first = await tocsin.get("timeline", entity="disk", group="alerts")
    assert first["back_to"] is not None
    monkeypatch.setattr("tocsin.actions.show_feed.MOST_PASSED_OVER", 4)
    of_first = [each for each in whole if each["incident"] and each["incident"]["number"] == 1]
    assert await everything(tocsin, incident=1) == of_first
    assert (await tocsin.get("timeline", incident=1))["back_to"] is not None
    found = await everything(tocsin, entity="disk", group="alerts")
    assert found == [
        each
        for each in whole
        if each["group"] == "alerts" and each["incident"]["entity_id"].lower().startswith("disk")
    ]
