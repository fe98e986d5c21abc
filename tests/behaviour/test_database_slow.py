"""PostgreSQL hangs, fails over or lets nobody in: a few seconds, 503, and the engine goes on by itself."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from tests.behaviour.harness import DATABASE_URL, Tocsin, a_server, until
from tests.behaviour.way_to_postgresql import WayToPostgresql

from tocsin.service.transactions import READERS
from tocsin.store import database as store
from tocsin.store import notices, postgresql
from tocsin.store.database import Database

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("home", ["postgresql"], indirect=True),
]
CRITICAL = {"message_type": "CRITICAL", "entity_id": "disk"}


@pytest.fixture
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, so short that a test can wait for them."""
    monkeypatch.setattr(postgresql, "CONNECT_SECONDS", 1)  # the driver makes 2 of it
    monkeypatch.setattr(store, "_CONNECTION_SECONDS", 0.3)
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(postgresql, "STATEMENT_SECONDS", 0.2)


@pytest.fixture
def way(home: Path) -> Iterator[WayToPostgresql]:
    named = home / DATABASE_URL
    straight = named.read_text()
    way = WayToPostgresql(straight)
    with way.leading():
        named.write_text(way.url)
        yield way
        named.write_text(straight)


@pytest.fixture
async def tocsin(home: Path, way: WayToPostgresql, quick_limits: None) -> AsyncIterator[Tocsin]:
    async with a_server(home) as made:
        yield made


async def told_to_come_back(tocsin: Tocsin) -> None:
    """Alerts, reads and changes are answered 503 with a time."""
    for answer in (
        await tocsin.post_alert(CRITICAL),
        await tocsin.http.get("/api/v1/incidents"),
        await tocsin.ask("POST", "pause"),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0


async def pages(tocsin: Tocsin) -> None:
    """Without anybody's doing, an alert pages again."""
    for _ in range(3):
        await tocsin.advance(seconds=5)
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.http.get("/readyz")).status_code == 200


async def test_a_connection_that_leads_nowhere_is_given_up(
    tocsin: Tocsin, way: WayToPostgresql
) -> None:
    """Nobody is told that it was cut: within seconds it is made anew, and the alert taken all the same."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    way.stall()
    way.go_on()
    await pages(tocsin)


async def test_a_server_that_has_stopped_answering_holds_nobody_up(
    tocsin: Tocsin, way: WayToPostgresql
) -> None:
    """Whoever waits is told to come back within seconds; a step that was due meanwhile fires after it."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.alert()
    way.stall()
    answer = await tocsin.post_alert(CRITICAL)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    tocsin.clock.advance(timedelta(minutes=1))
    way.go_on()
    for _ in range(3):
        await tocsin.advance(seconds=5)
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.incident())["alert_count"] == 1


async def test_a_statement_that_hangs_is_given_up_by_the_server(tocsin: Tocsin) -> None:
    """It ends there, too, and lets go of what it held; the alert is not on record."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    with tocsin.held_up():
        answer = await tocsin.post_alert(CRITICAL)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        await until(lambda: not tocsin.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
    assert not (await tocsin.get("alerts"))["items"]
    await pages(tocsin)


async def test_who_finds_a_standby_asks_again_who_leads(tocsin: Tocsin) -> None:
    """After a failover a connection may live on, to a server that takes nothing: it is made anew."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    writers = tocsin.server.store.database._writers
    connection = writers.raw_connection()
    connection.cursor().execute("SET default_transaction_read_only = on")
    connection.commit()
    connection.close()
    answer = await tocsin.post_alert(CRITICAL)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    await pages(tocsin)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("53300", "sorry, too many clients already"),
        ("57P01", "terminating connection due to administrator command"),
        ("57P03", "the database system is starting up"),
    ],
)
async def test_a_server_that_lets_nobody_in_is_a_matter_of_time(
    tocsin: Tocsin, way: WayToPostgresql, code: str, message: str
) -> None:
    """Out of connections, stopping or starting: everybody is told to come back, and nothing is parked."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    way.refuse(code, message)
    await told_to_come_back(tocsin)
    ready = await tocsin.http.get("/readyz")
    assert ready.status_code == 503
    assert "poison" not in [each["code"] for each in ready.json()["reasons"]]
    way.let_in()
    await pages(tocsin)


async def test_what_takes_its_time_may(tocsin: Tocsin) -> None:
    """A migration is not cut off; the limits hold again after it."""
    database = tocsin.server.store.database
    with database.read() as tx:
        connection = tx.core.connection.driver_connection
        assert connection is not None
        assert connection.info.get_parameters()["tcp_user_timeout"] == "10000"
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert tx.core.exec_driver_sql(f"SHOW {limit}").scalar() == "200ms"
    with database.write() as tx:
        tx.take_time()
        tx.core.exec_driver_sql("SELECT pg_sleep(0.7)")
    with pytest.raises(Exception, match="statement timeout"), database.write() as tx:
        tx.core.exec_driver_sql("SELECT pg_sleep(0.7)")


async def test_a_commit_that_takes_its_time_may(tocsin: Tocsin) -> None:
    """Behind a migration or a copy: who gave up would say that nothing was changed."""
    database = tocsin.server.store.database
    slow = "$$BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END$$"
    with database.write() as tx:
        tx.take_time()
        tx.core.exec_driver_sql("CREATE TEMPORARY TABLE copied (id INTEGER)")
        tx.core.exec_driver_sql(
            f"CREATE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS {slow}"
        )
        tx.core.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON copied DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp.slow()"
        )
        tx.core.exec_driver_sql("INSERT INTO copied VALUES (1)")
    with pytest.raises(Exception, match="statement timeout"), database.write() as tx:
        tx.core.exec_driver_sql("SELECT pg_sleep(0.7)")


async def test_who_finds_no_connection_free_is_told_to_come_back(tocsin: Tocsin) -> None:
    """Others that read for long may hold them all: that is no bug of the request's."""
    database = tocsin.server.store.database
    with ExitStack() as others:
        for _ in range(READERS):
            others.enter_context(database.read())
        answer = await tocsin.http.get("/api/v1/incidents")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert (await tocsin.http.get("/api/v1/incidents")).status_code == 200


async def test_silence_of_others_may_be_a_connection_that_leads_nowhere(
    way: WayToPostgresql, quick_limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hears nothing asks now and then, and so hears again soon."""
    monkeypatch.setattr(notices, "_ASK_EVERY", 0.05)
    database = Database(way.url)
    heard = notices.hear_notices(database, wait_seconds=0.02, monotonic=time.monotonic)
    for _ in range(10):
        assert next(heard) is None
    way.stall()
    with pytest.raises(Exception, match="has not answered"):
        list(heard)
    database.close()
