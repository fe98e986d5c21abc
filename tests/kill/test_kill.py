"""kill -9, fifty times and more: nothing accepted is lost, nothing fires twice, repeats are known.

The ledger is the client's and the receivers', outside the server's process. A kill's window is read
from it afterwards: an alert that is stored but was not answered fell between commit and answer; an
attempt closed as `unknown` fell between lease and send if its request never arrived, and between
send and record if it did.
"""

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tocsin.chaos.ledger import Ledger
from tocsin.chaos.load import AUTH_CODE, Load, Senders
from tocsin.chaos.processes import Node, free_ports
from tocsin.chaos.receiver import Manners, Receiver
from tocsin.clock import SystemClock
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Database
from tocsin.store.evidence import count_unfinished

KILLS = 50
MOST_KILLS = 120
HITS = 5
SEED = 20261123
STEPS = 2
LOAD = Load(policies=20, delays=("0s", "1s"), timeout="15s")


@dataclass(frozen=True)
class Run:
    """What came of the killing."""

    ledger: Ledger
    receiver: Receiver
    database: Path
    kills: int
    up_seconds: float
    windows: Counter[str]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return asyncio.run(_kill(tmp_path_factory.mktemp("kill")))


async def _kill(folder: Path) -> Run:
    randomness = random.Random(SEED)
    ledger = Ledger()
    receiver = Receiver(
        AUTH_CODE,
        # It works before it answers, and often hangs up then: the next request needs a new connection.
        Manners(takes_seconds=0.5, closes=0.5),
        randomness=random.Random(SEED),
        clock=SystemClock(),
        tell=ledger.arrived,
    )
    await receiver.start()
    (port,) = free_ports(1, random.SystemRandom())
    server = Node("home", folder, port, os.environ)
    await server.start()
    await asyncio.to_thread(server.configure, LOAD.configuration([receiver.port]))
    senders = Senders(
        ledger, ports=[server.port], connections=40, pause=0.08, policies=LOAD.policies
    )
    senders.start()
    database = server.home / "tocsin.db"
    kills, up_seconds, windows = 0, 0.0, Counter[str]()
    stored: set[str] = set()
    while kills < KILLS or (min(windows[name] for name in _WINDOWS) < HITS and kills < MOST_KILLS):
        began = time.monotonic()
        await asyncio.sleep(randomness.uniform(0.4, 1.2))  # the instant of the kill, by its seed
        server.kill()
        up_seconds += time.monotonic() - began
        kills += 1
        await asyncio.sleep(0.01)  # let the loop see what still came over the sockets
        stored = _look(database, ledger, stored, windows)
        await server.start()
    await senders.stop()
    await _until_delivered(database)
    assert server.stop() == 0
    receiver.stop()
    _count_attempt_windows(database, ledger, windows)
    return Run(ledger, receiver, database, kills, up_seconds, windows)


_WINDOWS = ("commit and answer", "lease and send", "send and record")


def _look(database: Path, ledger: Ledger, before: set[str], windows: Counter[str]) -> set[str]:
    """Count the windows that the latest kill hit; return the entities stored by now."""
    with closing(sqlite3.connect(database)) as connection:
        stored = {row[0] for row in connection.execute("SELECT entity_id FROM incidents")}
        open_ = connection.execute(
            "SELECT id, attempts FROM deliveries WHERE state = 'sending'"
        ).fetchall()
    windows["commit and answer"] += bool(stored - before - ledger.accepted.keys())
    arrived = [
        len(ledger.arrivals.get(id_text(DELIVERY, id_), ())) >= attempts for id_, attempts in open_
    ]
    windows["lease and send"] += not all(arrived)
    windows["send and record"] += any(arrived)
    return stored


def _count_attempt_windows(database: Path, ledger: Ledger, windows: Counter[str]) -> None:
    """Check what was counted at each kill against the attempts on record."""
    with closing(sqlite3.connect(database)) as connection:
        unknown = connection.execute(
            "SELECT count(DISTINCT run_id) FROM attempts WHERE outcome = 'unknown'"
        ).fetchone()[0]
    assert unknown >= windows["send and record"]


async def _until_delivered(file: Path) -> None:
    """Wait until every escalation has fired its last step and nothing waits to be sent."""
    until = time.monotonic() + 120
    database = Database(f"sqlite:///{file}")
    while time.monotonic() < until:
        with database.read() as tx:
            unfinished = count_unfinished(tx)
        if not unfinished:
            database.close()
            return
        await asyncio.sleep(0.2)  # another process: there is nothing to wait on
    raise AssertionError(f"{unfinished} steps and deliveries were never done")


def test_the_load_was_what_it_should_be(killed: Run) -> None:
    """At least 50 kills under at least 200 alerts a second, with at least 100 deliveries in flight."""
    assert killed.kills >= KILLS
    assert len(killed.ledger.accepted) / killed.up_seconds >= 200
    assert killed.receiver.most_in_flight >= 100


@pytest.mark.parametrize("window", _WINDOWS)
def test_kills_fell_into_every_window(killed: Run, window: str) -> None:
    """At least five each: between commit and answer, lease and send, send and record."""
    assert killed.windows[window] >= HITS, killed.windows


def test_every_alert_that_was_answered_is_found(killed: Run) -> None:
    """A 200 means: it is on disk."""
    with closing(sqlite3.connect(killed.database)) as connection:
        stored = {row[0] for row in connection.execute("SELECT entity_id FROM incidents")}
    assert killed.ledger.accepted.keys() <= stored
    assert stored <= killed.ledger.sent
    assert not killed.ledger.turned_away
    assert not killed.ledger.unverified


def test_every_step_fired_exactly_once(killed: Run) -> None:
    """Each incident has one delivery for each of its two steps, and each of them was delivered."""
    with closing(sqlite3.connect(killed.database)) as connection:
        (incidents,) = connection.execute("SELECT count(*) FROM incidents").fetchone()
        fired = connection.execute(
            "SELECT incident, escalation, step, count(*) FROM deliveries GROUP BY 1, 2, 3"
        ).fetchall()
        states = dict(connection.execute("SELECT state, count(*) FROM deliveries GROUP BY 1"))
    assert len(fired) == incidents * STEPS
    assert {count for *_, count in fired} == {1}
    assert states == {"delivered": incidents * STEPS}


def test_every_repeat_has_a_known_id(killed: Run) -> None:
    """A receiver that drops ids it has seen was told of each step of each incident exactly once."""
    with closing(sqlite3.connect(killed.database)) as connection:
        known = {
            id_text(DELIVERY, row[0]) for row in connection.execute("SELECT id FROM deliveries")
        }
    assert set(killed.ledger.arrivals) == known
    ids = killed.ledger.ids_by_receiver()
    several = {place: known for place, known in ids.items() if len(known) > 1}
    assert not several
    assert max(map(len, killed.ledger.arrivals.values())) > 1, (
        "no kill made a repeat: the test shows nothing"
    )


def test_attempts_and_arrivals_agree(killed: Run) -> None:
    """Nothing arrived that is not on record as an attempt, and what is recorded as delivered arrived."""
    attempts: dict[str, list[str]] = defaultdict(list)
    with closing(sqlite3.connect(killed.database)) as connection:
        for id_, outcome in connection.execute("SELECT delivery_id, outcome FROM attempts"):
            attempts[id_text(DELIVERY, id_)].append(outcome)
    for id_, arrived in killed.ledger.arrivals.items():
        sent_for_sure = sum(outcome == "delivered" for outcome in attempts[id_])
        assert sent_for_sure <= len(arrived) <= len(attempts[id_])
