"""Incidents are numbered by one counter, from a setting on, and no number comes twice."""

from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server

pytestmark = pytest.mark.anyio


async def test_numbers_begin_at_the_setting_and_go_on_over_restarts(home: Path) -> None:
    """5130 after a move from VictorOps; a lower setting later does not take numbers back."""
    async with a_server(home, first_incident=5130) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"])]})
        await tocsin.alert(entity_id="one")
        await tocsin.alert("RECOVERY", "one")
        await tocsin.alert(entity_id="two")
        created = await tocsin.post("incidents", summary="by hand", policies=["ops/main"])
        assert created["number"] == 5132
        await tocsin.stop()
        tocsin.advance_while_down(seconds=1)
        await tocsin.start(first_incident=1)
        await tocsin.alert(entity_id="three")
        sent = [request.fields["incident"] for request in tocsin.receiver.requests]
        assert sent == ["5130", "5131", "5132", "5133"]


async def test_a_higher_setting_skips_ahead(tocsin: Tocsin) -> None:
    """Somebody who sets it late gets it from the next incident on."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert(entity_id="one")
    await tocsin.stop()
    tocsin.advance_while_down(seconds=1)
    await tocsin.start(first_incident=900)
    await tocsin.alert(entity_id="two")
    numbers = [each["number"] for each in (await tocsin.get("incidents"))["items"]]
    assert numbers == [900, 1]
