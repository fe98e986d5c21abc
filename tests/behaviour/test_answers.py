"""A receiver may acknowledge, hold or resolve by what it answers, if its webhook is allowed to."""

import asyncio
import re
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin
from tests.behaviour.receiver import AUTH_CODE
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio

MAY_ACT = {"answer_may_act": "true"}


async def configure(shared: Tocsin, name: str, **options: Any) -> None:
    """One policy that calls a webhook at once and another in five minutes, under a key of its own."""
    await shared.configure(
        {name: [("0s", [name]), ("5m", [f"{name}-boss"])]},
        keys={name: [name]},
        webhooks={name: options},
    )


async def the_attempt(shared: Tocsin, number: int) -> dict[str, Any]:
    (delivery,) = await shared.deliveries(incident=number)
    shown = await shared.get(f"deliveries/{delivery['id']}")
    return dict(shown["attempts"][-1])


async def test_an_answer_acknowledges(shared: Tocsin) -> None:
    """As that webhook's deed: on the timeline, in why, in a metric; and nobody else is called."""
    await configure(shared, "restart", **MAY_ACT)
    shared.receiver.say("/restart", '{"incident": "acknowledge", "message": "Restarted it"}')
    number = await shared.open("restart", key="restart")

    incident = await shared.incident(number)
    assert (incident["status"], incident["acknowledged_by"]) == ("acknowledged", "webhook:restart")
    (entry,) = await shared.entries(number, "acknowledged")
    assert entry["actor"] == "webhook:restart"
    assert entry["text"].startswith("Acknowledged by webhook restart, in its answer to dlv_")
    assert entry["text"].endswith("who says: Restarted it.")
    attempt = await the_attempt(shared, number)
    assert attempt["answer_decision"] == "acted"
    assert "its answer was carried out" in (await shared.why(str(number)))["text"]
    assert await shared.metric('tocsin_answers_total{decision="acted"}') >= 1
    await shared.advance(hours=1)
    assert shared.receiver.count("/restart-boss") == 0


async def test_what_an_answer_says_is_kept_without_secrets(shared: Tocsin) -> None:
    """Who may read the timeline may not see an auth code, and a receiver in trouble tells all it knows."""
    await configure(shared, "teller", **MAY_ACT)
    shared.receiver.say(
        "/teller", f'{{"incident": "acknowledge", "message": "I have {AUTH_CODE} here"}}'
    )
    number = await shared.open("teller", key="teller")
    (entry,) = await shared.entries(number, "acknowledged")
    assert entry["text"].endswith("who says: I have *** here.")
    assert AUTH_CODE not in str(entry)


async def test_an_answer_holds_for_its_minutes(shared: Tocsin) -> None:
    """Then the incident is triggered again, and pages anew."""
    await configure(shared, "holder", **MAY_ACT)
    shared.receiver.say("/holder", '{"incident": "hold", "minutes": 5}')
    number = await shared.open("holder", key="holder")
    assert (await shared.incident(number))["held_until"] is not None
    shared.receiver.say("/holder", "ok")
    await shared.advance(minutes=5)
    assert shared.receiver.count("/holder") == 2
    assert (await shared.incident(number))["status"] == "triggered"


async def test_an_answer_resolves(shared: Tocsin) -> None:
    """The next alert opens another incident."""
    await configure(shared, "healer", **MAY_ACT)
    shared.receiver.say("/healer", '{"incident": "resolve"}')
    number = await shared.open("healer", key="healer")
    assert (await shared.incident(number))["status"] == "resolved"


async def test_commands_say_what_an_answer_did(shared: Tocsin) -> None:
    """Who acknowledged, what came of the answer, and what the webhook may do."""
    await configure(shared, "seen", **MAY_ACT)
    shared.receiver.say("/seen", '{"incident": "acknowledge"}')
    number = await shared.open("seen", key="seen")
    (delivery,) = await shared.deliveries(incident=number)
    cli = Cli({"TOCSIN_HOME": str(shared.home)}, now=shared.now)
    incidents = await asyncio.to_thread(cli, "incidents")
    assert "acknowledged by webhook seen" in incidents.out
    shown = await asyncio.to_thread(cli, "deliveries", "show", delivery["id"])
    assert "its answer was carried out" in shown.out
    webhook = await asyncio.to_thread(cli, "webhooks", "show", "seen")
    assert re.search(r"answer may act:? +yes", webhook.out)
    assert re.search(r"links:? +none", webhook.out)


async def test_off_unless_the_webhook_allows_it(shared: Tocsin) -> None:
    """The page goes on, and whoever looks at the delivery is told what to set."""
    await configure(shared, "usual")
    shared.receiver.say("/usual", '{"incident": "acknowledge"}')
    number = await shared.open("usual", key="usual")
    assert (await shared.incident(number))["status"] == "triggered"
    attempt = await the_attempt(shared, number)
    assert (attempt["outcome"], attempt["answer_decision"]) == ("delivered", "not_allowed")
    assert "set answer_may_act" in attempt["answer_explanation"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "decision"),
    [
        ("ok", (), 200, "not_json"),
        ('{"incident": "acknowledge"}', ("Content-Type: text/html",), 200, "not_json"),
        ('{"incident": "acknowledge"}', (), 202, "not_200"),
        ('{"incident": "acknowledge", "by": "me"}', (), 200, "unknown_key"),
        ('{"incident": "acknowledge"}' + " " * 4096, (), 200, "too_long"),
        ('{"incident": "hold", "minutes": 241}', (), 200, "minutes_out_of_bounds"),
        ('{"incident": "acknowledge"}', (), 500, None),
    ],
)
async def test_what_is_not_to_the_letter_changes_nothing(
    shared: Tocsin, body: str, headers: tuple[str, ...], status: int, decision: str | None
) -> None:
    """It is kept with the reason; an answer that is no success is one thing only, a failure."""
    await configure(shared, "vague", **MAY_ACT)
    shared.receiver.say("/vague", body, *headers, status=status)
    number = await shared.open(f"{decision}-{status}-{headers}", key="vague")
    assert (await shared.incident(number))["status"] == "triggered"
    assert (await the_attempt(shared, number))["answer_decision"] == decision
    await shared.act(number, "resolve")


async def test_who_was_first_keeps_the_incident(shared: Tocsin) -> None:
    """Acknowledged by a person while the receiver thought: its answer is kept as too late."""
    await configure(shared, "slow", **MAY_ACT)
    shared.receiver.say("/slow", '{"incident": "resolve"}')
    shared.receiver.hold("/slow")
    number = await shared.open("slow", key="slow")
    await shared.act(number, "acknowledge")
    shared.receiver.let_go("/slow")
    await shared.settle()
    assert (await shared.incident(number))["status"] == "acknowledged"
    attempt = await the_attempt(shared, number)
    assert (attempt["outcome"], attempt["answer_decision"]) == ("delivered", "stale_escalation")
