"""Alerts about an entity with an open incident roll up into it."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_alerts_roll_up_and_first_and_latest_are_kept(tocsin: Tocsin) -> None:
    """One incident counts them all and pages once; the next step sends what is known by then."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
    for percent in (5, 3, 1):
        await tocsin.alert(state_message=f"{percent}% left")
    incident = await tocsin.incident()
    alerts = (await tocsin.get("incidents/1/alerts"))["items"]
    latest, _, first = alerts
    assert incident["alert_count"] == len(alerts) == 3
    assert (incident["first_alert"], incident["latest_alert"]) == (first["id"], latest["id"])
    assert (first["message"], latest["message"]) == ("5% left", "1% left")

    await tocsin.advance(minutes=5)
    pager, boss = tocsin.receiver.requests
    assert (pager.fields["state_message"], boss.fields["state_message"]) == (
        *('"5% left"', '"1% left"'),
    )


async def test_an_acknowledged_incident_takes_alerts_in_silence(tocsin: Tocsin) -> None:
    """They are counted; nobody is paged; and what a later step sends is not theirs."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(state_message="before")
    await tocsin.act(1, "acknowledge")
    await tocsin.alert(state_message="after")
    incident = await tocsin.incident()
    assert (incident["status"], incident["alert_count"]) == ("acknowledged", 2)
    assert tocsin.receiver.paths() == ["/pager"]
    await tocsin.act(1, "reopen")
    assert tocsin.receiver.requests[-1].fields["state_message"] == '"before"'


async def test_a_roll_up_under_another_routing_key_starts_nothing_and_says_so(
    tocsin: Tocsin,
) -> None:
    """The incident goes by the key that opened it; the timeline names the other."""
    await tocsin.configure(
        {"one": [("0s", ["pager"])], "two": [("0s", ["phone"])]},
        keys={"db": ["one"], "net": ["two"]},
    )
    await tocsin.alert()
    await tocsin.alert(key="DB")
    await tocsin.alert(key="net")
    assert tocsin.receiver.paths() == ["/pager"]
    assert len((await tocsin.incident())["escalations"]) == 1
    same, other = await tocsin.entries(1, "rolled_up")
    assert "routing key" not in same["text"]
    assert other["text"].endswith("came under routing key net: started no escalation of its own.")
