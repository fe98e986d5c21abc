"""Every behaviour runs on a whole server of its own."""

import asyncio
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import DATABASE_URL, Tocsin, a_server, make_home
from tests.databases import KINDS, drop_databases, new_database, postgresql_url

__all__ = ["postgresql_url"]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that `tocsin serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first start, to be copied."""
    home = tmp_path_factory.mktemp("first") / "home"
    asyncio.run(make_home(home))
    return home


@pytest.fixture(scope="session")
def first_home_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql_url: str
) -> Iterator[Path]:
    """The same, whose database lies on PostgreSQL."""
    home = tmp_path_factory.mktemp("first-on-postgresql") / "home"
    home.mkdir()
    (home / DATABASE_URL).write_text(new_database(postgresql_url, _FIRST))
    asyncio.run(make_home(home))
    yield home
    drop_databases(postgresql_url, _FIRST)


@pytest.fixture(params=KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own, without a configuration, on each kind of database."""
    if request.param == "sqlite":
        first: Path = request.getfixturevalue("first_home")
        yield Path(shutil.copytree(first, tmp_path / "home"))
        return
    first = request.getfixturevalue("first_home_on_postgresql")
    with on_postgresql(first, tmp_path / "home", request.getfixturevalue("postgresql_url")) as made:
        yield made


@contextmanager
def on_postgresql(first: Path, home: Path, server: str) -> Iterator[Path]:
    """Copy a home and its database for as long as the block lasts."""
    name = f"behaviour{next(_numbers)}"
    shutil.copytree(first, home)
    (home / DATABASE_URL).write_text(new_database(server, name, template=_FIRST))
    try:
        yield home
    finally:
        drop_databases(server, name)


_FIRST = "first"
_numbers = count(1)


@pytest.fixture
async def tocsin(home: Path) -> AsyncIterator[Tocsin]:
    """A server without a configuration."""
    async with a_server(home) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def shared_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The home of `shared`, made where no loop runs."""
    home = tmp_path_factory.mktemp("shared") / "home"
    if request.param == "sqlite":
        yield Path(shutil.copytree(request.getfixturevalue("first_home"), home))
        return
    first = request.getfixturevalue("first_home_on_postgresql")
    with on_postgresql(first, home, request.getfixturevalue("postgresql_url")) as made:
        yield made


@pytest.fixture(scope="module")
async def shared(shared_home: Path) -> AsyncIterator[Tocsin]:
    """One server for the tests of a file that keep out of each other's way: own keys, own entities."""
    async with a_server(shared_home) as made:
        yield made


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A slow name server: it answers about localhost only when the test lets it."""
    answering = threading.Event()
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "localhost" and kwargs.get("flags", 0) != socket.AI_NUMERICHOST:
            answering.wait(10)
            return system("127.0.0.1", *args, **kwargs)
        return system(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield answering
    answering.set()
