"""Rerouting stops what runs, and starts other policies."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

POLICIES = {"main": [("0s", ["pager"]), ("5m", ["boss"])], "net": [("1m", ["phone"])]}


async def test_rerouting_starts_the_chosen_policies_and_no_other(tocsin: Tocsin) -> None:
    """From step 1; the policy that ran pages nobody any more."""
    await tocsin.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    await tocsin.alert()
    await tocsin.act(1, "reroute", policies=["ops/net"])
    await tocsin.advance(minutes=1)
    await tocsin.advance(minutes=10)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]
    main, net = (await tocsin.incident())["escalations"]
    assert (main["policy"], main["end_reason"]) == ("ops/main", "rerouted")
    assert (net["policy"], net["fired"]) == ("ops/net", 1)


async def test_rerouting_triggers_what_was_acknowledged(tocsin: Tocsin) -> None:
    """Also what was held; a routing key names the policies as well."""
    await tocsin.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    await tocsin.alert()
    await tocsin.act(1, "hold", **{"for": "1h"})
    answer = await tocsin.act(1, "reroute", routing_key="NET")
    assert (answer["status"], answer["held_until"], answer["changed"]) == ("triggered", None, True)
    await tocsin.advance(hours=2)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]


async def test_reopening_goes_by_where_it_was_rerouted(tocsin: Tocsin) -> None:
    """The policies that ran last are those that start again."""
    await tocsin.configure(POLICIES, keys={"db": ["main"], "net": ["net"]})
    await tocsin.alert()
    await tocsin.act(1, "reroute", policies=["ops/net"])
    await tocsin.act(1, "acknowledge")
    await tocsin.act(1, "reopen")
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/pager", "/phone"]
