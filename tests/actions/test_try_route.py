"""Where an alert would go: what the tester says is what happens when the alert comes, and nothing changes."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.actions.desk import HAPPENINGS, ORGANISATION, Desk

from tocsin.actions.incidents import acknowledge
from tocsin.actions.try_route import simple_alert, try_route
from tocsin.domain.alert_forecast import AlertForecast
from tocsin.domain.alert_json import AlertRefused
from tocsin.domain.incident import Effect
from tocsin.store.configuration import ConfigurationCache


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure(
        {
            "primary": [("0s", ["pager"]), ("5m", ["phone"])],
            "mute": [("0s", ["off"])],
            "empty": [],
        },
        keys={"db": ["primary"], "web": ["primary", "mute", "empty"], "dead": ["mute"]},
        opening="CRITICAL WARNING",
        disabled=["off"],
    )
    return desk


def forecast(desk: Desk, body: bytes, key: str = "db") -> AlertForecast:
    cache = ConfigurationCache(desk.alice.vault)
    with desk.database.read() as tx:
        return try_route(tx, cache, body, routing_key=key, organisation=ORGANISATION, now=desk.now)


def body(message_type: str = "CRITICAL", entity_id: str = "disk", **more: Any) -> bytes:
    return json.dumps({"message_type": message_type, "entity_id": entity_id, **more}).encode()


def test_an_alert_that_would_open_an_incident_says_who_is_paged_and_when(ops: Desk) -> None:
    """Each policy of its key, step by step, and why others would not start."""
    found = forecast(ops, body(), "Web")
    assert (found.effect, found.incident, found.pages_somebody) == (Effect.OPENED, None, True)
    assert [(each.path, each.not_started) for each in found.policies] == [
        ("ops/primary", None),
        ("ops/mute", "webhooks_disabled"),
        ("ops/empty", "policy_is_empty"),
    ]
    assert found.sentences == (
        "It is read as CRITICAL, of 'disk'.",
        "The routing key web is configured. It leads to ops/primary, ops/mute and ops/empty.",
        "It would open an incident: this entity has none that is open.",
        "Policies that would start: ops/primary.",
    )
    text = "\n".join(found.lines)
    assert "    At 5 min, unless somebody acknowledged: phone." in text
    assert "ops/mute would not start: every webhook that it calls is disabled." in text
    assert "ops/empty would not start: it has no steps." in text


def test_an_alert_that_would_page_nobody_says_so(ops: Desk) -> None:
    """Without a default routing, and where none of the policies can start."""
    assert forecast(ops, body(), "dead").sentences[-1] == (
        "It would page nobody: none of the policies that it leads to can start."
    )
    unknown = forecast(ops, body(), "other")
    assert unknown.sentences[1] == (
        "The routing key other is not configured: the default routing would take it, and there is none."
    )
    assert unknown.sentences[-1].startswith("It would page nobody: there is no policy")
    assert "cannot be a routing key" in forecast(ops, body(), "a b").sentences[1]
    assert "has no routing key" in forecast(ops, body(), "").sentences[1]


def test_an_alert_for_an_open_incident_says_what_it_does_to_it(ops: Desk) -> None:
    """It rolls up, reopens, acknowledges or resolves, as things are now."""
    number = ops.alert("WARNING").incident
    assert number == 1
    assert forecast(ops, body()).sentences[2] == (
        "It would be counted into incident #1, which is open for this entity, and start no escalation of "
        "its own."
    )
    assert (
        forecast(ops, body("ACKNOWLEDGEMENT")).sentences[2] == "It would acknowledge incident #1."
    )
    assert forecast(ops, body("OK")).sentences[2] == "It would resolve incident #1."
    ops.change(acknowledge, number, actor="somebody")
    reopened = forecast(ops, body(), "dead")
    assert reopened.sentences[2].startswith("It would reopen incident #1")
    assert [each.path for each in reopened.policies] == [
        "ops/primary"
    ]  # not the key's: those in force
    assert "already" in forecast(ops, body("ACKNOWLEDGEMENT")).sentences[2]
    assert forecast(ops, body("INFO")).sentences[2] == (
        "It would be recorded with incident #1, and change nothing."
    )


def test_an_alert_that_opens_nothing_says_why(ops: Desk) -> None:
    """Its type, or that there is nothing to resolve."""
    assert "only CRITICAL, WARNING opens an incident" in forecast(ops, body("INFO")).sentences[2]
    assert "no open incident to resolve" in forecast(ops, body("RECOVERY")).sentences[2]
    assert "no open incident to acknowledge" in forecast(ops, body("acknowledgement")).sentences[2]
    strange = forecast(ops, body("down"))
    assert "its message_type is none that exists" in strange.sentences[0]


def test_an_alert_without_an_entity_is_an_entity_of_its_own(ops: Desk) -> None:
    """As when it comes."""
    found = forecast(ops, simple_alert(message_type="critical", entity_id=""))
    assert not found.has_entity
    assert found.sentences[0] == "It is read as CRITICAL, of an entity of its own."
    assert forecast(ops, simple_alert(message_type="OK", entity_id="x")).has_entity


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"{}", b'{"message_type": {}}'])
def test_what_would_be_refused_is_refused(ops: Desk, given: bytes) -> None:
    """In the same words as its sender would read."""
    with pytest.raises(AlertRefused):
        forecast(ops, given)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.lists(st.sampled_from(["CRITICAL", "WARNING", "ACKNOWLEDGEMENT", "OK"]), max_size=3),
    type_=st.sampled_from(["CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY", "odd"]),
    key=st.sampled_from(["db", "WEB", "dead", "other", "", "a b"]),
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_said_is_what_happens(ops: Desk, before: list[str], type_: str, key: str) -> None:
    """Whatever came before; and looking changes nothing."""
    ops.begin_anew()
    for each in before:
        ops.alert(each)
    rows = [ops.rows(table) for table in HAPPENINGS]
    found = forecast(ops, body(type_), key)
    assert [ops.rows(table) for table in HAPPENINGS] == rows
    started = len(ops.rows(HAPPENINGS[2]))
    receipt = ops.alert(type_, key=key)
    assert receipt.effect is found.effect
    if found.incident is not None:
        assert receipt.incident == found.incident.number
    starts = [each for each in found.policies if each.not_started is None]
    assert len(ops.rows(HAPPENINGS[2])) - started == len(starts)
