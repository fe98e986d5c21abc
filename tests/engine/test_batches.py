"""Batches: what gathers is committed together, what fails is found, nothing is left waiting."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from tests.manual_clock import ManualClock

from tocsin.engine.batches import Batches
from tocsin.store import schema
from tocsin.store.database import Database, Tx
from tocsin.store.writer import StoreUnavailable, Writer

pytestmark = pytest.mark.anyio
_C = schema.counters
POISON = 13


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A writer on a store of its own."""
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    with database.write() as tx:
        schema.metadata.create_all(tx.core)
    made = Writer(database, ManualClock(), on_commit=lambda _: None)
    made.start()
    yield made
    made.stop()
    database.close()


class Outcomes:
    """Batches of numbers, and what became of each."""

    def __init__(self, writer: Writer, *, expects: int) -> None:
        self.batches: list[list[int]] = []
        self.refused: list[int] = []
        self.poisoned: list[int] = []
        self._expects = expects
        self._all = asyncio.Event()
        self.queue: Batches[int, int] = Batches(
            writer,
            asyncio.get_running_loop(),
            self._work,
            done=lambda batch, _: self._note(self.batches, list(batch), len(batch)),
            refused=lambda batch, _: self._refuse(batch),
            poisoned=lambda item, _: self._note(self.poisoned, item, 1),
            most=100,
        )

    async def all(self) -> None:
        await asyncio.wait_for(self._all.wait(), 10)

    def _work(self, tx: Tx, batch: Sequence[int]) -> int:
        for number in batch:
            if number == POISON:
                raise ValueError("poison")
            tx.core.execute(_C.insert().values(name=f"n{number}", value=number))
        return len(batch)

    def _refuse(self, batch: Sequence[int]) -> None:
        for number in batch:
            self._note(self.refused, number, 1)

    def _note(self, where: list[Any], what: object, count: int) -> None:
        where.append(what)
        self._expects -= count
        if self._expects == 0:
            self._all.set()


async def busy(writer: Writer) -> Event:
    """Keep the writer busy until the event is set."""
    begun, go_on = Event(), Event()

    def work(_: Tx) -> None:
        begun.set()
        go_on.wait(10)

    writer.submit(work)
    await asyncio.to_thread(begun.wait, 10)
    return go_on


def stored(writer: Writer) -> "asyncio.Future[list[int]]":
    return asyncio.wrap_future(
        writer.submit(lambda tx: sorted(tx.core.scalars(sa.select(_C.c.value)).all()))
    )


async def test_what_gathers_while_one_commits_is_the_next_batch(writer: Writer) -> None:
    """No timer, no waiting: one batch for all that came meanwhile, in the order in which it came."""
    outcomes = Outcomes(writer, expects=5)
    go_on = await busy(writer)
    for number in (1, 2, 3, 4, 5):
        outcomes.queue.add(number)
    go_on.set()
    await outcomes.all()
    assert outcomes.batches == [[1, 2, 3, 4, 5]]


async def test_one_that_fails_alone_is_found_and_the_others_are_stored(writer: Writer) -> None:
    """Halving finds it; nobody else is lost or stored twice."""
    outcomes = Outcomes(writer, expects=20)
    go_on = await busy(writer)
    for number in range(20):
        outcomes.queue.add(number)
    go_on.set()
    await outcomes.all()
    assert outcomes.poisoned == [POISON]
    assert await stored(writer) == [number for number in range(20) if number != POISON]


async def test_a_failing_store_refuses_everything_that_waits(writer: Writer) -> None:
    """Nobody is left waiting for a database that takes nothing, and afterwards all is well again."""
    outcomes = Outcomes(writer, expects=3)
    go_on = await busy(writer)
    broken = writer.submit(_break)
    for number in (1, 2, 3):
        outcomes.queue.add(number)
    go_on.set()
    await outcomes.all()
    assert isinstance(broken.exception(10), StoreUnavailable)
    assert outcomes.refused == [1, 2, 3]
    again = Outcomes(writer, expects=1)
    again.queue.add(4)
    await again.all()
    assert await stored(writer) == [4]


def _break(_: Tx) -> None:
    raise sa.exc.OperationalError("COMMIT", {}, Exception("disk I/O error"))
