"""What failed alone is accounted for."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.manual_clock import ManualClock

from tocsin.actions.incident_set import Context
from tocsin.actions.poison import LONGEST_ERROR, Failure, Waiting
from tocsin.domain.poison import Poison
from tocsin.engine.poison import MOST_PAGES_AN_HOUR, Ward
from tocsin.ids import IdSource
from tocsin.master_key import make_master_key
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database, Tx
from tocsin.store.migrate import migrate
from tocsin.store.writer import Writer
from tocsin.vault import Vault

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Case:
    """A ward on a store of its own, and what it had done."""

    def __init__(self, database: Database) -> None:
        self.clock = ManualClock()
        self.writer = Writer(database, self.clock, on_commit=lambda _: None)
        self.writer.start()
        self.counted: list[str] = []
        self.failures: list[Failure] = []
        self._cache = ConfigurationCache(Vault(make_master_key(bytes)))
        self._ids = IdSource(node=1)
        self.ward = Ward(self.writer, self.clock, self._context, on_poison=self.counted.append)

    def _context(self, tx: Tx) -> Context:
        return Context(
            configuration=self._cache.current(tx),
            versions=self._cache.versions,
            now=self.clock.now(),
            ids=self._ids,
        )

    async def fails(self, what: Poison = Poison.STEP, error: str = "no") -> None:
        """Let something fail alone that waits ten minutes, and page if it may."""

        def work(_tx: Tx, context: Context, failure: Failure) -> Waiting:
            self.failures.append(failure)
            return Waiting("#1", context.now + timedelta(minutes=10), has_paged=failure.may_page)

        await self.ward.take_in(what, ValueError(error), work)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    with database.write() as tx:
        migrate(tx)
    made = Case(database)
    yield made
    made.writer.stop()
    database.close()


async def test_what_waits_is_counted_until_it_is_tried_again(case: Case) -> None:
    """Outcomes are not: the courier has them."""
    await case.fails()
    await case.fails(Poison.OUTCOME)
    case.clock.advance(timedelta(minutes=5))
    await case.fails(Poison.HOLD)
    await case.fails(Poison.DELIVERY)
    assert case.ward.count() == 3
    case.clock.advance(timedelta(minutes=5))
    assert case.ward.count() == 2
    case.clock.advance(timedelta(minutes=5))
    assert case.ward.count() == 0
    assert case.counted == ["escalate", "deliver", "escalate", "deliver"]


async def test_only_so_many_page_in_an_hour(case: Case) -> None:
    """Then one more for each that is an hour old."""
    for _ in range(MOST_PAGES_AN_HOUR + 1):
        await case.fails()
        case.clock.advance(timedelta(minutes=1))
    assert [each.may_page for each in case.failures] == [True] * MOST_PAGES_AN_HOUR + [False]
    case.clock.advance(timedelta(minutes=60 - MOST_PAGES_AN_HOUR))
    await case.fails()
    await case.fails()
    await case.fails()
    assert [each.may_page for each in case.failures[-3:]] == [True, True, False]


async def test_an_error_is_told_in_one_line(case: Case) -> None:
    """What a database adds, the statement with its parameters, is in the log only."""
    await case.fails(error="the row is damaged\n[SQL: UPDATE ...]\n[parameters: ('secret',)]")
    await case.fails(error="x" * 1000)
    first, second = case.failures
    assert first.error == "ValueError: the row is damaged"
    assert len(second.error) == LONGEST_ERROR


async def test_a_failure_of_what_makes_it_wait_is_logged_with_the_first(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asked learns of it; the log has what failed before."""

    def work(_tx: Tx, _context: Context, _failure: Failure) -> Waiting:
        raise KeyError("and this, too")

    with pytest.raises(KeyError):
        await case.ward.take_in(Poison.HOLD, ValueError("no"), work)
    (logged,) = [each for each in caplog.records if each.message == "hold.poisoned"]
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], ValueError)
    assert case.ward.count() == 0


async def test_without_one_to_blame_nothing_waits(case: Case) -> None:
    """It may have been done meanwhile, or the whole part fails."""
    case.ward.took_in(Poison.STEP, ValueError("no"), None)
    assert case.ward.count() == 0
    assert case.counted == ["escalate"]
    await asyncio.sleep(0)
