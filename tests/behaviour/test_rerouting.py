"""Rerouting stops what runs, and starts other policies."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

POLICIES = {"main": [("0s", ["pager"]), ("5m", ["boss"])], "net": [("1m", ["phone"])]}


async def test_rerouting_starts_the_chosen_policies_and_no_other(shared: Tocsin) -> None:
    """From step 1; the policy that ran pages nobody any more."""
    await shared.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    number = await shared.open("a")
    await shared.act(number, "reroute", policies=["ops/net"])
    await shared.advance(minutes=1)
    await shared.advance(minutes=10)
    assert shared.called_about("a") == ["/pager", "/phone"]
    main, net = (await shared.incident(number))["escalations"]
    assert (main["policy"], main["end_reason"]) == ("ops/main", "rerouted")
    assert (net["policy"], net["fired"]) == ("ops/net", 1)


async def test_rerouting_triggers_what_was_acknowledged(shared: Tocsin) -> None:
    """Also what was held; a routing key names the policies as well."""
    await shared.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    number = await shared.open("b")
    await shared.act(number, "hold", **{"for": "1h"})
    answer = await shared.act(number, "reroute", routing_key="NET")
    assert (answer["status"], answer["held_until"], answer["changed"]) == ("triggered", None, True)
    await shared.advance(hours=2)
    assert shared.called_about("b") == ["/pager", "/phone"]


async def test_reopening_goes_by_where_it_was_rerouted(shared: Tocsin) -> None:
    """The policies that ran last are those that start again."""
    await shared.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    number = await shared.open("c")
    await shared.act(number, "reroute", policies=["ops/net"])
    await shared.act(number, "acknowledge")
    await shared.act(number, "reopen")
    await shared.advance(minutes=1)
    assert shared.called_about("c") == ["/pager", "/phone"]
