"""How late a step fired, and its first byte left, is recorded, exported and shown."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_lateness_is_recorded_exported_and_shown(tocsin: Tocsin) -> None:
    """Seven seconds late: on the timeline, in the metrics, and in the answer to why."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.alert()
    await tocsin.advance(seconds=67)

    (paged,) = await tocsin.entries(1, "paged")
    assert paged["planned_at"] == "2026-11-02T03:01:00.000000Z"
    assert paged["at"] == "2026-11-02T03:01:07.000000Z"
    assert paged["lateness_seconds"] == 7
    assert paged["detail"]["deliveries"][0]["first_byte_after_ms"] > 0
    assert "7 s late" in (await tocsin.why("#1"))["text"]
    for name in ("step_lateness_seconds", "first_byte_lateness_seconds"):
        assert await tocsin.metric(f'tocsin_{name}_bucket{{le="5.0"}}') == 0
        assert await tocsin.metric(f'tocsin_{name}_bucket{{le="10.0"}}') == 1


async def test_lateness_stays_as_long_as_the_incident(tocsin: Tocsin) -> None:
    """Resolved and a year later, each step can still be judged."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["pager"])]})
    await tocsin.alert()
    await tocsin.advance(seconds=62)
    await tocsin.alert("RECOVERY")
    await tocsin.advance(days=365)
    late = [entry["lateness_seconds"] for entry in await tocsin.entries(1, "paged")]
    assert late == [0, 2]
