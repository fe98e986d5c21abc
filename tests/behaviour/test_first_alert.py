"""An alert opens an incident, whose first step calls its webhook at once."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_an_alert_opens_an_incident_and_calls_the_webhook(tocsin: Tocsin) -> None:
    """The receiver gets a signed form with the incident's number and the alert's fields, quoted."""
    await tocsin.configure({"main": [("0s", ["pager"])]})

    answer = await tocsin.alert(entity_id="disk", state_message="3% left", severity="high")

    assert answer == {"result": "success", "entity_id": "disk"}
    (request,) = await tocsin.receiver.wait_for(1)
    fields = request.fields
    assert fields["incident"] == "1"
    assert fields["entity_id"] == '"disk"'
    assert fields["severity"] == '"high"'
    assert fields["message"].endswith("3% left")
