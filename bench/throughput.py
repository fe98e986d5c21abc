"""Deliveries a second by one, two and four processes on one PostgreSQL, and by one on SQLite.

Everything shares the machine: the servers, PostgreSQL and the receiver, so the processor is what runs
out. How much of it each of them used for a delivery says what more cores would allow.
"""

import os
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bench.checking import check_deliveries
from bench.filling import plan, prepare
from bench.machine import Spent, cpu_seconds_of, facts, say
from bench.nodes import CpuWatch, nodes
from bench.processes import Sink, sink
from bench.stores import about, bloat, home, server_cpu_seconds, wal_bytes
from tocsin.settings import Settings
from tocsin.store.database import Database
from tocsin.store.schema import attempts, to_micros

_LOOK_AGAIN = 0.5  # seconds, because it costs; when the last attempt ended is on record
_SLOTS = 16
"""For each webhook: with the usual 4 it is the slots that two servers wait for."""
_GIVE_UP = 600.0  # seconds


class _Backlog:
    """A database with many escalations that wait, of which each round takes its own."""

    def __init__(self, settings: Settings, receiver: Sink, *, pending: int) -> None:
        self._settings = settings
        self._receiver = receiver
        self._pending = pending
        self._fired = 0
        prepare(settings, port=receiver.port, pending=pending)

    def deliver(self, *, count: int, due: int) -> "_Round":
        """Let so many servers deliver what is due. Raises: SystemExit, if anything is lost or twice."""
        say(f"{count} on {self._store}: delivering {due:,} ...")
        database = Database(self._settings.database_url.reveal())
        with database.write() as tx:
            now, first = to_micros(datetime.now(UTC)), self._fired + 1
            plan(tx, {first + n: now - due + n for n in range(due)})
        self._fired += due
        if self._fired > self._pending:
            raise SystemExit(f"more than {self._pending} steps would be due")
        with nodes(self._settings, count, paused=True) as servers:
            watch = CpuWatch(
                {
                    "tocsin": lambda: sum(cpu_seconds_of(each.process_id) for each in servers),
                    "receiver": lambda: cpu_seconds_of(self._receiver.process_id),
                    **({} if database.is_sqlite else {"postgresql": server_cpu_seconds}),
                }
            )
            logged = 0 if database.is_sqlite else wal_bytes()
            began = datetime.now(UTC)
            servers[0].ask("POST", "/resume")
            ended = _until_recorded(database, self._fired)
            logged = logged and wal_bytes() - logged
            wall, cpu = (ended - began).total_seconds(), watch.stop()
        check_deliveries(database, self._receiver.report(), fired=self._fired)
        database.close()
        return _Round(Spent(due, wall, sum(cpu.values())), cpu, logged // due)

    @property
    def _store(self) -> str:
        return self._settings.database_url.reveal().partition(":")[0]


def _until_recorded(database: Database, count: int) -> datetime:
    """Wait until so many attempts have ended; return when the last one did."""
    of_all = sa.select(sa.func.count(), sa.func.max(attempts.c.ended_at))
    deadline = time.perf_counter() + _GIVE_UP
    while time.perf_counter() < deadline:
        time.sleep(_LOOK_AGAIN)
        with database.read() as tx:
            recorded, ended = tx.core.execute(of_all).one()
        if recorded == count:
            assert ended is not None
            return ended  # type: ignore[no-any-return]
    raise SystemExit(f"{count} attempts were not on record after {_GIVE_UP:g} seconds")


class _Round(NamedTuple):
    spent: Spent
    """Its CPU time is that of everybody."""
    cpu: dict[str, float]
    log_bytes: int
    """What a delivery adds to PostgreSQL's log."""


def run(*, quick: bool) -> dict[str, Any]:
    """Return the figures; `ratio` is what two processes deliver a second over what one does.

    `allowed` is what `ratio` would be if two kept every core busy, at what a delivery costs them.
    """
    pending, due, rounds = (20_000, 4_000, 1) if quick else (1_000_000, 60_000, 3)
    found: dict[str, list[_Round]] = {}
    processes = (1, 2) if quick else (1, 2, 4)
    for store, counts in (("postgresql", processes), ("sqlite", (1,))):
        with home(store, slots=_SLOTS) as settings, sink(everywhere=True) as receiver:
            backlog = _Backlog(settings, receiver, pending=pending)
            for _ in range(rounds):
                for count in counts:
                    done = backlog.deliver(count=count, due=due)
                    found.setdefault(f"{store}_{count}", []).append(done)
            if store == "postgresql":
                left_behind = bloat(settings)
    middles = {name: _middle(each) for name, each in found.items()}
    rate = {name: each.spent.per_second for name, each in middles.items()}
    two_at_most = (os.cpu_count() or 1) / (middles["postgresql_2"].spent.cpu / due)
    return {
        "ratio": round(rate["postgresql_2"] / rate["postgresql_1"], 3),
        "ratio_of_most": round(rate[f"postgresql_{processes[-1]}"] / rate["postgresql_1"], 3),
        "allowed": round(two_at_most / rate["postgresql_1"], 3),
        "per_second": {name: round(each) for name, each in rate.items()},
        "cpu_us_per_delivery": {
            name: {who: round(us / due * 1e6, 1) for who, us in each.cpu.items()}
            for name, each in middles.items()
        },
        "log_bytes_per_delivery": {
            name: each.log_bytes for name, each in middles.items() if each.log_bytes
        },
        "busy_cores": {name: round(each.spent.busy, 2) for name, each in middles.items()},
        "pending": pending,
        "delivered": due * sum(map(len, found.values())),
        "bloat": left_behind,
        **about("postgresql"),
        "ran_on": facts(),
    }


def _middle(rounds: list[_Round]) -> _Round:
    return sorted(rounds, key=lambda each: each.spent.per_second)[(len(rounds) - 1) // 2]
