"""A store that fails parks nothing: senders are told to come back, and the engine goes on by itself."""

import pytest
from tests.behaviour.harness import Tocsin
from tests.databases import make_read_only

from tocsin.engine import engine

pytestmark = pytest.mark.anyio

LONG = "x" * 20_000


async def fill_the_disk(tocsin: Tocsin) -> None:
    """Let the database grow no more; PostgreSQL takes nothing then."""
    if tocsin.is_on_postgresql:
        read_only(tocsin, on=True)
        return
    with tocsin.server.store.database.write() as tx:
        pages = tx.core.exec_driver_sql("PRAGMA page_count").scalar()
        tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


async def make_room(tocsin: Tocsin) -> None:
    if tocsin.is_on_postgresql:
        read_only(tocsin, on=False)
        return
    with tocsin.server.store.database.write() as tx:
        tx.core.exec_driver_sql("PRAGMA max_page_count = 1073741823")


def read_only(tocsin: Tocsin, *, on: bool) -> None:
    """Let the database take nothing, as on a file system that was remounted; or take it again."""
    if tocsin.is_on_postgresql:
        make_read_only(tocsin.database_url, on=on)
        return
    connection = tocsin.server.store.database._writers.raw_connection()
    connection.cursor().execute(f"PRAGMA query_only = {'ON' if on else 'OFF'}")
    connection.close()


async def test_a_full_disk_is_answered_with_503_and_a_time(tocsin: Tocsin) -> None:
    """Nothing of the alert is kept; sent again when there is room, it opens its incident."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await fill_the_disk(tocsin)
    alert = {"message_type": "CRITICAL", "entity_id": "disk"}
    answers = [
        await tocsin.post_alert({**alert, **{f"field{each}": "x" * 1000 for each in range(200)}})
        for _ in range(3)
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["result"] == "failure"
    ready = await tocsin.http.get("/readyz")
    assert ready.status_code == 503
    assert "commit_failed" in [reason["code"] for reason in ready.json()["reasons"]]
    assert not (await tocsin.get("alerts"))["items"]

    await make_room(tocsin)
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.http.get("/readyz")).status_code == 200


async def test_a_step_that_could_not_be_stored_fires_when_there_is_room(tocsin: Tocsin) -> None:
    """The engine tries again by itself, sends nothing that is not on record, and says how late."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.alert(state_message=LONG)
    await fill_the_disk(tocsin)
    await tocsin.advance(minutes=1)
    for _ in range(8):
        await tocsin.advance(seconds=5)
    assert not tocsin.receiver.requests
    await make_room(tocsin)
    await tocsin.advance(seconds=5)
    assert tocsin.receiver.paths() == ["/pager"]
    (paged,) = await tocsin.entries(1, "paged")
    assert paged["lateness_seconds"] == 45


async def test_an_outcome_that_could_not_be_stored_is_stored_later(tocsin: Tocsin) -> None:
    """The receiver was told once; that it took it is on record as soon as the store takes it."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    read_only(tocsin, on=True)
    tocsin.receiver.let_go("/pager")
    refused = await tocsin.ask("POST", "incidents/1/acknowledge")
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "store_unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    assert (await tocsin.incident())["status"] == "triggered"

    read_only(tocsin, on=False)
    assert (await tocsin.act(1, "acknowledge"))["changed"]
    (delivery,) = await tocsin.deliveries()
    assert [each["outcome"] for each in delivery["attempts"]] == ["delivered"]
    assert tocsin.receiver.paths() == ["/pager"]


async def test_a_store_that_fails_does_not_keep_the_server_from_stopping(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be put on record is unknown to the next start, and sent again with its id."""
    monkeypatch.setattr(engine, "RECORD_SECONDS", 0.05)
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    read_only(tocsin, on=True)
    tocsin.receiver.let_go("/pager")
    await tocsin.stop()
    read_only(tocsin, on=False)
    tocsin.advance_while_down(seconds=1)
    await tocsin.start()
    await tocsin.until_taken_over()
    await tocsin.settle()
    (delivery,) = await tocsin.deliveries()
    assert [each["outcome"] for each in delivery["attempts"]] == ["unknown", "delivered"]
    first, second = tocsin.receiver.requests
    assert first.delivery_id == second.delivery_id
