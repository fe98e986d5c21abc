"""What each type of alert does, in any case of its letters."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("ACKNOWLEDGEMENT", "acknowledged"),
        ("acknowledgement", "acknowledged"),
        ("RECOVERY", "resolved"),
        ("OK", "resolved"),
        ("oK", "resolved"),
        ("INFO", "triggered"),
        ("critical", "triggered"),
        ("FLAPPING", "triggered"),
    ],
)
async def test_what_a_type_does_to_an_open_incident(
    shared: Tocsin, type_: str, status: str
) -> None:
    """ACKNOWLEDGEMENT acknowledges, RECOVERY and OK resolve, INFO and the unknown do nothing."""
    await shared.configure({"main": [("1h", ["pager"])]})
    number = await shared.open(f"open-{type_}", message_type="Critical")
    await shared.alert(type_, f"open-{type_}")
    assert (await shared.incident(number))["status"] == status


async def test_without_an_open_incident_they_are_recorded(tocsin: Tocsin) -> None:
    """Each with the reason why it did nothing; no incident comes of it, and nobody is paged."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    for type_ in ("ACKNOWLEDGEMENT", "RECOVERY", "OK", "INFO", "FLAPPING"):
        await tocsin.alert(type_, type_)
    effects = [each["effect"] for each in (await tocsin.get("alerts"))["items"]]
    assert effects == ["recorded"] * 2 + ["no_open_incident"] * 3
    assert not (await tocsin.get("incidents"))["items"]
    assert "there was no open incident to resolve" in (await tocsin.why("OK"))["text"]


async def test_who_acknowledged_by_an_alert_is_known(tocsin: Tocsin) -> None:
    """`ack_author` and `ack_msg` are on the timeline; a second acknowledgement changes nothing."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    for _ in range(2):
        await tocsin.alert("ACKNOWLEDGEMENT", ack_author="bob", ack_msg="on it")
    assert (await tocsin.incident())["acknowledged_by"] == "bob"
    (entry,) = await tocsin.entries(1, "acknowledged")
    assert entry["text"] == "Acknowledged by bob, who says: on it."
    latest = (await tocsin.get("alerts"))["items"][0]
    assert latest["effect"] == "already_acknowledged"


@pytest.mark.parametrize("name", ["token:local", "webhook:pager", "link:pager", "engine", "server"])
async def test_an_alert_cannot_speak_for_somebody_who_was_asked_for_a_token(
    shared: Tocsin, name: str
) -> None:
    """What it says of itself is marked as an alert's, on the timeline and in the incident."""
    await shared.configure({"main": [("5m", ["pager"])]})
    number = await shared.open(name, monitoring_tool=name)
    await shared.alert("ACKNOWLEDGEMENT", name, ack_author=name)
    actors = [entry["actor"] for entry in await shared.entries(number)]
    assert actors == [f"alert:{name}"] * 2
    assert (await shared.incident(number))["acknowledged_by"] == f"alert:{name}"
    assert f"by alert:{name}" in (await shared.why(f"#{number}"))["text"]


async def test_a_type_in_a_list_pages_as_it_would_alone(tocsin: Tocsin) -> None:
    """`["CRITICAL"]` opens an incident and calls the webhook; the alert and `why` say what was repaired."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    answer = await tocsin.post_alert(b'{"message_type": ["CRITICAL"], "entity_id": "disk"}')
    assert answer.status_code == 200
    await tocsin.settle()
    assert tocsin.receiver.paths() == ["/pager"]
    assert tocsin.receiver.requests[0].fields["message_type"] == '"CRITICAL"'
    (latest,) = (await tocsin.get("alerts"))["items"]
    assert latest["effect"] == "opened"
    alert = await tocsin.get(f"alerts/{latest['id']}")
    assert alert["repairs"] == [{"kind": "message_type_unwrapped", "field": "message_type"}]
    assert (
        "CRITICAL (its message_type came in a list or in quotes)"
        in (await tocsin.why("disk"))["text"]
    )


async def test_unknown_types_are_recorded_and_counted(tocsin: Tocsin) -> None:
    """As INFO, on the incident's timeline, in a metric, and with what the sender wrote."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    await tocsin.advance(seconds=1)
    await tocsin.alert("FLAPPING")
    (*_, last) = await tocsin.timeline()
    assert last == "recorded"
    assert await tocsin.metric("tocsin_unknown_type_alerts_total") == 1
    latest = (await tocsin.get("alerts"))["items"][0]
    alert = await tocsin.get(f"alerts/{latest['id']}")
    assert alert["message_type"] == "INFO"
    assert {"kind": "unknown_message_type", "field": "message_type"} in alert["repairs"]
