"""A step that reaches nobody does not keep the next one waiting: `if_undelivered`."""

from datetime import datetime, timedelta

import pytest
from tests.behaviour.harness import Tocsin
from tests.behaviour.receiver import AUTH_CODE

pytestmark = pytest.mark.anyio

STEPS = {"main": [("0s", ["pager"], "60s"), ("10m", ["phone"])]}


async def test_the_next_step_fires_when_nobody_took_it_in_time(tocsin: Tocsin) -> None:
    """After its time, at once, and says why; the retries of the step before go on."""
    await tocsin.configure(STEPS)
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    start = tocsin.now
    next_step = (await tocsin.incident())["escalations"][0]["next"]
    assert datetime.fromisoformat(next_step["due_at"]) == start + timedelta(minutes=10)
    assert datetime.fromisoformat(next_step["sooner_at"]) == start + timedelta(minutes=1)
    answer = await tocsin.why("#1")
    assert "or at 2026-11-02 03:01:00" in answer["text"]
    assert "unless the step before it has reached somebody by then" in answer["text"]

    await tocsin.advance(seconds=59.9)
    assert "/phone" not in tocsin.receiver.paths()
    await tocsin.advance(seconds=0.1)
    assert tocsin.receiver.paths()[-1] == "/phone"
    (entry,) = await tocsin.entries(1, "reached_nobody")
    assert entry["text"] == (
        "ops/main, step 1 of 2, reached nobody within 1 min (pager rejected (HTTP 500)), so the next "
        "step fired at once."
    )
    assert entry["detail"]["reason"] == "undelivered"
    (paged,) = [each for each in await tocsin.entries(1, "paged") if each["detail"]["step"] == 2]
    assert paged["lateness_seconds"] == 0
    assert entry["text"] in (await tocsin.why("#1"))["text"]
    assert await tocsin.metric('tocsin_steps_hurried_total{reason="undelivered"}') == 1

    tocsin.receiver.answer("/pager", 200)
    await tocsin.advance(minutes=2)
    assert [each["state"] for each in await tocsin.deliveries()] == ["delivered", "delivered"]


async def test_it_fires_as_soon_as_all_of_the_step_has_failed(tocsin: Tocsin) -> None:
    """Without waiting for its time."""
    await tocsin.configure({"main": [("0s", ["pager", "boss"], "10m"), ("1h", ["phone"])]})
    tocsin.receiver.answer("/pager", 410)
    tocsin.receiver.answer("/boss", 500, 410)
    await tocsin.alert()
    assert "/phone" not in tocsin.receiver.paths()
    await tocsin.advance(seconds=3)
    assert tocsin.receiver.paths()[-1] == "/phone"
    (entry,) = await tocsin.entries(1, "reached_nobody")
    assert entry["detail"]["reason"] == "all_ended"
    assert "(pager gone (HTTP 410); boss gone (HTTP 410))" in entry["text"]


async def test_it_fires_with_a_step_whose_webhooks_are_all_disabled(tocsin: Tocsin) -> None:
    """In the same moment."""
    await tocsin.configure(STEPS)
    await tocsin.call("PATCH", "webhooks/pager", {"enabled": False})
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/phone"]
    (entry,) = await tocsin.entries(1, "reached_nobody")
    assert entry["detail"]["reason"] == "all_skipped"


async def test_one_that_is_taken_keeps_the_plan(tocsin: Tocsin) -> None:
    """Also by a retry, if it comes in time, and also when others fail."""
    await tocsin.configure({"main": [("0s", ["pager", "boss"], "60s"), ("10m", ["phone"])]})
    tocsin.receiver.answer("/pager", 500, 200)
    tocsin.receiver.answer("/boss", 410)
    await tocsin.alert()
    assert "unless the step before it" in (await tocsin.why("#1"))["text"]
    await tocsin.advance(seconds=3)
    assert "unless the step before it" not in (await tocsin.why("#1"))["text"]
    await tocsin.advance(minutes=9, seconds=56)
    assert "/phone" not in tocsin.receiver.paths()
    await tocsin.advance(seconds=1)
    assert tocsin.receiver.paths()[-1] == "/phone"
    assert await tocsin.entries(1, "reached_nobody") == []


async def test_who_acknowledges_is_not_overtaken(tocsin: Tocsin) -> None:
    """Nothing of a stopped escalation fires, though nobody was reached."""
    await tocsin.configure(STEPS)
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    await tocsin.advance(minutes=20)
    assert tocsin.receiver.paths() == ["/pager"]
    assert await tocsin.entries(1, "reached_nobody") == []


async def test_what_an_outage_delayed_is_seen_at_the_start(tocsin: Tocsin) -> None:
    """The step that should have fired meanwhile fires at once, and is late by as much."""
    await tocsin.configure(STEPS)
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.advance(seconds=3)
    await tocsin.stop()
    tocsin.advance_while_down(minutes=5)
    await tocsin.start()
    await tocsin.settle()
    assert "/phone" in tocsin.receiver.paths()
    (paged,) = [each for each in await tocsin.entries(1, "paged") if each["detail"]["step"] == 2]
    assert paged["lateness_seconds"] == 243


async def test_the_pause_before_a_repeat_stays(tocsin: Tocsin) -> None:
    """In each run the steps are hurried; the next run waits, so that repeats are not used up at once."""
    await tocsin.configure(
        {"main": [("0s", ["pager"], "60s"), ("10m", ["phone"], "60s")]},
        repeat={"times": 1, "after": "15m"},
    )
    for path in ("/pager", "/phone"):
        tocsin.receiver.answer(path, 410)
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/pager", "/phone"]
    await tocsin.advance(minutes=14, seconds=59)
    assert len(tocsin.receiver.paths()) == 2
    await tocsin.advance(seconds=1)
    assert tocsin.receiver.paths() == ["/pager", "/phone"] * 2
    assert (await tocsin.incident())["nobody_left_since"] is not None


async def test_an_escalation_keeps_the_patience_that_it_started_with(tocsin: Tocsin) -> None:
    """It belongs to the policy's version, like all of a step."""
    await tocsin.configure(STEPS)
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.configure({"main": [("0s", ["pager"]), ("10m", ["phone"])]})
    await tocsin.advance(minutes=1)
    assert "/phone" in tocsin.receiver.paths()
    policy = await tocsin.get("policies/ops/main")
    assert (policy["version"], policy["steps"][0]["if_undelivered"]) == (2, None)


async def test_the_file_the_api_and_the_export_say_it_alike(tocsin: Tocsin) -> None:
    """And only the next step can come then."""
    report = await tocsin.configure(STEPS, dry_run=True)
    assert "+ step 1 at +0s: pager (if undelivered for 1m: the next step)" in report["text"]
    await tocsin.configure(STEPS)
    (step, _) = (await tocsin.get("policies/ops/main"))["steps"]
    assert step["if_undelivered"] == {"after": "1m", "then": "next_step"}
    exported = (await tocsin.ask("GET", "configuration/export")).text
    assert "if_undelivered: {after: 1m, then: next_step}" in exported
    assert (await tocsin.apply(exported))["changed"] is False

    given = {"after": "90s", "then": "next_step"}
    steps = [
        {"after": "0s", "webhooks": ["pager"], "if_undelivered": given},
        {"after": "1m", "webhooks": ["phone"]},
    ]
    made = await tocsin.call("PUT", "policies/ops/main", {"name": "Main", "steps": steps})
    assert (made["version"], made["steps"][0]["if_undelivered"]) == (2, given)
    for wrong in ({"then": "stop"}, {"after": "4s"}):
        step = {"after": "0s", "webhooks": ["pager"], "if_undelivered": given | wrong}
        answer = await tocsin.ask("PUT", "policies/ops/main", {"name": "Main", "steps": [step]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_policy")


async def test_a_mistake_in_a_file_says_what_to_do(tocsin: Tocsin) -> None:
    """What to write instead, and that behind the last step there is nothing to hurry."""
    text = f"""
webhooks:
  pager: {{url: "{tocsin.receiver.url("/pager")}", auth_code: {AUTH_CODE}}}
teams:
  ops:
    policies:
      main:
        steps:
          - {{after: 0s, webhooks: [pager], if_undelivered: {{after: 60s, then: resolve}}}}
          - {{after: 0s, webhooks: [pager], if_undelivered: {{after: 60}}}}
"""
    answer = await tocsin.ask("POST", "configuration/apply", {"text": text, "filename": "x.yaml"})
    assert answer.status_code == 422
    said = str(answer.json())
    assert "write 'then: next_step'" in said
    assert "needs 'then', such as {after: 60s, then: next_step}" in said
    assert "Is 60 seconds or minutes?" in said
    report = await tocsin.configure({"main": [("0s", ["pager"], "60s")]})
    assert "steps[1].if_undelivered: no step follows it, so it does nothing" in report["text"]
