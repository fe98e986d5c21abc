"""Two nodes on one PostgreSQL: either does what is due, and neither does it twice."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("home", ["postgresql"], indirect=True),
]


@pytest.fixture
async def other(tocsin: Tocsin, home: Path, tmp_path: Path) -> AsyncIterator[Tocsin]:
    """A second node, on another machine: with a home of its own, and the same master key."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere, ignore=shutil.ignore_patterns("*.lock", "server.json"))
    node = Tocsin(elsewhere, tocsin.clock, tocsin.receiver)
    try:
        yield await node.start()
    finally:
        await node.stop()


async def both_settle(one: Tocsin, two: Tocsin) -> None:
    for _ in range(3):
        await one.settle()
        await two.settle()


async def advance(one: Tocsin, two: Tocsin, seconds: int) -> None:
    """Move the clock that both go by, slowly enough for each to say that it lives."""
    for _ in range(seconds // 2):
        await one.advance(seconds=2)
        await both_settle(one, two)


async def test_a_step_fires_once_whoever_looks(tocsin: Tocsin, other: Tocsin) -> None:
    """An alert that came to one node pages once, and each of its steps once."""
    await tocsin.configure({"main": [("0s", ["a"]), ("10s", ["b"]), ("10s", ["c"])]})
    await asyncio.gather(*(node.alert(entity_id="disk") for node in (tocsin, other)))
    await advance(tocsin, other, 22)
    assert sorted(tocsin.receiver.paths()) == ["/a", "/b", "/c"]
    told = Counter(await tocsin.timeline())
    assert (told["opened"], told["rolled_up"], told["paged"], told["nobody_left_to_page"]) == (
        1,
        1,
        3,
        1,
    )


async def test_an_acknowledgement_at_one_node_stops_what_the_other_would_send(
    tocsin: Tocsin, other: Tocsin
) -> None:
    """The step does not fire, on neither."""
    await tocsin.configure({"main": [("10s", ["a"])]})
    await tocsin.alert(entity_id="disk")
    await other.act(1, "acknowledge")
    await advance(tocsin, other, 14)
    assert not tocsin.receiver.requests
