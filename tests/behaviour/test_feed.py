"""The live feed: what was added, in commit order, so that a reader never misses a row."""

import asyncio
import json

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


def feed(tocsin: Tocsin) -> list[tuple[int, list[list[object]]]]:
    """Return each position and what its transaction added, as a reader would see it now."""
    rows = tocsin.rows("SELECT position, entries FROM feed ORDER BY position")
    return [(position, json.loads(entries)) for position, entries in rows]


async def test_positions_are_given_in_commit_order_without_a_gap(tocsin: Tocsin) -> None:
    """Many at once: whatever a reader has seen, all that comes later stands behind it."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    seen = [position for position, _ in feed(tocsin)]
    for batch in range(3):
        await asyncio.gather(
            *(
                tocsin.post_alert({"message_type": "CRITICAL", "entity_id": f"{batch}-{each}"})
                for each in range(10)
            )
        )
        await tocsin.settle()
        now = [position for position, _ in feed(tocsin)]
        assert now[: len(seen)] == seen
        assert now == list(range(1, len(now) + 1))
        seen = now


async def test_the_feed_names_what_belongs_to_no_incident_too(tocsin: Tocsin) -> None:
    """A pause and a resumption; and of incidents what was opened, paged and attempted."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.post("pause")
    await tocsin.post("resume")
    await tocsin.alert()
    added = [row for _, rows in feed(tocsin) for row in rows]
    about_none = [row for row in added if row[0] == "timeline" and row[1] == 0]
    assert len(about_none) == 2
    assert {row[0] for row in added if row[1] == 1} == {"timeline", "paged", "attempted"}
