"""A crash leaves evidence, and the next start goes on by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin

from tocsin.settings import Settings
from tocsin.store.place import AnotherServer
from tocsin.wiring.serving import running

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def after_a_crash(crashed: Tocsin, home: Path, **settings: Any) -> AsyncIterator[Tocsin]:
    """A server on what was on disk at this moment; what the first did later is not there."""
    successor = crashed.after_a_crash(home)
    crashed.receiver.let_all_go()
    await crashed.stop()
    try:
        yield await successor.start(**settings)
    finally:
        await successor.stop()


async def test_an_attempt_cut_short_is_unknown_and_the_delivery_sent_again(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """It may have been sent: that is said; it is due at once, with the id that it had."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    await tocsin.advance(seconds=5)
    async with after_a_crash(tocsin, tmp_path / "again") as successor:
        await successor.until_taken_over()
        await successor.settle()
        first, second = successor.receiver.requests
        assert first.delivery_id == second.delivery_id
        assert first.body == second.body
        (delivery,) = await successor.deliveries()
        assert delivery["state"] == "delivered"
        attempts = [
            (each["number"], each["outcome"], each["started_at"]) for each in delivery["attempts"]
        ]
        assert attempts == [
            (1, "unknown", "2026-11-02T03:00:00.000000Z"),
            (2, "delivered", f"{successor.now:%Y-%m-%dT%H:%M:%S.%f}Z"),
        ]


async def test_an_acknowledgement_before_the_crash_still_holds(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """The attempt that was under way is closed as unknown, and not made again."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    await tocsin.advance(seconds=5)
    async with after_a_crash(tocsin, tmp_path / "again") as successor:
        await successor.advance(hours=1)
        assert successor.receiver.paths() == ["/pager"]
        (delivery,) = await successor.deliveries()
        assert (delivery["state"], delivery["end_reason"]) == ("cancelled", "acknowledged")
        assert [each["outcome"] for each in delivery["attempts"]] == ["unknown"]


async def test_slots_that_a_dead_run_held_are_free_again(tocsin: Tocsin, tmp_path: Path) -> None:
    """Its four attempts under way do not count for ever; what waited is sent."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    for number in range(6):
        await tocsin.alert(entity_id=f"disk-{number}")
    await tocsin.advance(seconds=5)
    async with after_a_crash(tocsin, tmp_path / "again") as successor:
        await successor.until_taken_over()
        await successor.settle()
        assert {each["state"] for each in await successor.deliveries()} == {"delivered"}


async def test_a_retry_that_waited_is_made_after_the_crash(tocsin: Tocsin, tmp_path: Path) -> None:
    """At its instant, as if nothing had been."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 500, 200)
    await tocsin.alert()
    await tocsin.advance(seconds=1)
    async with after_a_crash(tocsin, tmp_path / "again") as successor:
        await successor.settle()
        assert successor.receiver.count("/pager") == 1
        await successor.advance(seconds=2)
        assert successor.receiver.count("/pager") == 2


async def test_two_servers_never_share_a_database(tocsin: Tocsin) -> None:
    """The lock beside the file is what proves that an earlier run is dead; a second start is refused."""
    settings = tocsin.server.settings
    second = Settings(home=tocsin.home, database_url=settings.database_url, listen=settings.listen)
    with pytest.raises(AnotherServer, match="is already running on the database"):
        async with running(second, clock=tocsin.clock):
            pass
