"""Roles split between nodes: each does its own part of the work, and no other."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.behaviour.harness import ON_SQLITE, Tocsin, until
from tests.behaviour.test_two_nodes import both_settle

from tocsin.domain.role import Role
from tocsin.wiring.serving import RolesNeedPostgreSQL

pytestmark = pytest.mark.anyio
StartBeside = Callable[..., Awaitable[Tocsin]]
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


@pytest.fixture
async def start_beside(tocsin: Tocsin, home: Path, tmp_path: Path) -> AsyncIterator[StartBeside]:
    """Starts more nodes on the database of the first."""
    async with AsyncExitStack() as stack:

        async def start(*roles: Role) -> Tocsin:
            elsewhere = tmp_path / "-".join(roles)
            shutil.copytree(home, elsewhere, ignore=shutil.ignore_patterns("*.lock", "server.json"))
            node = Tocsin(elsewhere, tocsin.clock, tocsin.receiver)
            stack.push_async_callback(node.stop)
            return await node.start(roles=frozenset(roles))

        yield start


@ON_POSTGRESQL
async def test_each_node_does_only_what_is_its_role(
    tocsin: Tocsin, start_beside: StartBeside
) -> None:
    """An alert comes to one node, its step fires on another, and a third sends it, at once."""
    await tocsin.configure({"main": [("0s", ["a"])]})
    tocsin.server.engine.runner.stop()
    api = await start_beside(Role.API)
    escalate = await start_beside(Role.ESCALATE)
    await api.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    await until(lambda: tocsin.rows("SELECT id FROM deliveries"))
    await both_settle(api, escalate)
    assert tocsin.rows("SELECT state, attempts FROM deliveries") == [("pending", 0)]
    assert not tocsin.receiver.requests

    deliver = await start_beside(Role.DELIVER)
    await until(lambda: tocsin.receiver.requests)
    await api.post_alert({"message_type": "CRITICAL", "entity_id": "fan"})
    await until(lambda: len(tocsin.receiver.requests) == 2)
    await both_settle(escalate, deliver)
    runs = {run for (run,) in tocsin.rows("SELECT run_id FROM attempts")}
    assert runs == {deliver.server.engine.renewal._run_id}


@ON_POSTGRESQL
async def test_a_node_without_the_api_answers_only_probes(
    tocsin: Tocsin, start_beside: StartBeside, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever posts an alert there, or asks for anything, is told that it is the wrong node; the log, too."""
    node = await start_beside(Role.ESCALATE, Role.DELIVER)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await node.http.get(path)).status_code == 200
    refused = await node.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "not_answered_here"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert (await node.http.get("/api/v1/status")).status_code == 404
    logged = [each.path for each in caplog.records if each.message == "request.refused"]  # type: ignore[attr-defined]
    assert [path.rpartition("/")[2] for path in logged] == ["db", "status"]
    assert node.alert_key not in logged[0]


@ON_SQLITE
async def test_on_sqlite_one_server_does_it_all(home: Path, tocsin: Tocsin, tmp_path: Path) -> None:
    """A part of it is refused, with the way to PostgreSQL."""
    other = Tocsin(tmp_path / "other", tocsin.clock, tocsin.receiver)
    with pytest.raises(RolesNeedPostgreSQL, match="TOCSIN_DATABASE_URL"):
        await other.start(roles=frozenset({Role.API}))
    assert not other.home.exists()
