"""A policy: steps in order, each with a delay after the one before and one or more webhooks."""

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_steps_fire_in_order_each_after_the_one_before(tocsin: Tocsin) -> None:
    """5, 10 and 1 minutes are minutes 5, 15 and 16; all webhooks of a step are called at once."""
    await tocsin.configure({"main": [("5m", ["a"]), ("600s", ["b", "c", "d"]), ("1m", ["a"])]})
    await tocsin.alert()
    seen = []
    for _ in range(20):
        before = len(tocsin.receiver.requests)
        await tocsin.advance(minutes=1)
        seen.append(sorted(tocsin.receiver.paths()[before:]))
    assert {minute: paths for minute, paths in enumerate(seen, 1) if paths} == {
        5: ["/a"],
        15: ["/b", "/c", "/d"],
        16: ["/a"],
    }


@pytest.mark.parametrize("after", ["5", "5 m", "m", "-5m", "1.5h", ""])
async def test_a_delay_without_its_unit_is_refused(shared: Tocsin, after: str) -> None:
    """Seconds or minutes? The refusal names file, line and field, and nothing is changed."""
    text = (
        "webhooks: {pager: {url: RECEIVER/pager}}\n"
        "teams:\n  ops:\n    policies:\n      main:\n        steps:\n"
        f"          - {{after: '{after}', webhooks: [pager]}}\n"
    ).replace("RECEIVER", shared.receiver.url(""))
    answer = await shared.ask(
        "POST", "configuration/apply", {"text": text, "filename": "oncall.yaml"}
    )
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "configuration_mistakes"
    assert error["message"].startswith("oncall.yaml:7: teams.ops.policies.main.steps[1].after: ")
    assert not (await shared.get("policies"))["items"]


async def test_a_policy_belongs_to_a_team(tocsin: Tocsin) -> None:
    """Two teams may each have one of the same name."""
    url = tocsin.receiver.url("")
    await tocsin.apply(f"""
        webhooks:
          a: {{url: {url}/a}}
        teams:
          ops: {{policies: {{main: {{steps: [{{after: 0s, webhooks: [a]}}]}}}}}}
          net: {{policies: {{main: {{steps: [{{after: 1m, webhooks: [a]}}]}}}}}}
    """)
    paths = [policy["path"] for policy in (await tocsin.get("policies"))["items"]]
    assert sorted(paths) == ["net/main", "ops/main"]
