"""What failed can be seen and sent again, alone or many at once, and says who wanted it."""

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def failed(tocsin: Tocsin, *entity_ids: str, path: str = "/pager") -> list[Answer]:
    """Incidents whose page the receiver has refused for good; return the deliveries, oldest first."""
    tocsin.receiver.answer(path, 410)
    for entity_id in entity_ids or ("disk",):
        await tocsin.alert(entity_id=entity_id)
    tocsin.receiver.answer(path, 200)
    return await tocsin.deliveries()


async def again(tocsin: Tocsin, id_: str) -> Answer:
    return await tocsin.post(f"deliveries/{id_}/send-again")


async def state(tocsin: Tocsin, id_: str) -> str:
    return str((await tocsin.get(f"deliveries/{id_}"))["state"])


async def test_what_failed_arrives_under_its_id(tocsin: Tocsin) -> None:
    """The same body under the same webhook-id, so that a receiver that got it can drop it."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["boss"])]})
    (lost,) = await failed(tocsin)
    await again(tocsin, lost["id"])
    first, second = tocsin.receiver.requests
    assert first.delivery_id == second.delivery_id == lost["id"]
    assert first.body == second.body
    shown = await tocsin.get(f"deliveries/{lost['id']}")
    assert shown["state"] == "delivered"
    assert [each["number"] for each in shown["attempts"]] == [1, 2]
    (entry,) = await tocsin.entries(1, "sent_again")
    assert entry["actor"] == "token:local"
    assert entry["text"] == (f"{lost['id']} to pager, which had failed, is sent again by local.")
    (change,) = (await tocsin.get("changes", limit=1))["items"]
    assert (change["actor"], change["action"]) == ("token:local", "delivery.sent_again")


async def test_it_is_tried_again_as_a_new_one_would_be(tocsin: Tocsin) -> None:
    """In seconds, for a deadline of its own, though the first one was over long ago."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("9h", ["boss"])]}, webhooks={"pager": {"deadline": "1m"}}
    )
    (lost,) = await failed(tocsin)
    await tocsin.advance(hours=1)
    tocsin.receiver.answer("/pager", 500)
    await again(tocsin, lost["id"])
    assert tocsin.receiver.count("/pager") == 2
    await tocsin.advance(seconds=2.5)
    assert tocsin.receiver.count("/pager") == 3
    for _ in range(5):
        await tocsin.advance(seconds=20)
    shown = await tocsin.get(f"deliveries/{lost['id']}")
    assert (shown["state"], shown["end_reason"]) == ("failed", "deadline")


async def test_what_waits_is_sent_at_once(tocsin: Tocsin) -> None:
    """Nobody has to wait for the next attempt when the receiver is back."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 500, 200)
    await tocsin.alert()
    (waiting,) = await tocsin.deliveries()
    sent = await again(tocsin, waiting["id"])
    assert sent["resending"] == "brought_forward"
    assert await state(tocsin, waiting["id"]) == "delivered"


async def test_one_that_is_being_sent_is_left_alone(tocsin: Tocsin) -> None:
    """It arrives once."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    (delivery,) = await tocsin.deliveries()
    sent = await again(tocsin, delivery["id"])
    assert (sent["resending"], sent["changed"]) == ("under_way", False)
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    assert tocsin.receiver.count("/pager") == 1


async def test_what_was_delivered_arrives_under_another_id(tocsin: Tocsin) -> None:
    """The same body, which a receiver must not drop; both deliveries say so."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["boss"])]})
    await tocsin.alert()
    (done,) = await tocsin.deliveries()
    sent = await again(tocsin, done["id"])
    first, second = tocsin.receiver.requests
    assert first.body == second.body
    assert (first.delivery_id, second.delivery_id) == (done["id"], sent["id"])
    assert sent["resend_of"] == done["id"] != sent["id"]
    assert (await tocsin.get(f"deliveries/{done['id']}"))["resends"] == [sent["id"]]
    assert "sends" not in (await tocsin.why(sent["id"]))["text"]
    assert f"to send {done['id']} once more" in (await tocsin.why(sent["id"]))["text"]
    assert await state(tocsin, sent["id"]) == "delivered"


async def test_a_stopped_escalation_does_nothing_any_more_also_by_hand(tocsin: Tocsin) -> None:
    """What it had cancelled, and what had failed of it; reopening pages again."""
    await tocsin.configure({"main": [("0s", ["pager", "phone"])]})
    tocsin.receiver.answer("/phone", 500)
    lost, waiting = sorted(await failed(tocsin), key=lambda each: each["webhook"])
    await tocsin.act(1, "acknowledge")
    called = len(tocsin.receiver.requests)
    for each in (lost, waiting):
        answer = await tocsin.ask("POST", f"deliveries/{each['id']}/send-again")
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "stale_escalation"
        assert "reopen incident 1" in answer.json()["error"]["message"]
    await tocsin.advance(hours=1)
    assert len(tocsin.receiver.requests) == called
    await tocsin.act(1, "reopen")
    assert tocsin.receiver.count("/pager") == 2


async def test_many_are_sent_once_their_count_is_known(tocsin: Tocsin) -> None:
    """Those that would be refused stay; what fails after the count makes it void."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("9h", ["boss"])]})
    await failed(tocsin, "a", "b", "c", "d")
    await tocsin.act(await tocsin.number_of("b"), "resolve")
    choice = {"webhook": "pager", "state": "failed", "since": tocsin.now.isoformat()}
    counted = await tocsin.post("deliveries/send-again", **choice, dry_run=True)
    assert (counted["count"], counted["refused"]) == (3, {"stale_escalation": 1})
    await failed(tocsin, "e")
    answer = await tocsin.ask("POST", "deliveries/send-again", {**choice, "expected_count": 3})
    assert answer.json()["error"]["code"] == "count_changed"
    before = len(tocsin.receiver.requests)
    sent = await tocsin.post("deliveries/send-again", **choice, expected_count=4)
    assert sent["count"] == 4
    states = [each["state"] for each in await tocsin.deliveries()]
    assert states == ["delivered", "failed", "delivered", "delivered", "delivered"]
    assert len(tocsin.receiver.requests) == before + 4


async def test_what_is_sent_again_holds_up_no_other_webhook(tocsin: Tocsin) -> None:
    """It takes the slots of its own webhook, one after the other."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("9h", ["boss"])], "other": [("0s", ["phone"])]},
        keys={"db": ["main"], "other": ["other"]},
    )
    await failed(tocsin, *"abcdefgh")
    tocsin.receiver.hold("/pager")
    before = tocsin.receiver.count("/pager")
    await tocsin.post("deliveries/send-again", expected_count=8)
    assert tocsin.receiver.count("/pager") == before + 4
    await tocsin.alert(entity_id="z", key="other")
    assert tocsin.called_about("z") == ["/phone"]
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    assert {each["state"] for each in await tocsin.deliveries()} == {"delivered"}


async def test_tests_are_marked_so(tocsin: Tocsin) -> None:
    """Deliveries without an incident, listed apart; a failed one is sent again under its id."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    tocsin.receiver.answer("/pager", 500, 200)
    test = (await tocsin.post("webhooks/pager/test"))["delivery"]
    await tocsin.settle()
    (listed,) = await tocsin.deliveries(test=True)
    assert (listed["id"], listed["test"], listed["incident"]) == (test, True, None)
    (page,) = await tocsin.deliveries(test=False)
    assert (page["test"], page["incident"]) == (False, 1)
    assert listed["state"] == "failed"
    await again(tocsin, test)
    assert await state(tocsin, test) == "delivered"
    assert [each.delivery_id for each in tocsin.receiver.requests][1:] == [test, test]
