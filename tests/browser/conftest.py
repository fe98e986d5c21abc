"""A browser for the tests of a file, and for each of them one that has never been anywhere."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from tests.behaviour.harness import Tocsin, a_server, make_home
from tests.browser.chromium import a_browser, a_context, listen_for_complaints
from tests.worlds.served import homes

__all__ = ["homes"]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that `tocsin serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Of a file, not of the whole run: its loop would outlive it, and be met by others' tests."""
    async with a_browser() as made:
        yield made


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first start, to be copied."""
    home = tmp_path_factory.mktemp("first") / "home"
    asyncio.run(make_home(home))
    return home


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A home of the test's own, on SQLite: what a store promises is shown elsewhere."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


@pytest.fixture
async def tocsin(home: Path) -> AsyncIterator[Tocsin]:
    """A server without a configuration."""
    async with a_server(home) as made:
        yield made


@pytest.fixture
async def page(browser: Browser, tocsin: Tocsin) -> AsyncIterator[Page]:
    """A window on a desk. A complaint of a page fails the test."""
    async with a_context(browser, tocsin.server.url) as context:
        complaints = listen_for_complaints(context)
        yield await context.new_page()
        assert not complaints
