"""What the worlds are good for: they hold everything that a page has to show."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin
from tests.worlds.served import Homes
from tests.worlds.world import FIRST_INCIDENT, MANY, MANY_CONFIGURED

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.incident import Status
from tocsin.domain.webhook import DisabledReason

pytestmark = pytest.mark.anyio
LISTED = {
    **dict.fromkeys(("incidents", "alerts", "deliveries", "attempts", "timeline", "feed"), MANY),
    **dict.fromkeys(("alert_keys", "tokens", "users", "changes", "refused_alerts"), MANY),
    **dict.fromkeys(("webhooks", "policy_versions"), MANY_CONFIGURED),
    **dict.fromkeys(("teams", "policies", "routing_keys", "heartbeats"), 0.3 * MANY_CONFIGURED),
}
"""Of how many rows of each table there are at least so many."""


async def items(tocsin: Tocsin, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await tocsin.get(path, **query))["items"]
    return found


async def test_few_has_something_in_every_state(homes: Homes, tmp_path: Path) -> None:
    """Incidents, deliveries that nobody is sending, webhooks, heartbeats, refusals, versions; somebody escalates."""
    async with homes.served("few", tmp_path / "home") as tocsin:
        incidents = await items(tocsin, "incidents", limit=200)
        assert {each["status"] for each in incidents} == {*Status}
        assert any(each["held_until"] for each in incidents)
        assert any(each["nobody_left_since"] for each in incidents)
        deliveries = await tocsin.deliveries()
        assert {each["state"] for each in deliveries} == {*DeliveryState} - {DeliveryState.SENDING}
        webhooks = await items(tocsin, "webhooks")
        assert {each["disabled_reason"] for each in webhooks} == {None, *DisabledReason}
        assert any(each["breaker"] is not None for each in webhooks)
        assert len({each["state"] for each in await items(tocsin, "heartbeats")}) >= 4
        assert {each["version"] for each in await items(tocsin, "policies")} == {1, 2, 3}
        assert len(await items(tocsin, "refused-alerts")) == 3
        assert (await tocsin.get("upcoming"))["items"]


async def test_many_has_as_many_of_everything(homes: Homes) -> None:
    """10,000 of whatever grows with use; hundreds of what people make."""
    with closing(sqlite3.connect(await homes.home("many") / "tocsin.db")) as connection:
        for table, least in LISTED.items():
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert count >= least, table


async def test_a_copy_is_as_whole_as_what_it_is_of(homes: Homes, tmp_path: Path) -> None:
    """Its alerts, deliveries and timeline are its own, as many as of the original, and in the same order."""
    async with homes.served("many", tmp_path / "home") as tocsin:
        newest = int((await items(tocsin, "incidents", limit=1))[0]["number"])
        count = newest + 1 - FIRST_INCIDENT
        for original in range(FIRST_INCIDENT, newest + 1):
            copy = original - 5 * count
            told, copied = await tocsin.timeline(original), await tocsin.timeline(copy)
            assert copied == told
            for part in ("alerts", "deliveries"):
                ours, theirs = [
                    await items(tocsin, f"incidents/{number}/{part}", limit=200)
                    for number in (original, copy)
                ]
                assert len(ours) == len(theirs)
                assert not {each["id"] for each in ours} & {each["id"] for each in theirs}
        assert tocsin.receiver.requests == []  # nothing was overdue


async def test_hostile_is_served(homes: Homes, tmp_path: Path) -> None:
    """Nothing of what it holds keeps the server from answering about it."""
    async with homes.served("hostile", tmp_path / "home") as tocsin:
        for incident in await items(tocsin, "incidents", limit=200):
            assert await tocsin.timeline(incident["number"])
