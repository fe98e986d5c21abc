"""Every silence has a reason, and one question is enough to hear it."""

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


def reasons(answer: Answer) -> list[str]:
    """Return why what comes next does, or why nothing does."""
    return [each["reason"] for each in answer["sentences"] if each["topic"] == "next"]


async def test_one_screen_tells_the_whole_way(tocsin: Tocsin) -> None:
    """Received and read as, opened, routed, each step planned and real, each outcome, what is next."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"]), ("1h", ["chief"])]})
    tocsin.receiver.answer("/boss", 500)
    await tocsin.alert("critical")
    await tocsin.advance(minutes=5, seconds=3)
    (_, boss) = await tocsin.deliveries()
    for subject in ("disk", "#1", "1"):
        answer = await tocsin.why(subject)
        text = answer["text"]
        assert answer["incident"] == 1
        for part in (
            "CRITICAL from rest: it opened incident #1",
            "Routing key 'db' led to ops/main",
            "ops/main, step 1 of 3, fired on time: it calls pager",
            "ops/main, step 2 of 3, fired 3 s late: it calls boss (planned for",
            "delivered",
            "rejected (HTTP 500)",
            boss["id"],
            "ops/main, step 3 of 3, fires at 2026-11-02 04:05:00.000Z and calls chief",
            "Attempt 2 to boss is made at",
        ):
            assert part in text, part
        assert reasons(answer) == ["step_due", "attempt_due"]
        assert len(text.splitlines()) < 25
    about_delivery = await tocsin.why(boss["id"])
    assert about_delivery["delivery"] == boss["id"]
    assert "attempt_due" in reasons(about_delivery)


async def test_every_silence_of_an_incident_has_its_reason(tocsin: Tocsin) -> None:
    """Acknowledged, held, resolved, through, without a policy, empty, disabled, paused."""
    await tocsin.configure(
        {
            "main": [("0s", ["pager"])],
            "slow": [("1h", ["pager"])],
            "empty": [],
            "dead": [("0s", ["off"])],
        },
        keys={key: [key] for key in ("main", "slow", "empty", "dead")},
        webhooks={"off": {"enabled": False}},
    )
    for entity, key in {
        **dict.fromkeys(("acknowledged", "held", "resolved", "due"), "slow"),
        "through": "main",
        "no policy": "unheard-of",
        "empty": "empty",
        "disabled": "dead",
    }.items():
        await tocsin.alert(entity_id=entity, key=key)
    await tocsin.act(1, "acknowledge")
    await tocsin.act(2, "hold", **{"for": "1h"})
    await tocsin.act(3, "resolve")

    expected = {
        "acknowledged": ["acknowledged"],
        "held": ["held"],
        "resolved": ["resolved"],
        "due": ["step_due"],
        "through": ["last_step_fired"],
        "no policy": ["no_routing"],
        "empty": ["policy_is_empty"],
        "disabled": ["webhooks_disabled", "webhook_disabled"],
    }
    assert {entity: reasons(await tocsin.why(entity)) for entity in expected} == expected
    await tocsin.post("pause")
    assert reasons(await tocsin.why("due")) == ["paused", "step_due"]


async def test_every_alert_without_an_incident_has_its_reason(tocsin: Tocsin) -> None:
    """Never received, refused, of a type that opens none, nothing to resolve."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.post_alert(b'{"entity_id": "refused"')
    await tocsin.flush()
    for type_ in ("WARNING", "INFO", "RECOVERY", "ACKNOWLEDGEMENT"):
        await tocsin.alert(type_, type_)
    expected = {
        "never": ["never_received"],
        "refused": ["never_received"],
        "WARNING": ["does_not_open"],
        "INFO": ["recorded"],
        "RECOVERY": ["no_open_incident"],
        "ACKNOWLEDGEMENT": ["no_open_incident"],
    }
    assert {entity: reasons(await tocsin.why(entity)) for entity in expected} == expected
    refused = (await tocsin.why("refused"))["sentences"][0]
    assert (refused["topic"], refused["reason"]) == ("refused", "not_json")


async def test_every_end_of_a_delivery_has_its_reason(tocsin: Tocsin) -> None:
    """Delivered, at its deadline, beyond mending, and cancelled with the incident."""
    await tocsin.configure(
        {"main": [("0s", ["good", "gone", "late", "waiting"])]},
        webhooks={"late": {"deadline": "10s"}},
    )
    for path, status in (("/gone", 410), ("/late", 500), ("/waiting", 500)):
        tocsin.receiver.answer(path, status)
    await tocsin.alert()
    for _ in range(4):
        await tocsin.advance(seconds=6)
    await tocsin.act(1, "acknowledge")
    ends = {
        each["webhook"]: reasons(await tocsin.why(each["id"]))[0]
        for each in await tocsin.deliveries()
    }
    assert ends == {
        "good": "delivered",
        "gone": "final_outcome",
        "late": "deadline",
        "waiting": "acknowledged",
    }
