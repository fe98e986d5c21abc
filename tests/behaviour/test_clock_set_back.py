"""A node whose machine's clock is set back goes on by the clock that all nodes share."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_receiver, until
from tests.manual_clock import ManualClock

from tocsin.clock import MeasuredClock, SystemClock, read_machine_clock
from tocsin.engine import renewal
from tocsin.store.database import Database
from tocsin.store.schema import to_micros

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


async def test_the_shared_clock_set_back_lets_no_node_fall_silent(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is renewed by a clock that does not jump: one that was not for 5 s would send nothing."""
    monkeypatch.setattr(renewal, "RENEW_EVERY", timedelta(milliseconds=300))
    async with a_receiver() as receiver:
        node = Tocsin(home, ManualClock(), receiver)
        clock = MeasuredClock(read_machine_clock())
        await node.start(clock=clock)
        try:
            an_hour_ago = SystemClock().now() - timedelta(minutes=59)
            await until(lambda: not node.server.engine.renewal.is_renewing)
            for _ in range(2):
                reading = read_machine_clock()
                set_back = reading._replace(at=reading.at - timedelta(hours=1))
                await node.server.engine.clock_watch.judge(clock, set_back)
            select = "SELECT renewed_at FROM runs WHERE ended_at IS NULL"
            await until(lambda: node.rows(select)[0][0] < to_micros(an_hour_ago))
        finally:
            receiver.let_all_go()
            await node.stop()
