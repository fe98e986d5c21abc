"""Whatever stops an incident stops all of it: every escalation, and what still waits to be sent."""

from collections.abc import Awaitable, Callable

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

CANCELLED = 'tocsin_deliveries_total{state="cancelled"}'
Stop = Callable[[Tocsin, int, str], Awaitable[object]]


async def acknowledge(tocsin: Tocsin, number: int, _entity: str) -> None:
    await tocsin.act(number, "acknowledge")


async def hold(tocsin: Tocsin, number: int, _entity: str) -> None:
    await tocsin.act(number, "hold", **{"for": "1h"})


async def resolve(tocsin: Tocsin, number: int, _entity: str) -> None:
    await tocsin.act(number, "resolve")


async def reroute(tocsin: Tocsin, number: int, _entity: str) -> None:
    await tocsin.act(number, "reroute", policies=["ops/elsewhere"])


async def acknowledge_by_alert(tocsin: Tocsin, _number: int, entity: str) -> None:
    await tocsin.alert("ACKNOWLEDGEMENT", entity)


async def recover_by_alert(tocsin: Tocsin, _number: int, entity: str) -> None:
    await tocsin.alert("RECOVERY", entity)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (acknowledge, "acknowledged"),
        (hold, "held"),
        (resolve, "resolved"),
        (reroute, "rerouted"),
        (acknowledge_by_alert, "acknowledged"),
        (recover_by_alert, "resolved"),
    ],
)
async def test_everything_of_the_incident_stops_at_once_with_the_reason(
    shared: Tocsin, stop: Stop, reason: str
) -> None:
    """Both escalations end and the waiting delivery is cancelled, at the instant of the action."""
    entity = stop.__name__
    failing = f"phone-{entity}".replace("_", "-")
    await shared.configure(
        {
            "one": [("0s", ["pager"]), ("10m", ["boss"])],
            "two": [("0s", [failing]), ("20m", ["boss"])],
            "elsewhere": [("30m", ["other"])],
        },
        keys={"db": ["one", "two"], "other": ["elsewhere"]},
    )
    shared.receiver.answer(f"/{failing}", 500)
    number = await shared.open(entity)
    await shared.advance(seconds=1)
    cancelled = await shared.metric(CANCELLED)
    await stop(shared, number, entity)

    (entry,) = await shared.entries(number, reason)
    escalations = (await shared.incident(number))["escalations"][:2]
    ends = [(each["end_reason"], each["ended_at"], each["next"]) for each in escalations]
    assert ends == [(reason, entry["at"], None)] * 2
    pager, phone = await shared.deliveries(incident=number)
    assert (pager["state"], pager["end_reason"]) == ("delivered", "delivered")
    assert (phone["state"], phone["end_reason"]) == ("cancelled", reason)
    assert phone["ended_at"] == entry["at"]
    assert await shared.metric(CANCELLED) == cancelled + 1
    await shared.advance(minutes=25)
    assert sorted(shared.called_about(entity)) == ["/pager", f"/{failing}"]


async def test_a_delivery_that_waits_for_a_slot_is_never_sent(tocsin: Tocsin) -> None:
    """Slots that become free after the acknowledgement are for others."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    for number in range(5):
        await tocsin.alert(entity_id=f"disk-{number}")
    assert tocsin.receiver.held == 4
    await tocsin.act(5, "acknowledge")
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()

    assert tocsin.receiver.count("/pager") == 4
    (waiting,) = await tocsin.deliveries(incident=5)
    assert (waiting["state"], waiting["attempts"]) == ("cancelled", [])


async def test_one_acknowledgement_of_many_stops_them_all(tocsin: Tocsin) -> None:
    """In bulk each incident has its own result, and a number that is none spoils nothing."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    for entity in ("one", "two", "three"):
        await tocsin.alert(entity_id=entity)
    answer = await tocsin.post("incidents/acknowledge", numbers=[1, 3, 99])
    assert [result["changed"] for result in answer["results"]] == [True, True, False]
    assert answer["results"][2]["error"]["code"] == "incident_not_found"
    await tocsin.advance(minutes=5)
    (sent,) = tocsin.receiver.requests
    assert sent.fields["entity_id"] == '"two"'
