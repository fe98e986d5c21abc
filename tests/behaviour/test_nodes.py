"""Nodes come, go and fall silent: who looks sees which there are, and what nobody does."""

import asyncio
import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import ON_SQLITE, Tocsin, database_url_of
from tests.behaviour.test_roles import StartBeside, start_beside
from tests.behaviour.test_two_nodes import advance, other
from tests.manual_clock import START

from tocsin.domain.role import Role
from tocsin.secret import Secret
from tocsin.settings import Listen, Settings
from tocsin.store.database import Database
from tocsin.store.migrate import Newer, NewerSchema
from tocsin.store.runs import list_runs
from tocsin.wiring.nodes import schema_of
from tocsin.wiring.process import _serve
from tocsin.wiring.serving import Running, running

__all__ = ["other", "start_beside"]
pytestmark = pytest.mark.anyio
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


def told(tocsin: Tocsin) -> list[str]:
    """Return what the feed says of nodes, in order."""
    rows = tocsin.rows("SELECT entries FROM feed ORDER BY position")
    added = [entry for (entries,) in rows for entry in json.loads(entries)]
    return [kind for kind, *_ in added if kind.startswith("node_")]


async def states(tocsin: Tocsin) -> list[str]:
    return sorted(each["state"] for each in (await tocsin.get("nodes"))["items"])


async def test_a_node_that_comes_and_goes_is_in_the_feed(tocsin: Tocsin) -> None:
    """With its start and its graceful end; the list has what there is to know of it, as it is now."""
    before = told(tocsin)
    (node,) = (await tocsin.get("nodes"))["items"]
    assert (node["state"], node["roles"]) == ("lives", ["api", "escalate", "deliver"])
    assert (node["run"], node["in_flight"]) == ((await tocsin.get("status"))["run"], 0)
    assert (await tocsin.get("nodes"))["warnings"] == []
    await tocsin.stop()
    assert before[-1] == "node_joined"
    assert told(tocsin) == [*before, "node_left"]


@ON_SQLITE
async def test_after_a_crash_the_next_start_tells_of_it(tocsin: Tocsin, tmp_path: Path) -> None:
    """The node that died is in the feed as silent, before the new one has sent anything."""
    after = tocsin.after_a_crash(tmp_path / "after")
    await after.start()
    try:
        assert told(after)[-2:] == ["node_joined", "node_fell_silent"]
        assert await states(after) == ["lives"]
    finally:
        await after.stop()


@ON_POSTGRESQL
async def test_a_node_that_falls_silent_is_told_by_another(tocsin: Tocsin, other: Tocsin) -> None:
    """When six seconds have passed; when it wakes up, that is told as well, and it lives again."""
    renewing = other.server.engine.renewal
    assert renewing._renewing is not None
    renewing._renewing.cancel()
    assert await states(tocsin) == ["lives", "lives"]
    for _ in range(4):
        tocsin.clock.advance(timedelta(seconds=2))
        await tocsin.settle()
    assert told(tocsin)[-1] == "node_fell_silent"
    await renewing._renew()
    assert told(tocsin)[-1] == "node_came_back"
    assert await states(tocsin) == ["lives", "lives"]


@ON_POSTGRESQL
async def test_a_node_that_left_is_listed_for_a_day(tocsin: Tocsin, other: Tocsin) -> None:
    """Under another name: a node that starts again takes the place of what it was."""
    await advance(tocsin, other, 2)
    with tocsin.another_program() as database:
        run = other.server.engine.renewal._run_id
        database.exec_driver_sql(f"UPDATE runs SET node = 'elsewhere' WHERE id = {run}")
    await other.stop()
    assert await states(tocsin) == ["left", "lives"]
    tocsin.clock.advance(timedelta(days=1, seconds=1))
    await tocsin.settle()
    assert await states(tocsin) == ["lives"]


@ON_POSTGRESQL
async def test_what_no_living_node_does_is_told(tocsin: Tocsin, start_beside: StartBeside) -> None:
    """By /readyz, the list of nodes and the metrics of those that are left, until somebody does it."""
    node = await start_beside(Role.API)
    assert (await node.get("nodes"))["warnings"] == []
    await tocsin.stop()
    missing = (await node.get("nodes"))["warnings"]
    assert [text.split(":")[0] for text in missing] == [
        "No living node fires steps or ends holds",
        "No living node delivers, so nothing is sent",
    ]
    ready = (await node.http.get("/readyz")).json()
    assert [each["message"] for each in ready["warnings"] if each["code"] == "role_missing"] == (
        missing
    )
    assert await node.metric('tocsin_nodes{role="deliver"}') == 0
    await start_beside(Role.ESCALATE, Role.DELIVER)
    assert (await node.get("nodes"))["warnings"] == []
    assert await node.metric('tocsin_nodes{role="deliver"}') == 1


@ON_POSTGRESQL
async def test_a_newer_schema_is_told_once_and_the_node_goes_on(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """A newer node migrates while this one runs: it says so, in its log and in /readyz, and pages."""
    with tocsin.another_program() as newer_node:
        newer_node.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for _ in range(2):
        look_at_schema(tocsin)
    assert [each.message for each in caplog.records].count("schema.newer") == 1
    ready = (await tocsin.http.get("/readyz")).json()
    assert ready["ready"]
    (warning,) = [each for each in ready["warnings"] if each["code"] == "newer_schema"]
    assert "to revision 9999, with which this one goes on; upgrade it" in warning["message"]
    await tocsin.configure({"main": [("0s", ["a"])]})
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/a"]


@ON_POSTGRESQL
async def test_a_schema_that_this_version_cannot_use_ends_the_node(tocsin: Tocsin) -> None:
    """It is not ready, says what to do, and asks to be stopped."""
    asked: list[bool] = []
    tocsin.server.engine.schema_watch.on_refused = lambda: asked.append(True)
    with tocsin.another_program() as newer_node:
        newer_node.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        newer_node.execute(
            sa.text("INSERT INTO settings (name, value) VALUES ('oldest_code', :value)"),
            {"value": b"9999"},
        )
    look_at_schema(tocsin)
    answer = await tocsin.http.get("/readyz")
    assert (answer.status_code, asked) == (503, [True])
    (reason,) = [each for each in answer.json()["reasons"] if each["code"] == "newer_schema"]
    assert "upgrade this node" in reason["message"]


@ON_POSTGRESQL
async def test_it_stops_gracefully_and_says_why(home: Path) -> None:
    """The process that runs it ends with the refusal; its run has left, and nothing of it is open."""
    url = database_url_of(home)
    settings = Settings(home=home, database_url=Secret(url), listen=Listen("127.0.0.1", 0))
    loop = asyncio.get_running_loop()

    def on_start(server: Running) -> None:
        loop.call_soon(server.engine.schema_watch.judge, Newer("9999", oldest_code="9998"))

    with pytest.raises(NewerSchema, match="upgrade this node"):
        await _serve(settings, running(settings), on_start, None)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
    database = Database(url)
    with database.read() as tx:
        assert all(run.ended_by == run.id for run in list_runs(tx, ended_since=START, limit=9))
    database.close()


def look_at_schema(tocsin: Tocsin) -> None:
    """Look now at what the node looks at every thirty seconds."""
    tocsin.server.engine.schema_watch.judge(schema_of(tocsin.server.store.database))
