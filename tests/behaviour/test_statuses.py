"""Where an incident can go from where it is, and what a repeated action answers."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_an_incident_goes_from_triggered_to_resolved(shared: Tocsin) -> None:
    """triggered, acknowledged, triggered again, acknowledged, resolved; and then nowhere."""
    await shared.configure({"main": [("5m", ["pager"])]})
    number = await shared.open("way")
    assert (await shared.incident(number))["status"] == "triggered"
    for action, status in (
        ("acknowledge", "acknowledged"),
        ("reopen", "triggered"),
        ("acknowledge", "acknowledged"),
        ("resolve", "resolved"),
    ):
        answer = await shared.act(number, action)
        assert (answer["status"], answer["changed"]) == (status, True)
    for action, body in (
        ("acknowledge", {}),
        ("reopen", {}),
        ("hold", {"for": "1h"}),
        ("reroute", {"policies": ["ops/main"]}),
    ):
        refusal = await shared.ask("POST", f"incidents/{number}/{action}", body)
        assert refusal.status_code == 409
        assert refusal.json()["error"]["code"] == "illegal_transition"


async def test_an_action_that_is_already_true_succeeds_and_changes_nothing(shared: Tocsin) -> None:
    """`changed` is false, and the timeline has one entry, not two."""
    await shared.configure({"main": [("5m", ["pager"])]})
    number = await shared.open("again")
    first_and_second: list[tuple[str, list[bool]]] = [
        ("reopen", [False, False]),
        ("acknowledge", [True, False]),
        ("resolve", [True, False]),
    ]
    for action, changes in first_and_second:
        answers = [await shared.act(number, action) for _ in changes]
        assert [answer["changed"] for answer in answers] == changes
    assert await shared.timeline(number) == ["opened", "acknowledged", "resolved"]


async def test_a_resolved_entity_gets_a_new_incident(tocsin: Tocsin) -> None:
    """At most one is unresolved; the old one stays as it was."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    await tocsin.alert("RECOVERY")
    await tocsin.alert()
    await tocsin.alert()
    found = (await tocsin.get("incidents", entity_id="disk"))["items"]
    assert [(each["number"], each["status"], each["alert_count"]) for each in found] == [
        (2, "triggered", 2),
        (1, "resolved", 1),
    ]
    assert [request.fields["incident"] for request in tocsin.receiver.requests] == ["1", "2"]
