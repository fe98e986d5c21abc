"""The routing key of the URL decides which policies run."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

POLICIES = {
    "one": [("0s", ["pager"])],
    "two": [("0s", ["phone"])],
    "rest": [("0s", ["mail"])],
}


async def test_a_routing_key_picks_one_or_more_policies(tocsin: Tocsin) -> None:
    """Each policy picked starts one escalation; the key may be written in any case."""
    await tocsin.configure(POLICIES, keys={"db": ["one"], "all": ["one", "two"]}, default=["rest"])
    await tocsin.alert(entity_id="a", key="DB")
    assert tocsin.called_about("a") == ["/pager"]
    await tocsin.alert(entity_id="b", key="All")
    assert sorted(tocsin.called_about("b")) == ["/pager", "/phone"]
    policies = [each["policy"] for each in (await tocsin.incident(2))["escalations"]]
    assert policies == ["ops/one", "ops/two"]


@pytest.mark.parametrize("key", ["unheard-of", "", "a/b", "%C3%A4", "x" * 200])
async def test_an_unknown_key_takes_the_default_routing(shared: Tocsin, key: str) -> None:
    """Also an empty one, one that cannot be a key, and none; an alert is never refused for it."""
    await shared.configure(POLICIES, keys={"db": ["one"]}, default=["rest"])
    entity = f"by {key}!"
    await shared.alert(entity_id=entity, key=key)
    assert shared.called_about(entity) == ["/mail"]
    assert "default routing" in (await shared.why(entity))["text"]
