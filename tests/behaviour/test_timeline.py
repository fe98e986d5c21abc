"""The timeline: who or what, when, planned and real, and why; only ever added to."""

from typing import Any

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

ACTIONS: list[tuple[int, str, dict[str, Any]]] = [
    (1, "acknowledge", {"message": "looking"}),
    (1, "reopen", {}),
    (1, "reroute", {"policies": ["ops/net"]}),
    (1, "hold", {"for": "1m"}),
    (61, "resolve", {"message": "replaced"}),
]


async def a_long_story(tocsin: Tocsin) -> None:
    await tocsin.configure(
        {"main": [("1m", ["pager"])], "net": [("1m", ["phone"])]}, keys={"db": ["main"]}
    )
    await tocsin.alert(monitoring_tool="nagios")
    await tocsin.advance(seconds=62)
    await tocsin.advance(seconds=1)
    await tocsin.alert(monitoring_tool="nagios")
    for seconds, action, body in ACTIONS:
        await tocsin.advance(seconds=seconds)
        await tocsin.act(1, action, **body)


async def test_every_happening_is_on_it_with_actor_instants_and_reason(tocsin: Tocsin) -> None:
    """From the first alert to the end, in order, in sentences."""
    await a_long_story(tocsin)
    told = [(each["at"][14:19], each["kind"], each["actor"]) for each in await tocsin.entries()]
    assert told == [
        ("00:00", "opened", "nagios"),
        ("01:02", "paged", "engine"),
        ("01:02", "nobody_left_to_page", "engine"),
        ("01:02", "attempted", "engine"),
        ("01:03", "rolled_up", "nagios"),
        ("01:04", "acknowledged", "token:local"),
        ("01:05", "reopened", "token:local"),
        ("01:06", "rerouted", "token:local"),
        ("01:07", "held", "token:local"),
        ("02:08", "hold_ended", "engine"),
        ("02:08", "resolved", "token:local"),
    ]
    (paged,) = await tocsin.entries(1, "paged")
    assert (paged["planned_at"][14:19], paged["lateness_seconds"]) == ("01:00", 2)
    (acknowledged,) = await tocsin.entries(1, "acknowledged")
    assert acknowledged["text"] == "Acknowledged by local, who says: looking."


async def test_it_is_only_added_to(tocsin: Tocsin) -> None:
    """What was there stays as it was, to the letter, whatever happens later."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["boss"])]})
    await tocsin.alert()
    seen = await tocsin.entries()
    for act in ("acknowledge", "reopen", "resolve"):
        await tocsin.advance(minutes=1)
        await tocsin.act(1, act)
        later = await tocsin.entries()
        assert later[: len(seen)] == seen
        assert len(later) > len(seen)
        seen = later
