"""Which types open an incident is a setting of the routing key; CRITICAL, if nothing is said."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_only_critical_opens_by_default(tocsin: Tocsin) -> None:
    """A WARNING is recorded with the reason, and joins an incident that is there."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert("WARNING")
    (alone,) = (await tocsin.get("alerts"))["items"]
    assert (alone["effect"], alone["incident"]) == ("does_not_open", None)
    text = (await tocsin.why("disk"))["text"]
    assert "under routing key 'db' only CRITICAL opens an incident" in text
    await tocsin.alert("CRITICAL")
    await tocsin.alert("WARNING")
    assert (await tocsin.incident())["alert_count"] == 2
    assert tocsin.receiver.paths() == ["/pager"]


async def test_a_routing_key_says_which_types_open(tocsin: Tocsin) -> None:
    """With WARNING and INFO among them, each opens; ACKNOWLEDGEMENT and RECOVERY never do."""
    await tocsin.configure({"main": [("0s", ["pager"])]}, opens_on=["CRITICAL", "WARNING", "INFO"])
    for type_ in ("CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY"):
        await tocsin.alert(type_, entity_id=type_)
    effects = {each["entity_id"]: each["effect"] for each in (await tocsin.get("alerts"))["items"]}
    assert effects == {
        "CRITICAL": "opened",
        "WARNING": "opened",
        "INFO": "opened",
        "ACKNOWLEDGEMENT": "no_open_incident",
        "RECOVERY": "no_open_incident",
    }
    assert tocsin.receiver.count("/pager") == 3
