"""Jobs are not blamed for calls that nobody could have heard: an outage of ours lets their interval begin again."""

import pytest
from tests.behaviour.beating import call, elapse, incidents, watch
from tests.behaviour.harness import Tocsin
from tests.behaviour.test_store_failures import read_only
from tests.behaviour.test_two_nodes import both_settle, other

__all__ = ["other"]
pytestmark = pytest.mark.anyio


async def restart_after(tocsin: Tocsin, **by: float) -> None:
    """Stop, and start again when a time has gone by."""
    await tocsin.stop()
    tocsin.advance_while_down(**by)
    await tocsin.start()
    await tocsin.settle()


async def test_a_call_that_came_while_the_server_was_down_is_not_missed(tocsin: Tocsin) -> None:
    """Its interval begins again at the start; if the job does not call then, that is told."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=25)
    await restart_after(tocsin, seconds=10)  # and the job called after 30 s
    await elapse(tocsin, seconds=39)
    assert await incidents(tocsin) == []
    await elapse(tocsin, seconds=1)
    assert await incidents(tocsin) == ["triggered"]


async def test_a_restart_between_two_calls_excuses_nobody(tocsin: Tocsin) -> None:
    """No call was expected while it was down, so a job that died is told of on time."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=8)
    await restart_after(tocsin, seconds=2)
    await elapse(tocsin, seconds=30, microseconds=-1)
    assert await incidents(tocsin) == []
    await elapse(tocsin, microseconds=1)
    assert await incidents(tocsin) == ["triggered"]


async def test_hours_of_downtime_page_nobody_at_the_start(tocsin: Tocsin) -> None:
    """All would be silent; each gets its interval, and who was silent before stays so."""
    await watch(tocsin)
    await tocsin.post("heartbeats", slug="dead-before", every="10s", grace="0s", routing_key="db")
    await elapse(tocsin, seconds=12)
    assert await incidents(tocsin, "heartbeat/dead-before") == ["triggered"]
    await restart_after(tocsin, hours=5)
    assert await incidents(tocsin) == []
    assert await incidents(tocsin, "heartbeat/dead-before") == ["triggered"]
    await elapse(tocsin, seconds=40, microseconds=-1)
    assert await incidents(tocsin) == []
    await elapse(tocsin, microseconds=1)
    assert await incidents(tocsin) == ["triggered"]


async def test_after_a_crash_nobody_is_blamed_either(tocsin: Tocsin) -> None:
    """Killed, it says nowhere when it died; what its database holds is enough."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=24)
    after = tocsin.after_a_crash(tocsin.home.parent / "after")
    tocsin.advance_while_down(seconds=10)
    try:
        await after.start()
        await elapse(after, seconds=39)
        assert await incidents(after) == []
        await elapse(after, seconds=1)
        assert await incidents(after) == ["triggered"]
    finally:
        await after.stop()


async def test_calls_that_the_store_refused_are_not_missed(tocsin: Tocsin) -> None:
    """They are answered 503 with a time to come back; a job that does not come back is excused once."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=30)
    read_only(tocsin, on=True)
    refused = await call(tocsin)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    await elapse(tocsin, seconds=2)
    read_only(tocsin, on=False)
    await elapse(tocsin, seconds=5)
    assert tocsin.server.engine.beats.deaf_since is None
    await elapse(tocsin, seconds=30)
    assert await incidents(tocsin) == []
    await elapse(tocsin, seconds=10)
    assert await incidents(tocsin) == ["triggered"]


async def test_who_comes_to_judge_late_was_not_there_to_hear(tocsin: Tocsin) -> None:
    """A machine that slept, or a clock that jumped, blames nobody."""
    await watch(tocsin)
    await call(tocsin)
    await tocsin.advance(hours=1)
    assert await incidents(tocsin) == []
    await elapse(tocsin, seconds=39)
    assert await incidents(tocsin) == []
    await elapse(tocsin, seconds=1)
    assert await incidents(tocsin) == ["triggered"]


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
async def test_where_another_node_was_there_a_restart_excuses_nobody(
    tocsin: Tocsin, other: Tocsin
) -> None:
    """The job could have called that one; and however many nodes look, an incident opens once."""
    await watch(tocsin)
    await call(tocsin)

    async def elapse_at_both(seconds: int) -> None:
        for _ in range(seconds // 2):
            await other.advance(seconds=2)
            await both_settle(other, other)

    await tocsin.stop()
    await elapse_at_both(26)
    await tocsin.start()
    await elapse_at_both(12)
    assert await incidents(tocsin) == []
    await elapse_at_both(2)
    await tocsin.settle()
    assert await incidents(tocsin) == ["triggered"]
    assert tocsin.rows("SELECT count(*) FROM alerts") == [(1,)]


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
@pytest.mark.parametrize("silent_for", [10, 17])
async def test_while_no_node_could_renew_nobody_was_there(tocsin: Tocsin, silent_for: int) -> None:
    """For ten seconds no run was renewed, so a call may have been lost; until one is, nobody is judged."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=24)
    await tocsin.advance(seconds=silent_for)  # the job called after 30 s; it was due after 40
    await elapse(tocsin, seconds=39)
    assert await incidents(tocsin) == []
    await elapse(tocsin, seconds=1)
    assert await incidents(tocsin) == ["triggered"]


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
async def test_a_node_that_is_out_of_touch_judges_nobody(tocsin: Tocsin) -> None:
    """It could not renew its run for five seconds: it does not know who else heard the job."""
    await watch(tocsin)
    await call(tocsin)
    await elapse(tocsin, seconds=36)
    renewing = tocsin.server.engine.renewal._renewing
    assert renewing is not None
    renewing.cancel()
    await tocsin.advance(seconds=6)
    assert not tocsin.server.engine.renewal.is_sure
    assert await incidents(tocsin) == []
