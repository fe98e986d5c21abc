"""One slow webhook takes its own slots, and nobody else's."""

from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server

from tocsin.engine import courier

pytestmark = pytest.mark.anyio


async def test_only_what_has_a_free_slot_is_leased(tocsin: Tocsin) -> None:
    """Of six deliveries to one webhook four are under way; the others wait and are no attempt yet."""
    await tocsin.configure({"main": [("0s", ["slow"])]})
    tocsin.receiver.hold("/slow")
    for number in range(6):
        await tocsin.alert(entity_id=f"disk-{number}")
    assert tocsin.receiver.held == 4
    states = [(each["state"], len(each["attempts"])) for each in await tocsin.deliveries()]
    assert states == [("sending", 1)] * 4 + [("pending", 0)] * 2

    tocsin.receiver.let_go("/slow")
    await tocsin.settle()
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}
    entities = [request.fields["entity_id"] for request in tocsin.receiver.requests]
    assert sorted(entities) == sorted(set(entities)) == [f'"disk-{number}"' for number in range(6)]


async def test_the_number_of_slots_is_a_setting(home: Path) -> None:
    """With one slot, one at a time."""
    async with a_server(home, webhook_slots=1) as tocsin:
        await tocsin.configure({"main": [("0s", ["slow"])]})
        tocsin.receiver.hold("/slow")
        for number in range(3):
            await tocsin.alert(entity_id=f"disk-{number}")
        assert tocsin.receiver.held == 1


async def test_what_is_in_flight_in_all_is_bounded_too(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound even a free webhook waits, until any attempt has ended."""
    monkeypatch.setattr(courier, "MOST_IN_FLIGHT", 2)
    await tocsin.configure({"main": [("0s", ["one", "two", "three"])]})
    for path in ("/one", "/two", "/three"):
        tocsin.receiver.hold(path)
    await tocsin.alert()
    assert tocsin.receiver.held == 2
    tocsin.receiver.let_go(tocsin.receiver.paths()[0])
    await tocsin.receiver.wait_for(3)
    tocsin.receiver.let_all_go()
    await tocsin.settle()
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


@pytest.mark.parametrize("status", [500, 0])
async def test_a_dead_webhook_does_not_hold_up_others(shared: Tocsin, status: int) -> None:
    """Twenty of its deliveries fail and fail again; every other page is on time."""
    dead, alive = f"dead-{status}", f"alive-{status}"
    await shared.configure(
        {dead: [("0s", [dead])], alive: [("0s", [alive]), ("10s", [alive])]},
        keys={dead: [dead], alive: [alive]},
    )
    shared.receiver.answer(f"/{dead}", status)
    for number in range(20):
        await shared.alert(entity_id=f"{dead}-{number}", key=dead)
    await shared.advance(seconds=3)
    entity = f"{alive}-disk"
    number = await shared.open(entity, key=alive)
    await shared.advance(seconds=10)
    assert shared.called_about(entity) == [f"/{alive}"] * 2
    pages = await shared.entries(number, "paged")
    assert [page["lateness_seconds"] for page in pages] == [0, 0]
    for page in pages:
        assert page["detail"]["deliveries"][0]["state"] == "delivered"


async def test_a_slow_webhook_does_not_hold_up_others(tocsin: Tocsin) -> None:
    """It keeps all its slots busy; a step that calls it and another reaches the other at once."""
    await tocsin.configure(
        {"slow": [("0s", ["slow"])], "both": [("0s", ["slow", "pager"])]},
        keys={"slow": ["slow"], "both": ["both"]},
    )
    tocsin.receiver.hold("/slow")
    for number in range(8):
        await tocsin.alert(entity_id=f"disk-{number}", key="slow")
    await tocsin.alert(entity_id="web", key="both")
    assert tocsin.receiver.count("/pager") == 1
    assert tocsin.receiver.count("/slow") == 4
