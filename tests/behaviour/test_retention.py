"""What is over for longer than it is kept is removed while the server runs, and nobody waits for that."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin, a_server

pytestmark = pytest.mark.anyio
KEEP: dict[str, Any] = {"retention": timedelta(days=10)}
REMOVED = 'tocsin_removed_total{what="incidents"}'


async def over(tocsin: Tocsin, *entities: str) -> None:
    """Let incidents be opened, paged for, and resolved."""
    for entity in entities:
        await tocsin.alert(entity_id=entity)
        await tocsin.alert("RECOVERY", entity)


async def in_an_hour(tocsin: Tocsin) -> None:
    """Let all be removed that is old by now: the first time to end may have begun before."""
    for _ in range(2):
        seen = await last_run(tocsin)
        await tocsin.advance(hours=1)
        for _ in range(200):
            if await last_run(tocsin) != seen:
                break
            await tocsin.advance(seconds=0.1)
        else:
            pytest.fail("it did not come to its end")


async def last_run(tocsin: Tocsin) -> float:
    return await tocsin.metric("tocsin_retention_last_run_timestamp_seconds")


async def refusal(tocsin: Tocsin, path: str) -> str:
    answer = await tocsin.ask("GET", path)
    assert answer.status_code == 404
    return str(answer.json()["error"]["message"])


async def test_what_is_over_is_removed_and_whoever_misses_it_is_told(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The incident and its deliveries answer 404 with why; what is not resolved stays, and is paged for."""
    caplog.set_level(logging.INFO, "tocsin.engine.retention")
    async with a_server(home, **KEEP) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"]), ("3d", ["pager"])]})
        await over(tocsin, "disk")
        (sent,) = await tocsin.deliveries()
        await tocsin.alert(entity_id="cpu")
        assert "removed" not in await refusal(tocsin, "incidents/77")
        await tocsin.advance(days=9)
        await in_an_hour(tocsin)
        assert (await tocsin.incident(1))["status"] == "resolved"
        await tocsin.advance(days=2)
        await in_an_hour(tocsin)

        assert "was over before 2026-11-0" in await refusal(tocsin, "incidents/1")
        assert "TOCSIN_RETENTION" in await refusal(tocsin, f"deliveries/{sent['id']}")
        assert "removed" not in await refusal(tocsin, "deliveries/dlv_7fffffffffffffff")
        told = (await tocsin.why("disk"))["sentences"][-1]
        assert told["reason"] == "never_received"
        assert "it may have been removed" in told["text"]
        refused = await tocsin.ask("POST", "incidents/1/acknowledge", {})
        assert "it may have been removed" in refused.text
        assert (await tocsin.incident(2))["status"] == "triggered"
        assert [each["incident"] for each in await tocsin.deliveries()] == [2, 2]
        assert await tocsin.metric(REMOVED) == 1
        assert await tocsin.metric("tocsin_removed_rows_total") > 5
        assert await tocsin.metric("tocsin_oldest_incident_timestamp_seconds") > 0
    told = [vars(each) for each in caplog.records if each.msg == "retention.removed"]
    assert [each["rows"] > 5 for each in told if each.get("incidents") == 1] == [True]


async def test_numbers_and_ids_of_what_was_removed_are_not_given_again(home: Path) -> None:
    """Also if it was the newest, and the server starts anew: receivers may remember them."""
    async with a_server(home, **KEEP) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await over(tocsin, "disk", "cpu")
        before = [each["id"] for each in await tocsin.deliveries()]
        await tocsin.advance(days=11)
        await in_an_hour(tocsin)
        assert (await tocsin.get("incidents"))["items"] == []
        await tocsin.stop()
        await tocsin.start(**KEEP)
        assert await tocsin.open("ram") == 3
        (sent,) = await tocsin.deliveries()
        assert sent["id"] > max(before)


async def test_alerts_and_acknowledgements_come_in_between(home: Path) -> None:
    """What is removed goes in small transactions, with pauses in which everything else goes on."""
    async with a_server(home, **KEEP) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await over(tocsin, *(f"host-{number}" for number in range(30)))
        number = await tocsin.open("disk")
        await tocsin.advance(days=11)
        seen: list[float] = []
        while (removed := await tocsin.metric(REMOVED)) < 30:
            seen.append(removed)
            await tocsin.alert(entity_id=f"new-{len(seen)}")
            await tocsin.act(number, "acknowledge" if len(seen) % 2 else "reopen")
            await tocsin.advance(seconds=0.1)
        assert any(removed > 0 for removed in seen)
        assert len((await tocsin.get("incidents", limit=200))["items"]) == 1 + len(seen)


async def test_a_server_that_is_to_keep_everything_removes_nothing(home: Path) -> None:
    """However old it is, and whatever it is."""
    async with a_server(home, retention=None) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await over(tocsin, "disk")
        await tocsin.advance(days=5000)
        await tocsin.advance(hours=2)
        assert (await tocsin.incident(1))["status"] == "resolved"
        assert len(await tocsin.deliveries()) == 1
        assert await last_run(tocsin) == 0


async def test_a_store_that_fails_puts_it_off_for_an_hour(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in no hurry; and it says so once, not in every pause."""
    async with a_server(home, **KEEP) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await over(tocsin, "disk")
        with tocsin.another_program() as other:
            other.exec_driver_sql("ALTER TABLE attempts RENAME TO away")
            await tocsin.advance(days=11)
            for _ in range(50):
                await tocsin.advance(seconds=1)
            (kept,) = (await tocsin.get("incidents"))["items"]
            assert kept["status"] == "resolved"
            other.exec_driver_sql("ALTER TABLE away RENAME TO attempts")
        await in_an_hour(tocsin)
        assert await tocsin.metric(REMOVED) == 1
    told = [each.msg for each in caplog.records if each.msg.startswith("retention.")]
    assert told in (["retention.failed"], ["retention.broken"])
