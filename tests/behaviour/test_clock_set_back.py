"""A node whose machine's clock is set back goes on by the clock that all nodes share."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_receiver, until
from tests.manual_clock import ManualClock

from tocsin.clock import MeasuredClock, SystemClock
from tocsin.store.database import Database

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("home", ["postgresql"], indirect=True),
]


async def test_a_clock_that_is_set_back_fires_nothing_twice_or_late(home: Path) -> None:
    """An hour back between two steps: the second is on time, by the database; how far it is off is shown."""
    wall = [SystemClock().now()]
    async with a_receiver() as receiver:
        node = Tocsin(home, ManualClock(), receiver)
        database = Database(node.database_url)
        clock = MeasuredClock(database.read_clock(time.monotonic), wall=lambda: wall[0])
        database.close()
        await node.start(clock=clock)
        try:
            await node.configure({"main": [("0s", ["a"]), ("1s", ["b"])]})
            await node.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
            await until(lambda: receiver.paths() == ["/a"])
            wall[0] -= timedelta(hours=1)
            await until(lambda: receiver.paths() == ["/a", "/b"])
            (first, second) = node.rows("SELECT planned_at, created_at FROM deliveries ORDER BY id")
            assert second[0] - first[0] == 1_000_000
            assert 0 <= second[1] - second[0] < 900_000
            assert await node.metric("tocsin_clock_skew_seconds") < -3599
            (shown,) = (await node.get("nodes"))["items"]
            assert shown["clock_skew_milliseconds"] < -3_599_000
        finally:
            receiver.let_all_go()
            await node.stop()
