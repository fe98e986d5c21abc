"""The commands that keep a store, run as its owner would, and homes on which they are tried."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.behaviour.harness import DATABASE_URL, Tocsin, database_url_of
from tests.cli.conftest import Cli, Done
from tests.databases import drop_databases, new_database

from tocsin.store.copying import TABLES

_numbers = count(1)
_OF_A_HOME = ("alert-key-of-the-first-start", "admin.token", "tocsin.db.key")


async def command(tocsin: Tocsin, *argv: str, home: Path | None = None, given: str = "") -> Done:
    """Run a command with the settings of a server, beside it."""
    env = {"TOCSIN_HOME": str(home or tocsin.home)}
    if (url := database_url_of(home or tocsin.home)).startswith("postgresql"):
        env["TOCSIN_DATABASE_URL"] = url
    return await asyncio.to_thread(Cli(env, clock=tocsin.clock), *argv, given=given)


@contextmanager
def an_empty_home(tocsin: Tocsin, home: Path, server: str | None) -> Iterator[Path]:
    """A home like the server's, with its key, in which there is no database; or an empty one on `server`."""
    home.mkdir()
    for name in _OF_A_HOME:
        shutil.copy(tocsin.home / name, home)
    if server is None:
        yield home
        return
    name = f"kept{next(_numbers)}"
    (home / DATABASE_URL).write_text(new_database(server, name))
    try:
        yield home
    finally:
        drop_databases(server, name)


@asynccontextmanager
async def started(tocsin: Tocsin, home: Path, **how: Any) -> AsyncIterator[Tocsin]:
    """A server on another home, with the clock and the receiver of one that has stopped."""
    successor = Tocsin(home, tocsin.clock, tocsin.receiver)
    try:
        yield await successor.start(**how)
    finally:
        tocsin.receiver.let_all_go()
        await successor.stop()


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, as the store's types read it, in an order of their own."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in TABLES
        }
    engine.dispose()
    return found
