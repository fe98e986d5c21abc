"""A job that does not call in time is an incident, and its next call resolves it."""

import asyncio

import pytest
from tests.behaviour.beating import CALLS, ENTITY, SLUG, call, elapse, incidents, state, watch
from tests.behaviour.harness import Tocsin
from tests.behaviour.test_poison import Spell
from tests.cli.conftest import Cli

pytestmark = pytest.mark.anyio


async def test_a_job_that_falls_silent_is_an_incident_that_its_next_call_resolves(
    tocsin: Tocsin,
) -> None:
    """It opens at the end of interval and grace, not a microsecond before, and says since when."""
    await watch(tocsin)
    assert (await call(tocsin)).json() == {
        "result": "success",
        "heartbeat": SLUG,
        "verdict": "kept",
    }
    called_at = tocsin.now
    await elapse(tocsin, seconds=40, microseconds=-1)
    assert await incidents(tocsin) == []
    assert await state(tocsin) == "late"

    await elapse(tocsin, microseconds=1)
    assert await incidents(tocsin) == ["triggered"]
    assert await state(tocsin) == "silent"
    assert tocsin.called_about(ENTITY) == ["/pager"]
    (page,) = tocsin.receiver.requests
    assert (
        f"It did not call since {called_at:%Y-%m-%d %H:%M:%S}.000Z" in page.fields["state_message"]
    )
    assert "it is to call every 30s" in page.fields["state_message"]
    assert "03:00:00" in page.fields["vo_annotate.s.silent_since"]
    number = await tocsin.number_of(ENTITY)
    assert (await tocsin.incident(number))["routing_key"] == "db"
    assert "CRITICAL from Tocsin: it opened incident #1" in (await tocsin.why(ENTITY))["text"]

    await tocsin.advance(hours=3)
    assert await incidents(tocsin) == ["triggered"]
    assert (await call(tocsin)).json()["verdict"] == "recovered"
    assert await incidents(tocsin) == ["resolved"]
    await elapse(tocsin, seconds=40)
    assert await incidents(tocsin) == ["resolved", "triggered"]


async def test_a_job_that_calls_in_time_is_no_incident(tocsin: Tocsin) -> None:
    """However long it goes on."""
    await watch(tocsin)
    for _ in range(5):
        await elapse(tocsin, seconds=39)
        assert (await call(tocsin)).status_code == 200
    assert await incidents(tocsin) == []
    assert await state(tocsin) == "on_time"


async def test_a_job_that_never_called_is_shown_and_told_of(tocsin: Tocsin) -> None:
    """Its interval counts from when the heartbeat was made."""
    await watch(tocsin)
    assert await state(tocsin) == "never_called"
    assert await tocsin.metric('tocsin_heartbeats{state="never_called"}') == 1
    await elapse(tocsin, seconds=40)
    assert await incidents(tocsin) == ["triggered"]
    (page,) = tocsin.receiver.requests
    assert "It never called since it was made at" in page.fields["state_message"]
    assert await tocsin.metric('tocsin_heartbeats{state="silent"}') == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_usual_method_is_a_call(tocsin: Tocsin, method: str) -> None:
    """So that `curl -fsS URL` is enough; a HEAD is answered without a body."""
    await watch(tocsin)
    await elapse(tocsin, seconds=4)
    answer = await call(tocsin, method=method)
    assert answer.status_code == 200
    assert bool(answer.content) is (method != "HEAD")
    found = await tocsin.get(f"heartbeats/{SLUG}")
    assert found["last_call_at"].startswith(f"{tocsin.now:%Y-%m-%dT%H:%M:%S}")


async def test_a_job_that_failed_says_so_and_opens_an_incident_at_once(tocsin: Tocsin) -> None:
    """By its path, a word or the number that its command exited with; the body says more."""
    await watch(tocsin)
    answer = await call(tocsin, query="/fail", method="POST", body="disk\0 full")
    assert answer.json()["verdict"] == "job_failed"
    assert await state(tocsin) == "failed"
    (page,) = tocsin.receiver.requests
    assert "said that it failed: disk\ufffd full" in page.fields["state_message"]
    assert (await call(tocsin, query="?status=fail")).json()["verdict"] == "failed_again"
    assert (await call(tocsin, query="?status=2")).json()["verdict"] == "failed_again"
    assert await incidents(tocsin) == ["triggered"]
    assert (await call(tocsin, query="?status=0")).json()["verdict"] == "recovered"
    assert await incidents(tocsin) == ["resolved"]
    assert (await call(tocsin, query="?status=oom-kill", body="4 GiB")).json()[
        "verdict"
    ] == "job_failed"
    message = (await tocsin.get(f"heartbeats/{SLUG}"))["message"]
    assert message == "status oom-kill: 4 GiB"
    assert (await call(tocsin, query="?status=success")).json()["verdict"] == "recovered"


async def test_a_failed_job_that_falls_silent_is_told_of_though_somebody_resolved_it(
    tocsin: Tocsin,
) -> None:
    """A person resolves the incident of the failure; then the job does not call any more."""
    await watch(tocsin)
    await call(tocsin, query="/fail")
    await tocsin.act(await tocsin.number_of(ENTITY), "resolve")
    await elapse(tocsin, seconds=40)
    assert await incidents(tocsin) == ["resolved", "triggered"]


async def test_a_call_with_a_whole_log_counts(tocsin: Tocsin) -> None:
    """What is too much is dropped: refusing the call would be a false alarm."""
    await watch(tocsin)
    answer = await call(tocsin, method="POST", body=b"x" * 3_000_000)
    assert answer.status_code == 200
    assert len((await tocsin.get(f"heartbeats/{SLUG}"))["message"]) == 1024


async def test_nobody_learns_whether_a_heartbeat_or_a_key_exists(tocsin: Tocsin) -> None:
    """An unknown key, a revoked one, an unknown heartbeat and what cannot be one: one and the same 404."""
    await watch(tocsin)
    made = await tocsin.post("keys", name="jobs")
    assert (await call(tocsin, key=made["key"])).status_code == 200
    await tocsin.call("DELETE", "keys/jobs")
    answers = [
        await call(tocsin, key="nobody-has-this-key"),
        await call(tocsin, key=made["key"]),
        await call(tocsin, "unknown"),
        await call(tocsin, "%00"),
        await call(tocsin, query="/other"),
        await tocsin.http.get(f"{CALLS}/"),
    ]
    assert {(each.status_code, each.content) for each in answers} == {(404, b"")}
    assert (await call(tocsin, method="DELETE")).status_code == 405


async def test_a_paused_heartbeat_is_not_waited_for(tocsin: Tocsin) -> None:
    """Pausing takes back what was told of it; resuming lets the interval begin again."""
    await watch(tocsin)
    await elapse(tocsin, seconds=40)
    await tocsin.call("PATCH", f"heartbeats/{SLUG}", {"paused": True})
    assert await incidents(tocsin) == ["resolved"]
    assert await state(tocsin) == "paused"
    await tocsin.advance(hours=5)
    assert (await call(tocsin, query="/fail")).json()["verdict"] == "noted_while_paused"
    assert await incidents(tocsin) == ["resolved"]
    await tocsin.call("PATCH", f"heartbeats/{SLUG}", {"paused": False})
    await elapse(tocsin, seconds=40, microseconds=-1)
    assert await incidents(tocsin) == ["resolved"]
    await elapse(tocsin, microseconds=1)
    assert await incidents(tocsin) == ["resolved", "triggered"]


async def test_removing_a_heartbeat_takes_back_what_was_told_of_it(tocsin: Tocsin) -> None:
    """Its calls get 404, its incident is resolved, and one of the same name begins anew."""
    await watch(tocsin)
    await elapse(tocsin, seconds=40)
    await tocsin.call("DELETE", f"heartbeats/{SLUG}")
    assert await incidents(tocsin) == ["resolved"]
    assert (await call(tocsin)).status_code == 404
    assert tocsin.rows("SELECT count(*) FROM heartbeats") == [(0,)]
    await watch(tocsin)
    assert await state(tocsin) == "never_called"


async def test_a_shorter_interval_counts_from_the_change(tocsin: Tocsin) -> None:
    """Nobody is blamed by a rule that did not hold yet."""
    await watch(tocsin, every="24h")
    await elapse(tocsin, minutes=1)
    await watch(tocsin, every="30s")
    await elapse(tocsin, seconds=40, microseconds=-1)
    assert await incidents(tocsin) == []
    await elapse(tocsin, microseconds=1)
    assert await incidents(tocsin) == ["triggered"]


async def test_while_nothing_is_sent_heartbeats_are_judged_all_the_same(tocsin: Tocsin) -> None:
    """As alerts come in then: the incident is there, and pages when somebody resumes."""
    await watch(tocsin)
    await tocsin.post("pause")
    await elapse(tocsin, seconds=40)
    assert await incidents(tocsin) == ["triggered"]
    assert tocsin.called_about(ENTITY) == []
    await tocsin.post("resume")
    assert tocsin.called_about(ENTITY) == ["/pager"]


async def test_one_that_cannot_be_judged_waits_and_the_others_are(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again every minute, and told of as soon as that can be done."""
    await watch(tocsin)
    await tocsin.post("heartbeats", slug="other", every="30s", grace="10s", routing_key="db")
    spell = Spell("incidents", "INSERT", f"NEW.entity_id = '{ENTITY}'")
    spell.cast(tocsin)
    await elapse(tocsin, seconds=40)
    assert await incidents(tocsin, "heartbeat/other") == ["triggered"]
    assert await incidents(tocsin) == []
    assert [each.message for each in caplog.records].count("heartbeat.not_judged") == 1
    spell.lift(tocsin)
    await elapse(tocsin, seconds=60)
    assert await incidents(tocsin) == ["triggered"]


async def test_the_commands_add_list_pause_and_remove(tocsin: Tocsin) -> None:
    """Last call, next due, state and silent since are on one line."""
    await watch(tocsin)

    async def run(*argv: str) -> str:
        cli = Cli({"TOCSIN_HOME": str(tocsin.home)}, now=tocsin.now)
        done = await asyncio.to_thread(cli, "heartbeats", *argv)
        assert done.code == 0, done.err
        await tocsin.settle()
        return str(done.out)

    added = await run("add", "rotate-logs", "--every", "1h", "--grace", "10m", "--name", "Logs")
    assert "curl -fsS --retry 3 " in added
    assert f"{CALLS}/ALERT_KEY/rotate-logs" in added
    await call(tocsin)
    await elapse(tocsin, seconds=40)
    lines = {line.split()[0]: line for line in (await run()).splitlines()}
    assert "silent" in lines[SLUG]
    assert "40s ago" in lines[SLUG]
    assert "never called" in lines["rotate-logs"]
    assert "in 1h 9m" in lines["rotate-logs"]
    assert "(Logs) is never called" in await run("show", "rotate-logs")
    assert "is paused" in await run("pause", "rotate-logs")
    assert "already paused" in await run("pause", "rotate-logs")
    assert "due in 1h 10m" in await run("resume", "rotate-logs")
    assert "is removed" in await run("remove", "rotate-logs")
    assert "rotate-logs" not in await run()
