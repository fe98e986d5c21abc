"""A policy that was edited takes over for an incident when somebody says so."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_the_new_version_calls_whom_it_names_and_the_old_one_nobody_any_more(
    tocsin: Tocsin,
) -> None:
    """From its first step, at once; the timeline says who moved it, and from what to what."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"]), ("5m", ["chief"])]})
    await tocsin.alert(entity_id="one")
    await tocsin.configure({"main": [("0s", ["phone"]), ("2m", ["pager"])]})
    answer = await tocsin.act(1, "move", message="the pager is lost")
    await tocsin.settle()
    assert answer["changed"]
    for _ in range(4):
        await tocsin.advance(minutes=5)

    assert tocsin.called_about("one") == ["/pager", "/phone", "/pager"]
    old, new = (await tocsin.incident(1))["escalations"]
    assert (old["version"], old["fired"], old["end_reason"]) == (1, 1, "moved")
    assert (new["version"], new["fired"], new["end_reason"]) == (2, 2, "exhausted")
    (told,) = await tocsin.entries(1, "moved")
    assert (
        "from version 1 to version 2, who says: the pager is lost; it starts at step 1."
        in (told["text"])
    )
