"""A hold acknowledges until an instant; then the incident is triggered again."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_when_a_hold_ends_the_policies_start_again_from_step_1(tocsin: Tocsin) -> None:
    """Exactly then, by itself, in the version that is current then."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
    await tocsin.alert()
    answer = await tocsin.act(1, "hold", **{"for": "30m"})
    assert answer["status"] == "acknowledged"
    assert answer["held_until"] == "2026-11-02T03:30:00.000000Z"
    await tocsin.configure({"main": [("0s", ["phone"]), ("1m", ["boss"])]})
    await tocsin.advance(minutes=30, microseconds=-1)
    assert tocsin.receiver.paths() == ["/pager"]

    await tocsin.advance(microseconds=1)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]
    incident = await tocsin.incident()
    assert (incident["status"], incident["held_until"]) == ("triggered", None)
    (ended,) = await tocsin.entries(1, "hold_ended")
    assert (ended["actor"], ended["lateness_seconds"]) == ("engine", 0)
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/pager", "/phone", "/boss"]


async def test_a_hold_that_is_acknowledged_does_not_end(tocsin: Tocsin) -> None:
    """Acknowledging takes it for good."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    await tocsin.act(1, "hold", until="2026-11-02T04:00:00Z")
    assert (await tocsin.act(1, "acknowledge"))["changed"]
    await tocsin.advance(days=1)
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.incident())["status"] == "acknowledged"


async def test_a_hold_is_the_same_in_every_answer(tocsin: Tocsin) -> None:
    """API, timeline, list of what comes next, and why: one meaning, one instant."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    await tocsin.act(1, "hold", message="deploying", **{"for": "90m"})
    until = "2026-11-02T04:30:00.000000Z"
    (held,) = await tocsin.entries(1, "held")
    (upcoming,) = (await tocsin.get("upcoming"))["items"]
    assert (upcoming["what"], upcoming["due_at"]) == ("hold_end", until)
    shown = "until 2026-11-02 04:30:00.000Z"
    assert held["text"] == f"Held by local {shown}, who says: deploying."
    assert shown in (await tocsin.why("#1"))["text"]
