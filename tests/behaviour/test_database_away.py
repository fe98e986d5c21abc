"""PostgreSQL goes away and comes back: nothing accepted is lost, and the engine goes on by itself."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import Tocsin, database_url_of, until
from tests.databases import let_in

from tocsin.cli.serve import _introduce
from tocsin.cli.shell import Shell
from tocsin.secret import Secret
from tocsin.service.keyring import Keyring
from tocsin.settings import Listen, Settings
from tocsin.store.database import Database, Tx
from tocsin.store.place import DatabaseNotReached
from tocsin.wiring.serving import running

Write = Callable[[Database], AbstractContextManager[Tx]]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("home", ["postgresql"], indirect=True),
]


async def test_while_the_database_is_away_everybody_is_told_to_come_back(tocsin: Tocsin) -> None:
    """Alerts, reads and changes are answered 503 with a time; /readyz says why, /healthz lives."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    let_in(tocsin.database_url, on=False)
    alert = await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    read = await tocsin.http.get("/api/v1/incidents")
    change = await tocsin.ask("POST", "pause")
    ready = await tocsin.http.get("/readyz")
    for answer in (alert, read, change):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert ready.status_code == 503
    assert "store_unavailable" in [each["code"] for each in ready.json()["reasons"]]
    assert (await tocsin.http.get("/healthz")).status_code == 200

    let_in(tocsin.database_url, on=True)
    await tocsin.alert()
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.http.get("/readyz")).status_code == 200


async def test_a_step_that_was_due_meanwhile_fires_when_it_is_back(tocsin: Tocsin) -> None:
    """Nobody has to do anything; how late it was is on record."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.alert()
    let_in(tocsin.database_url, on=False)
    await tocsin.advance(seconds=60)
    for _ in range(6):
        await tocsin.advance(seconds=5)
    assert not tocsin.receiver.requests
    let_in(tocsin.database_url, on=True)
    for _ in range(3):
        await tocsin.advance(seconds=5)
    assert tocsin.receiver.paths() == ["/pager"]
    (paged,) = await tocsin.entries(1, "paged")
    assert 30 <= paged["lateness_seconds"] <= 45


async def test_an_outcome_waits_until_the_database_is_back(tocsin: Tocsin) -> None:
    """The receiver was called once, and that it took it is on record in the end."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    let_in(tocsin.database_url, on=False)
    tocsin.receiver.let_go("/pager")
    assert (await tocsin.ask("POST", "pause")).status_code == 503
    let_in(tocsin.database_url, on=True)
    await tocsin.settle()
    (delivery,) = await tocsin.deliveries()
    assert [each["outcome"] for each in delivery["attempts"]] == ["delivered"]
    assert tocsin.receiver.paths() == ["/pager"]


async def test_who_was_out_of_touch_for_five_seconds_starts_no_attempt(tocsin: Tocsin) -> None:
    """Another node may have taken over what it leased; that attempt is on record, and made again."""
    await tocsin.configure({"main": [("5s", ["pager"])]})
    await tocsin.alert()
    engine = tocsin.server.engine
    await tocsin.advance(seconds=3)
    with tocsin.held_up():
        tocsin.clock.advance(timedelta(seconds=2))
        await until(lambda: tocsin.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
        tocsin.clock.advance(timedelta(seconds=5))
        assert not engine.renewal.is_sure
        ready = (await tocsin.http.get("/readyz")).json()
        assert "out_of_touch" in [each["code"] for each in ready["reasons"]]
    await tocsin.settle()
    await tocsin.advance(seconds=2)
    assert engine.renewal.is_sure
    assert tocsin.receiver.paths() == ["/pager"]
    (delivery,) = await tocsin.deliveries()
    first, *_, last = delivery["attempts"]
    assert (first["outcome"], last["outcome"]) == ("out_of_touch", "delivered")


async def test_a_lease_whose_commit_nobody_heard_of_is_sent_all_the_same(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost while the commit is answered: the attempt is unknown, and made again at once."""
    await tocsin.configure({"main": [("1m", ["pager"])]})
    await tocsin.alert()
    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", _deaf_once(Database.write))
        await tocsin.advance(seconds=60)
    assert not tocsin.receiver.requests
    await tocsin.advance(seconds=1)
    assert tocsin.receiver.paths() == ["/pager"]
    (delivery,) = await tocsin.deliveries()
    assert [each["outcome"] for each in delivery["attempts"]] == ["unknown", "delivered"]
    tocsin.receiver.hold("/pager")
    for entity in range(4):  # no slot was lost
        await tocsin.alert(entity_id=f"{entity}")
    await tocsin.advance(seconds=60)
    assert tocsin.receiver.held == 4


def _deaf_once(write: Write) -> Write:
    """Return `write` whose first commit that leases something is made, and not heard of."""
    heard: list[int] = []

    @contextmanager
    def deaf(database: Database) -> Iterator[Tx]:
        with write(database) as tx:
            yield tx
            leased = tx.core.scalar(sa.text("SELECT count(*) FROM leases"))
        if leased and not heard:
            heard.append(leased)
            raise sa.exc.OperationalError("COMMIT", {}, Exception("the connection was lost"))

    return deaf


@pytest.mark.parametrize("step", [(Database, "read_clock"), (Keyring, "_read")])
async def test_a_start_that_loses_its_database_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    """In a sentence, wherever it is by then: whoever keeps it running starts it again."""
    url = database_url_of(home)
    real = getattr(*step)

    def too_late(*args: Any) -> Any:
        let_in(url, on=False)
        return real(*args)

    monkeypatch.setattr(*step, too_late)
    settings = Settings(home=home, database_url=Secret(url), listen=Listen("127.0.0.1", 0))
    with pytest.raises(DatabaseNotReached, match="check that it runs"):
        async with running(settings):
            pass


async def test_a_server_that_loses_its_database_as_it_begins_to_answer_goes_on(
    tocsin: Tocsin,
) -> None:
    """It cannot say what is not set yet, and says that instead of ending."""
    let_in(tocsin.database_url, on=False)
    out = io.StringIO()
    shell = Shell(env={}, out=out, err=out, now=tocsin.now, clock=tocsin.clock)
    _introduce(tocsin.server, shell)
    assert "The database does not answer" in out.getvalue()
    let_in(tocsin.database_url, on=True)
    _introduce(tocsin.server, shell)
    assert out.getvalue().endswith("Ctrl-C stops it.\n")
    assert out.getvalue().count("does not answer") == 1
