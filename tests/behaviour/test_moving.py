"""Everything moves from SQLite to PostgreSQL, a server goes on there, and none on the file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import DATABASE_URL, ON_SQLITE, Tocsin
from tests.behaviour.keeping import command, rows_of, started
from tests.behaviour.test_poison import OUTCOME
from tests.cli.conftest import Cli
from tests.databases import drop_databases, new_database

from tocsin.store.moved import StoreMoved

pytestmark = [pytest.mark.anyio, ON_SQLITE]


@pytest.fixture
def target(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, as a person writes it."""
    made = new_database(postgresql_url, "moved")
    yield made.replace("+psycopg", "")
    drop_databases(postgresql_url, "moved")


def as_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


async def live(tocsin: Tocsin) -> None:
    """Incidents of every status, deliveries of every state, and whatever else leaves a row."""
    await tocsin.configure(
        {
            "main": [("0s", ["pager", "broken", "slow"]), ("30m", ["boss"])],
            "admins": [("0s", ["admin"])],
        },
        keys={"db": ["main"]},
        default=["admins"],
        webhooks={
            "pager": {"follow_up": ["acknowledged", "resolved"]},
            "broken": {"deadline": "10m"},
        },
    )
    tocsin.receiver.answer("/broken", 500)
    for entity in ("open", "damaged", "held", "acknowledged", "resolved", "reopened"):
        await tocsin.open(entity, state_message="naïve \U0001f4a5 \0 'text' \\N")
    OUTCOME.cast(tocsin)  # of incident 2
    for webhook in ("pager", "broken"):
        await tocsin.post(f"webhooks/{webhook}/test")
    await tocsin.act(3, "hold", **{"for": "2h"})
    await tocsin.act(4, "acknowledge", message="on it")
    await tocsin.act(5, "resolve")
    await tocsin.act(6, "acknowledge")
    await tocsin.act(6, "reopen")
    for _ in range(8):  # the breaker opens, what failed ends
        await tocsin.advance(minutes=1)
    OUTCOME.lift(tocsin)
    await tocsin.post("users", name="tom", role="team_administrator", teams=["ops"])
    await tocsin.post("webhooks/pager/rotate")
    await tocsin.post_alert(b"{no JSON")
    await tocsin.post_alert({"message_type": "INFO", "entity_id": "alone"})
    for _ in range(2):
        await tocsin.ask("POST", "incidents/4/acknowledge", {"message": "again"})
    await tocsin.http.post(
        "/api/v1/keys", json={"name": "sender"}, headers={"Idempotency-Key": "once"}
    )
    await tocsin.post("heartbeats", slug="nightly", every="365d")
    await tocsin.post("tokens", name="gone", scope="read")
    await tocsin.call("DELETE", "tokens/gone")


async def test_everything_moves_and_goes_on(tocsin: Tocsin, target: str) -> None:
    """Every table is the same row by row; what waited is delivered, and the next step fires."""
    await live(tocsin)
    tocsin.receiver.hold("/slow")
    last = await tocsin.open("last")
    (waiting,) = [
        each["id"] for each in await tocsin.deliveries(webhook="slow") if each["incident"] == last
    ]
    tocsin.after_a_crash(tocsin.home.parent / "crashed")  # while it is being sent
    tocsin.receiver.let_all_go()
    await tocsin.stop()
    crashed = Tocsin(tocsin.home.parent / "crashed", tocsin.clock, tocsin.receiver)

    done = await command(crashed, "migrate-store", "--to", target, home=crashed.home)
    assert (done.code, done.err) == (0, "")
    assert re.search(
        r"\n  TOCSIN_DATABASE_URL='?postgresql://\S*/\S*moved\S* tocsin serve\n", done.out
    )
    ours, theirs = rows_of(crashed.database_url), rows_of(as_driver(target))
    ours["settings"] = [row for row in ours["settings"] if row[0] != "moved_to"]
    assert ours == theirs
    states = {row[6] for row in ours["deliveries"]}
    assert states >= {"pending", "sending", "delivered", "failed", "cancelled"}
    unfilled = {name for name, rows in ours.items() if not rows}
    assert unfilled == {
        *("used_links", "receiver_certificates", "certificate_warnings"),
        *("sessions", "identities"),  # of people who have signed in
    }

    (crashed.home / DATABASE_URL).write_text(as_driver(target))
    async with started(tocsin, crashed.home) as successor:
        await successor.until_taken_over()
        sent = [each for each in successor.receiver.requests if each.delivery_id == waiting]
        assert len(sent) == 2
        before = successor.receiver.count("/boss")
        await successor.advance(minutes=31)
        assert successor.receiver.count("/boss") > before
        assert await successor.open("afterwards") == last + 1
        again = await successor.http.post(
            "/api/v1/keys", json={"name": "sender"}, headers={"Idempotency-Key": "once"}
        )
        assert again.status_code == 201
    assert not tocsin.receiver.refused


async def test_no_server_starts_on_what_was_moved_until_somebody_goes_back(
    tocsin: Tocsin, target: str, tmp_path: Path
) -> None:
    """Both would page; the refusal says where everything went, and how to go back. Nor is it backed up: a
    timer would go on for ever, and every night there would be a good backup of the store of before.
    """
    await tocsin.configure({"main": [("10m", ["pager"])]})
    await tocsin.alert()
    await tocsin.stop()
    assert (await command(tocsin, "migrate-store", "--to", "-", given=f"{target}\n")).code == 0
    assert rows_of(tocsin.database_url)["settings"] != rows_of(as_driver(target))["settings"]
    where = str(sa.make_url(target).database)
    with pytest.raises(StoreMoved, match=rf"{where}.*migrate-store --undo"):
        async with started(tocsin, tocsin.home):
            pass
    backup = await command(tocsin, "backup", str(tmp_path / "backup.db"))
    assert (backup.code, where in backup.err) == (1, True)
    assert not (tmp_path / "backup.db").exists()
    again = await command(tocsin, "migrate-store", "--to", target)
    assert (again.code, "was moved to" in again.err) == (1, True)
    undone = await command(tocsin, "migrate-store", "--undo")
    assert (undone.code, where in undone.out) == (0, True)
    async with started(tocsin, tocsin.home) as successor:
        await successor.advance(minutes=10)
        assert successor.receiver.paths() == ["/pager"]
    undone = await command(tocsin, "migrate-store", "--undo")
    assert (undone.code, "was not moved" in undone.err) == (1, True)


async def test_a_move_that_fails_changes_neither_side(tocsin: Tocsin, target: str) -> None:
    """Whatever it is: a server that runs, a target that is not empty, or one that fails at the end."""
    await tocsin.alert()
    move = ("migrate-store", "--to", target)
    refused = await command(tocsin, *move)
    assert (refused.code, "stop it first" in refused.err) == (1, True)
    await tocsin.stop()
    before = rows_of(tocsin.database_url)
    engine = sa.create_engine(as_driver(target), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(  # fails when the transaction is committed
            "CREATE FUNCTION fail() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS "
            "(SELECT FROM pg_tables WHERE tablename = 'alerts') AND NOT EXISTS "
            "(SELECT FROM pg_tables WHERE tablename = 'at_commit') THEN CREATE TABLE at_commit (n int UNIQUE DEFERRABLE "
            "INITIALLY DEFERRED); INSERT INTO at_commit VALUES (1), (1); END IF; END $$"
        )
        connection.exec_driver_sql(
            "CREATE EVENT TRIGGER fail ON ddl_command_end WHEN TAG IN ('CREATE INDEX') "
            "EXECUTE FUNCTION fail()"
        )
        refused = await command(tocsin, *move)
        assert (refused.code, "at_commit" in refused.err) == (1, True)
        assert not sa.inspect(connection).has_table("alerts")
        connection.exec_driver_sql("DROP EVENT TRIGGER fail")
        connection.exec_driver_sql("CREATE TABLE alerts (id INTEGER)")
        refused = await command(tocsin, *move)
        assert (refused.code, "new and empty" in refused.err) == (1, True)
        connection.exec_driver_sql("DROP TABLE alerts")
    engine.dispose()
    assert rows_of(tocsin.database_url) == before
    done = await command(tocsin, *move, "--json")
    assert (done.code, done.json["rows"]) == (0, sum(map(len, before.values())))
    assert (await command(tocsin, "migrate-store", "--undo")).code == 0
    await tocsin.start()


async def test_what_cannot_be_moved_is_told(tocsin: Tocsin, target: str, tmp_path: Path) -> None:
    """A store on PostgreSQL, a home without a database, a target that is none."""
    await tocsin.stop()
    (tmp_path / "empty").mkdir()
    nothing = await command(tocsin, "migrate-store", "--to", target, home=tmp_path / "empty")
    assert (nothing.code, "there is no database" in nothing.err) == (1, True)
    (tmp_path / "empty" / DATABASE_URL).write_text(as_driver(target))
    other = await command(tocsin, "migrate-store", "--to", target, home=tmp_path / "empty")
    assert (other.code, "tocsin restore" in other.err) == (1, True)
    wrong = await command(tocsin, "migrate-store", "--to", "sqlite:////other.db")
    assert (wrong.code, "postgresql://" in wrong.err) == (2, True)
    away = await command(tocsin, "migrate-store", "--to", "postgresql://u:hidden@127.0.0.1:9/x")
    assert (away.code, "nothing was changed" in away.err) == (1, True)
    assert "hidden" not in away.err
    await tocsin.start()


async def test_a_key_that_the_new_server_would_not_find_is_named(
    tocsin: Tocsin, target: str, tmp_path: Path
) -> None:
    """With PostgreSQL a server looks for it in its home, and here it lies beside the file."""
    await tocsin.stop()
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    for name in ("tocsin.db", "tocsin.db.key"):
        (tocsin.home / name).rename(elsewhere / name)
    env = {"TOCSIN_HOME": str(tocsin.home)}
    env["TOCSIN_DATABASE_URL"] = f"sqlite:///{elsewhere / 'tocsin.db'}"
    done = Cli(env)("migrate-store", "--to", target, "--json")
    assert done.json["next"].startswith(f"TOCSIN_MASTER_KEY_FILE='{elsewhere / 'tocsin.db.key'}' ")
    (elsewhere / "tocsin.db.key").rename(tocsin.home / "tocsin.db.key")
    (elsewhere / "tocsin.db").rename(tocsin.home / "tocsin.db")
    assert Cli({"TOCSIN_HOME": str(tocsin.home)})("migrate-store", "--undo", "--json").code == 0
    await tocsin.start()


async def test_what_was_moved_can_come_back(tocsin: Tocsin, target: str, tmp_path: Path) -> None:
    """By a backup of PostgreSQL, which is an SQLite file: restored, it has what came since."""
    await tocsin.configure({"main": [("10m", ["pager"])]})
    await tocsin.stop()
    assert (await command(tocsin, "migrate-store", "--to", target)).code == 0
    (tocsin.home / DATABASE_URL).write_text(as_driver(target))
    async with started(tocsin, tocsin.home) as successor:
        await successor.alert()
        assert (await command(tocsin, "backup", str(tmp_path / "backup.db"))).code == 0
    (tocsin.home / DATABASE_URL).unlink()
    back = await command(tocsin, "restore", str(tmp_path / "backup.db"), "--replace")
    assert (back.code, back.err) == (0, "")
    async with started(tocsin, tocsin.home) as successor:
        await successor.advance(minutes=10)
        assert successor.receiver.paths() == ["/pager"]
