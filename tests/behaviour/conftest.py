"""Every behaviour runs on a whole server of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server, make_home


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


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A home of the test's own, without a configuration."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


@pytest.fixture
async def tocsin(home: Path) -> AsyncIterator[Tocsin]:
    """A server without a configuration."""
    async with a_server(home) as made:
        yield made


@pytest.fixture(scope="module")
async def shared(
    first_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tocsin]:
    """One server for the tests of a file that keep out of each other's way: own keys, own entities."""
    home = tmp_path_factory.mktemp("shared") / "home"
    async with a_server(Path(shutil.copytree(first_home, home))) as made:
        yield made
