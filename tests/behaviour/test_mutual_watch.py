"""Two installations page for each other: when one falls silent, the other opens an incident and calls its webhook."""

import logging
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.beating import CALLS, incidents, state, watch
from tests.behaviour.harness import Tocsin, a_receiver
from tests.behaviour.test_feed import feed
from tests.manual_clock import ManualClock

from tocsin.domain.watch import parse_peers
from tocsin.settings import Listen

pytestmark = pytest.mark.anyio


@dataclass
class Installation:
    """One of the two: a server, where it listens, and the URL that the other one calls."""

    tocsin: Tocsin
    listen: Listen
    watched_as: str
    """The slug of the heartbeat that the other one has for it."""

    def url_for(self, peer: "Installation") -> str:
        return f"http://{self.listen}{CALLS}/{self.tocsin.alert_key}/{peer.watched_as}"

    async def start(self, peer: "Installation") -> None:
        url = peer.url_for(self)
        await self.tocsin.start(listen=self.listen, watch=parse_peers(url))


@dataclass
class Pair:
    """Both, going by one clock."""

    clock: ManualClock
    berlin: Installation
    oslo: Installation

    async def settle(self, *running: Installation) -> None:
        for _ in range(3):
            for each in running or (self.berlin, self.oslo):
                await each.tocsin.settle()

    async def elapse(self, *running: Installation, seconds: int) -> None:
        """Let time go by at those that run; both, if none is named."""
        for _ in range(seconds // 2):
            self.clock.advance(timedelta(seconds=2))
            await self.settle(*running)


def a_free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
async def pair(first_home: Path, tmp_path: Path) -> AsyncIterator[Pair]:
    """Two servers that have a heartbeat for each other, and call it."""
    clock = ManualClock()
    async with (
        _installation("berlin", first_home, tmp_path, clock) as berlin,
        _installation("oslo", first_home, tmp_path, clock) as oslo,
    ):
        pair = Pair(clock, berlin, oslo)
        await berlin.start(oslo)
        await oslo.start(berlin)
        for here, there in ((berlin, oslo), (oslo, berlin)):
            await watch(here.tocsin, there.watched_as, every="1m", grace="30s")
        await pair.elapse(seconds=12)
        yield pair


@asynccontextmanager
async def _installation(
    name: str, first_home: Path, folder: Path, clock: ManualClock
) -> AsyncIterator[Installation]:
    home = Path(shutil.copytree(first_home, folder / name))
    async with a_receiver() as receiver:
        tocsin = Tocsin(home, clock, receiver)
        tocsin.alert_key = (home / "alert-key-of-the-first-start").read_text()
        try:
            yield Installation(tocsin, Listen("127.0.0.1", a_free_port()), name)
        finally:
            await tocsin.stop()


async def test_each_is_on_time_at_the_other(pair: Pair) -> None:
    """Each calls the other's heartbeat every 30 s, and says who it is."""
    await pair.elapse(seconds=120)
    for here, there in ((pair.berlin, "oslo"), (pair.oslo, "berlin")):
        assert await state(here.tocsin, there) == "on_time"
        assert await here.tocsin.metric('tocsin_peers{state="reached"}') == 1
        found = await here.tocsin.get(f"heartbeats/{there}")
        assert found["message"].startswith("Tocsin ")


async def test_when_one_stops_the_other_pages_and_its_return_resolves_it(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """And the one that stays says that it cannot call the other: once, until it can."""
    caplog.set_level(logging.INFO)
    berlin, oslo = pair.berlin, pair.oslo
    await oslo.tocsin.stop()
    await pair.elapse(berlin, seconds=100)
    assert await incidents(berlin.tocsin, "heartbeat/oslo") == ["triggered"]
    assert berlin.tocsin.called_about("heartbeat/oslo") == ["/pager"]

    assert await berlin.tocsin.metric('tocsin_peers{state="failing"}') == 1
    ready = (await berlin.tocsin.http.get("/readyz")).json()
    assert ready["ready"]
    (warning,) = [each for each in ready["warnings"] if each["code"] == "peer_not_reached"]
    assert f"The peer http://{oslo.listen} cannot be called, and will page" in warning["message"]
    assert oslo.tocsin.alert_key not in str(ready)
    logged = [each for each in caplog.records if each.message == "watch.failing"]
    assert len([each for each in logged if vars(each)["peer"] == f"http://{oslo.listen}"]) == 1
    about_none = [each for _, entries in feed(berlin.tocsin) for each in entries]
    before = len([each for each in about_none if each[:2] == ["timeline", 0]])
    assert before > 0

    await oslo.start(berlin)
    await pair.elapse(seconds=40)
    assert await incidents(berlin.tocsin, "heartbeat/oslo") == ["resolved"]
    assert await incidents(oslo.tocsin, "heartbeat/berlin") == []
    assert await berlin.tocsin.metric('tocsin_peers{state="reached"}') == 1
    assert [each.message for each in caplog.records].count("watch.works_again") >= 1
    about_none = [each for _, entries in feed(berlin.tocsin) for each in entries]
    assert len([each for each in about_none if each[:2] == ["timeline", 0]]) == before + 1


async def test_who_is_paused_falls_silent(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """It pages nobody, so somebody else does; resumed, it calls again."""
    berlin, oslo = pair.berlin, pair.oslo
    await oslo.tocsin.post("pause")
    await pair.elapse(seconds=100)
    assert await incidents(berlin.tocsin, "heartbeat/oslo") == ["triggered"]
    assert await oslo.tocsin.metric('tocsin_peers{state="withheld"}') == 1
    assert [each.message for each in caplog.records].count("watch.withheld") == 1
    await oslo.tocsin.post("resume")
    await pair.elapse(seconds=40)
    assert await incidents(berlin.tocsin, "heartbeat/oslo") == ["resolved"]


async def test_who_cannot_write_falls_silent(pair: Pair) -> None:
    """Though it answers, and nothing else has been asked of its store."""
    berlin, oslo = pair.berlin, pair.oslo
    connection = oslo.tocsin.server.store.database._writers.raw_connection()
    connection.cursor().execute("PRAGMA query_only = ON")
    connection.close()
    await pair.elapse(seconds=100)
    assert await incidents(berlin.tocsin, "heartbeat/oslo") == ["triggered"]


async def test_a_heartbeat_that_is_not_there_is_said_so(pair: Pair) -> None:
    """The likely cause is named: no such heartbeat, or another key."""
    berlin, oslo = pair.berlin, pair.oslo
    await oslo.tocsin.call("DELETE", "heartbeats/berlin")
    await pair.elapse(seconds=32)
    ready = (await berlin.tocsin.http.get("/readyz")).json()
    (warning,) = [each for each in ready["warnings"] if each["code"] == "peer_not_reached"]
    assert "it knows no such heartbeat, or the alert key in the URL is not in force" in str(warning)
