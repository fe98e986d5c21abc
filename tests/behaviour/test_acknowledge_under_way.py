"""An attempt that is under way at the acknowledgement is counted, and never aborted."""

from typing import Any

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [(200, "delivered", "delivered"), (204, "delivered", "delivered")]
    + [(status, "cancelled", "acknowledged") for status in (500, 410, 302, 0)],
)
async def test_its_answer_decides_what_becomes_of_the_delivery(
    shared: Tocsin, status: int, state: str, reason: str
) -> None:
    """2xx makes it delivered; anything else leaves it cancelled, and it is not tried again."""
    case = f"answers-{status}"
    path = f"/{case}"
    await shared.configure({case: [("0s", [case]), ("5m", [case])]}, keys={case: [case]})
    shared.receiver.hold(path)
    shared.receiver.answer(path, status)
    number = await shared.open(case, key=case)
    await shared.act(number, "acknowledge")
    (delivery,) = await shared.deliveries(incident=number)
    assert delivery["state"] == "sending"

    shared.receiver.let_go(path)
    await shared.settle()
    await shared.advance(hours=1)
    (delivery,) = await shared.deliveries(incident=number)
    assert (delivery["state"], delivery["end_reason"]) == (state, reason)
    assert shared.receiver.count(path) == 1


@pytest.mark.parametrize(
    ("action", "body", "kind", "name"),
    [
        ("acknowledge", {}, "acknowledged", "in_flight_at_acknowledge"),
        ("hold", {"for": "1h"}, "held", "in_flight_at_acknowledge"),
        ("resolve", {}, "resolved", "in_flight_at_resolve"),
        ("reroute", {"policies": ["ops/reroute"]}, "rerouted", "in_flight_at_reroute"),
    ],
)
async def test_attempts_under_way_are_counted_and_shown(
    shared: Tocsin, action: str, body: dict[str, Any], kind: str, name: str
) -> None:
    """Two were under way: the timeline says so, in numbers and in words."""
    called = [f"{action}-{which}" for which in ("one", "two", "quick")]
    await shared.configure({action: [("0s", called)]}, keys={action: [action]})
    for path in called[:2]:
        shared.receiver.hold(f"/{path}")
    number = await shared.open(action, key=action)
    await shared.act(number, action, **body)

    (entry,) = await shared.entries(number, kind)
    assert entry["detail"][name] == 2
    assert "2 attempts were under way and could not be recalled" in entry["text"]
    shared.receiver.let_all_go()
