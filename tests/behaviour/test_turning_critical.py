"""An acknowledged incident that turns from WARNING to CRITICAL pages again, once."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (["WARNING"], "triggered"),
        (["WARNING", "WARNING", "INFO"], "triggered"),
        (["CRITICAL"], "acknowledged"),
        (["WARNING", "CRITICAL"], "acknowledged"),
        (["CRITICAL", "WARNING"], "acknowledged"),
    ],
    ids=str,
)
async def test_critical_reopens_only_what_was_all_warning(
    shared: Tocsin, before: list[str], status: str
) -> None:
    """Reopened, it starts from step 1 and sends the CRITICAL alert's fields; else it rolls up."""
    entity = "-".join(before)
    await shared.configure({"main": [("0s", ["pager"])]}, opens_on=["CRITICAL", "WARNING"])
    for type_ in before:
        await shared.alert(type_, entity)
    number = await shared.number_of(entity)
    await shared.act(number, "acknowledge")
    await shared.alert("CRITICAL", entity, state_message="it burns")

    incident = await shared.incident(number)
    reopens = status == "triggered"
    assert incident["status"] == status
    assert incident["alert_count"] == len(before) + 1 - before.count("INFO")
    assert len(shared.called_about(entity)) == (2 if reopens else 1)
    last = shared.receiver.requests[-1].fields["state_message"]
    assert (last == '"it burns"') is reopens
    assert ("reopened" in await shared.timeline(number)) is reopens


async def test_it_reopens_once(tocsin: Tocsin) -> None:
    """Acknowledged again, further CRITICAL alerts roll up."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, opens_on=["CRITICAL", "WARNING"])
    await tocsin.alert("WARNING")
    for _ in range(3):
        await tocsin.act(1, "acknowledge")
        await tocsin.alert("CRITICAL")
    assert (await tocsin.incident())["status"] == "acknowledged"
    assert tocsin.receiver.count("/pager") == 2


@pytest.mark.parametrize("how", ["reopen", "reroute", "hold"])
async def test_counting_begins_anew_when_it_triggers_anew(shared: Tocsin, how: str) -> None:
    """Reopened, rerouted or let go by a hold, a WARNING, acknowledged: the next CRITICAL is the first."""
    await shared.configure({"main": [("0s", ["pager"])]}, opens_on=["CRITICAL", "WARNING"])
    number = await shared.open(how)
    await shared.act(number, "acknowledge")
    if how == "hold":
        await shared.act(number, "hold", **{"for": "1m"})
        await shared.advance(minutes=1)
    else:
        await shared.act(number, how, **({"policies": ["ops/main"]} if how == "reroute" else {}))
    await shared.alert("WARNING", how)
    await shared.act(number, "acknowledge")
    await shared.alert("CRITICAL", how)
    assert (await shared.incident(number))["status"] == "triggered"
    assert shared.called_about(how) == ["/pager"] * 3
