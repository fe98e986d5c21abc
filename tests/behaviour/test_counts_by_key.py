"""Each alert key shows how many alerts came by it, and how many of them paged nobody."""

import asyncio

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


async def counted(tocsin: Tocsin, name: str) -> Answer:
    (key,) = [each for each in (await tocsin.get("keys"))["items"] if each["name"] == name]
    assert key["alerts"] == sum(key["fates"].values())
    return {"alerts": key["alerts"], "paged_nobody": key["paged_nobody"], **key["fates"]}


async def test_what_came_by_a_key_is_counted_by_its_fate(tocsin: Tocsin) -> None:
    """Each alert once, for its key alone: what paged, what joined that, and why others paged nobody."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    other = (await tocsin.post("keys", name="nagios"))["key"]
    (first,) = [
        each["name"] for each in (await tocsin.get("keys"))["items"] if each["name"] != "nagios"
    ]
    for type_ in ("CRITICAL", "CRITICAL", "INFO", "RECOVERY", "RECOVERY", "WARNING", "FLAPPING"):
        await tocsin.alert(type_)
    for _ in range(2):
        await tocsin.alert("CRITICAL", "lost", key="nowhere")  # unknown, and there is no default
    assert await counted(tocsin, first) == {
        "alerts": 9,
        "paged_nobody": 6,
        "paged": 1,
        "joined": 2,
        "recorded": 1,
        "no_open_incident": 1,
        "does_not_open": 1,
        "unknown_type": 1,
        "started_no_policy": 1,
        "joined_no_policy": 1,
    }
    assert await counted(tocsin, "nagios") == {"alerts": 0, "paged_nobody": 0}
    body = {"message_type": "CRITICAL", "entity_id": "of-nagios"}
    await tocsin.post_alert(body, alert_key=other)
    assert await counted(tocsin, "nagios") == {"alerts": 1, "paged_nobody": 0, "paged": 1}


async def test_it_is_one_row_however_many_come_at_once(tocsin: Tocsin) -> None:
    """A day, a key and a fate are one row; the counts of 30 days are shown."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    for day in range(2):
        await asyncio.gather(
            *(
                tocsin.post_alert({"message_type": "CRITICAL", "entity_id": f"{day}-{each}"})
                for each in range(20)
            )
        )
        await tocsin.settle()
        await tocsin.advance(days=1)
    assert [row[0] for row in tocsin.rows("SELECT alerts FROM alert_fates ORDER BY day")] == [
        20,
        20,
    ]
    (key,) = (await tocsin.get("keys"))["items"]
    assert key["alerts"] == 40
    await tocsin.advance(days=28)
    (key,) = (await tocsin.get("keys"))["items"]
    assert key["alerts"] == 20


async def test_what_was_not_stored_is_not_counted(tocsin: Tocsin) -> None:
    """An alert that is refused, or that the store does not take, came to nothing."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    assert (await tocsin.post_alert({"entity_id": "no type"})).status_code == 400
    with tocsin.another_program() as other:
        other.exec_driver_sql("ALTER TABLE alerts RENAME TO alerts_away")
        assert (await tocsin.post_alert({"message_type": "CRITICAL"})).status_code >= 500
        other.exec_driver_sql("ALTER TABLE alerts_away RENAME TO alerts")
    (key,) = (await tocsin.get("keys"))["items"]
    assert key["alerts"] == 0
