"""A policy in use does not change under an incident."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_a_running_escalation_keeps_the_version_it_started_with(tocsin: Tocsin) -> None:
    """Editing makes a new version, which the next incident takes."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"]), ("5m", ["chief"])]})
    await tocsin.alert(entity_id="one")
    await tocsin.configure({"main": [("1m", ["phone"])]})
    await tocsin.alert(entity_id="two")
    for _ in range(3):
        await tocsin.advance(minutes=5)

    assert tocsin.called_about("one") == ["/pager", "/boss", "/chief"]
    assert tocsin.called_about("two") == ["/phone"]
    versions = [(await tocsin.incident(n))["escalations"][0]["version"] for n in (1, 2)]
    assert versions == [1, 2]


async def test_a_running_escalation_outlives_its_policy(tocsin: Tocsin) -> None:
    """Deleting a policy does not silence an incident; acknowledging does."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
    await tocsin.alert()
    await tocsin.configure({"other": [("1h", ["pager"])]}, webhooks={"boss": {}}, prune=True)
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/boss"]


async def test_a_file_that_says_the_same_makes_no_version(tocsin: Tocsin) -> None:
    """Applied again, nothing is new."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    assert not (await tocsin.configure({"main": [("300s", ["pager"])]}))["changed"]
    assert (await tocsin.get("policies/ops/main"))["version"] == 1
