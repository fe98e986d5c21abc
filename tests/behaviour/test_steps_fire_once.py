"""A step fires once, however often and however irregularly the engine looks."""

import asyncio

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import Tocsin

from tocsin.store.escalations import move_escalations

pytestmark = pytest.mark.anyio


async def test_a_step_fires_once(tocsin: Tocsin) -> None:
    """Looks at odd instants, and many at one instant, page no step twice and leave none out."""
    await tocsin.configure(
        {"main": [("0s", ["first"]), ("1m", ["second"]), ("1m", ["third", "first"])]}
    )
    await tocsin.alert()
    for seconds in (0, 13, 46, 1, 0, 0.5, 59, 0.5, 300):
        await tocsin.advance(seconds=seconds)
        for _ in range(3):
            tocsin.server.engine.runner.wake()
            await tocsin.settle()

    assert sorted(tocsin.receiver.paths()) == ["/first", "/first", "/second", "/third"]
    assert (await tocsin.timeline()).count("paged") == 3


async def test_an_escalation_moves_only_from_the_step_at_which_it_was(tocsin: Tocsin) -> None:
    """Whoever comes second with the same step changes nothing."""
    await tocsin.configure({"main": [("1m", ["pager"]), ("1m", ["pager"])]})
    await tocsin.alert()
    move = (1, 2_000_000_000_000_000, None, None, None, 1, 1, 0)
    with tocsin.server.store.database.write() as tx:
        assert move_escalations(tx, [move]) == set()
        assert move_escalations(tx, [move]) == {0}


async def test_the_database_refuses_a_second_delivery_of_a_step(tocsin: Tocsin) -> None:
    """Incident, escalation, step and webhook are unique together."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    with tocsin.another_program() as other:
        other.exec_driver_sql("CREATE TEMP TABLE again AS SELECT * FROM deliveries")
        other.exec_driver_sql("UPDATE again SET id = id + 1")
        with pytest.raises(sa.exc.IntegrityError, match=r"incident.*webhook_id"):
            other.exec_driver_sql("INSERT INTO deliveries SELECT * FROM again")


async def test_alerts_that_come_at_once_open_one_incident(tocsin: Tocsin) -> None:
    """Fifty at the same moment about one entity are one incident, paged once."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    body = {"message_type": "CRITICAL", "entity_id": "disk"}
    answers = await asyncio.gather(*(tocsin.post_alert(body) for _ in range(50)))
    await tocsin.settle()

    assert {answer.status_code for answer in answers} == {200}
    assert (await tocsin.incident())["alert_count"] == 50
    assert len((await tocsin.get("incidents"))["items"]) == 1
    assert tocsin.receiver.count("/pager") == 1
