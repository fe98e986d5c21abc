"""A policy may repeat: after its last step it waits, and begins again."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_a_policy_repeats_as_often_as_it_says(tocsin: Tocsin) -> None:
    """Twice more, a quarter of an hour after the last step; then nobody is left."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("5m", ["boss"])]}, repeat={"times": 2, "after": "15m"}
    )
    await tocsin.alert()
    for _ in range(12):
        await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/boss"] * 3
    fired = [
        (entry["detail"]["cycle"], entry["detail"]["step"], entry["planned_at"][11:16])
        for entry in await tocsin.entries(1, "paged")
    ]
    assert fired == [
        *((1, 1, "03:00"), (1, 2, "03:05")),
        *((2, 1, "03:20"), (2, 2, "03:25")),
        *((3, 1, "03:40"), (3, 2, "03:45")),
    ]
    assert (await tocsin.timeline())[-3:] == ["paged", "nobody_left_to_page", "attempted"]


async def test_a_policy_does_not_repeat_by_default(tocsin: Tocsin) -> None:
    """And an acknowledgement between two rounds ends it."""
    await tocsin.configure({"once": [("0s", ["pager"])]}, keys={"once": ["once"]})
    await tocsin.configure(
        {"again": [("0s", ["phone"])]},
        keys={"again": ["again"]},
        repeat={"times": 9, "after": "1m"},
    )
    await tocsin.alert(entity_id="a", key="once")
    await tocsin.alert(entity_id="b", key="again")
    await tocsin.advance(minutes=1)
    await tocsin.act(2, "acknowledge")
    await tocsin.advance(hours=1)
    assert tocsin.called_about("a") == ["/pager"]
    assert tocsin.called_about("b") == ["/phone"] * 2
